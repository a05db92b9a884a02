"""API Gateway's own keys and usage plans: what throttles a trusted client.

Each of our keys has one there, whose value is our key's id: a name to count by, not a secret, because this
API takes the value from the authorizer and never from a header.
"""

from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.access import Role
from ferryman.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

_PAGE: Final = 500


class ApiGatewayUsagePlans:
    """The UsagePlans port.

    Args:
        client: a boto3 client.
        deployment: the stack's name: its plans are `<deployment>-<role>`, its keys `<deployment>-<key id>`.

    """

    def __init__(self, client: "APIGatewayClient", deployment: str) -> None:
        self._client = client
        self._deployment = deployment

    def admit(self, key_id: str, *, name: str, role: Role) -> None:
        """Count a key's calls under the plan of its role."""
        try:
            plan = self._plan(role)
            created = self._client.create_api_key(
                name=self._name(key_id), description=name, value=key_id, enabled=True
            )
            self._client.create_usage_plan_key(usagePlanId=plan, keyId=created["id"], keyType="API_KEY")
        except (ClientError, BotoCoreError) as error:
            raise _unavailable(error) from error

    def expel(self, key_id: str) -> None:
        """Remove the key from its plan and from API Gateway; one that is gone already is no mistake."""
        try:
            found = self._client.get_api_keys(nameQuery=self._name(key_id), includeValues=False)
            for key in found["items"]:
                self._client.delete_api_key(apiKey=key["id"])
        except (ClientError, BotoCoreError) as error:
            raise _unavailable(error) from error

    def _plan(self, role: Role) -> str:
        wanted = f"{self._deployment}-{role.value}"
        pages = self._client.get_paginator("get_usage_plans").paginate(PaginationConfig={"PageSize": _PAGE})
        for page in pages:
            for plan in page["items"]:
                if plan.get("name") == wanted:
                    return plan["id"]
        raise StoreUnavailableError(f"there is no usage plan {wanted}")

    def _name(self, key_id: str) -> str:
        return f"{self._deployment}-{key_id}"


def _unavailable(error: ClientError | BotoCoreError) -> StoreUnavailableError:
    return StoreUnavailableError(f"API Gateway refused: {code_of(error)}")
