"""Usage plans at API Gateway itself, as the emulator has it."""

from typing import Any

import pytest
from botocore.stub import Stubber

from ferryman.adapters.usage_plans import ApiGatewayUsagePlans
from ferryman.domain.access import Role
from ferryman.domain.errors import StoreUnavailableError
from tests.support.ministack import client

KEY_ID = "0a1b" * 6


@pytest.fixture
def gateway(aws_url: str) -> Any:  # noqa: ANN401 (boto3's client)
    """Give a client of the emulator's API Gateway, with the plans of two deployments."""
    gateway = client("apigateway", aws_url)
    for name in ("one-reader", "two-service", "one-service", "one-admin"):
        gateway.create_usage_plan(name=name)
    return gateway


def members(gateway: Any, plan: str) -> list[str]:  # noqa: ANN401
    """Give the values of the keys that a plan counts."""
    found = [one["id"] for one in gateway.get_usage_plans()["items"] if one["name"] == plan]
    keys = [gateway.get_usage_plan_keys(usagePlanId=name)["items"] for name in found]
    return [key["value"] for of_plan in keys for key in of_plan]


def test_a_key_is_counted_under_the_plan_of_its_role_until_it_is_expelled(gateway: Any) -> None:  # noqa: ANN401
    """In its own deployment, by its id."""
    plans = ApiGatewayUsagePlans(gateway, "one")

    plans.admit(KEY_ID, name="Ada", role=Role.SERVICE)

    assert members(gateway, "one-service") == [KEY_ID]
    assert members(gateway, "one-reader") == members(gateway, "two-service") == []
    for _ in range(2):
        plans.expel(KEY_ID)
    assert KEY_ID not in [key["value"] for key in gateway.get_api_keys(includeValues=True)["items"]]


def test_a_deployment_without_its_plan_takes_no_keys(gateway: Any) -> None:  # noqa: ANN401
    """They would be refused at the door."""
    with pytest.raises(StoreUnavailableError, match="three-reader"):
        ApiGatewayUsagePlans(gateway, "three").admit(KEY_ID, name="Ada", role=Role.READER)


def test_a_refusal_of_the_gateway_is_passing(gateway: Any) -> None:  # noqa: ANN401
    """It throttles its own API to a few calls a second."""
    plans = ApiGatewayUsagePlans(gateway, "one")

    with Stubber(gateway) as refusing:
        refusing.add_client_error("get_usage_plans", "TooManyRequestsException", http_status_code=429)
        with pytest.raises(StoreUnavailableError, match="TooManyRequests"):
            plans.admit(KEY_ID, name="Ada", role=Role.READER)
        refusing.add_client_error("get_api_keys", "TooManyRequestsException", http_status_code=429)
        with pytest.raises(StoreUnavailableError, match="TooManyRequests"):
            plans.expel(KEY_ID)
