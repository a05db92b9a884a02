"""Invariants 7 and 8, deployed: who may sign, who may read RPC addresses, and what is never logged."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.denials import unexplained
from tests.e2e.stack import Stack
from tests.support.template import environment, functions

MOST_LINES = 10_000
"""Lines of a log that are given at once."""
OTHERS = ["ingest", "x402", "confirm", "deadletter", "notify", "socket", "query", "deliver", "webhooks"]


def role_of(stack: Stack, step: str) -> str:
    """ARN of a function's role."""
    name = f"{stack.description.stack_name}-{step}"
    role: str = stack.aws("lambda").get_function_configuration(FunctionName=name)["Role"]
    return role


def as_role(stack: Stack, step: str, service: str) -> Any:  # noqa: ANN401 (a boto3 client)
    """A client with nothing but a function's own permissions."""
    role = role_of(stack, step)
    session = stack.aws("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return stack.aws(
        service,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )


@contextmanager
def without_policy(stack: Stack, step: str, policy: str) -> Iterator[None]:
    """Take a policy from a function's role for a while."""
    iam, role = stack.aws("iam"), role_of(stack, step).rpartition("/")[2]
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def wallet_key(stack: Stack) -> str:
    """Id of a wallet's key."""
    return stack.output("WalletKeyIds").split(",")[0]


def treasury_key(stack: Stack) -> str:
    """ARN of the treasury's key, which is not the stack's own."""
    name = f"{stack.description.stack_name}-submit"
    configuration = stack.aws("lambda").get_function_configuration(FunctionName=name)
    return str(configuration["Environment"]["Variables"]["TREASURY_KEY_ID"])


@pytest.mark.parametrize("step", OTHERS)
def test_nobody_but_submit_may_sign(stack: Stack, step: str) -> None:
    """Each function has what its step needs, and no more: neither a wallet's key nor the treasury's."""
    kms = as_role(stack, step, "kms")

    for key in (wallet_key(stack), treasury_key(stack)):
        with pytest.raises(ClientError) as denied:
            kms.sign(KeyId=key, Message=bytes(32), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")

        assert "AccessDenied" in denied.value.response["Error"]["Code"]


def test_without_its_policy_submit_is_denied_and_the_payment_waits_until_it_is_back(stack: Stack) -> None:
    """A nonce is bound and stays bound; nothing is lost, and the same nonce is signed later.

    What submit is denied is told, and found as the end of all tests looks for it; there it is passed over.
    """
    with stack.denying("submit", "kms"), without_policy(stack, "submit", "sign"):
        accepted = stack.post(stack.payer(9).pay(1_000, deadline=stack.deadline())).json()
        name = accepted["transaction_id"]
        # Bound and unsigned; or not even bound, where submit does not know its addresses yet.
        waiting = stack.record_when(
            name, lambda record: bool(record["status"] == "PENDING" or record["waiting_for"])
        )
        with pytest.raises(ClientError) as denied:
            as_role(stack, "submit", "kms").sign(
                KeyId=wallet_key(stack),
                Message=bytes(32),
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        told = stack.denial_of("submit")

    assert "kms:" in told.cause
    assert told in unexplained(stack.denials(), [])
    assert told not in unexplained(stack.denials(), stack.purposes)
    assert "AccessDenied" in denied.value.response["Error"]["Code"]
    assert waiting["hash"] is None
    assert stack.ended(name)["status"] == "CONFIRMED"


def test_no_signature_token_ticket_or_key_is_ever_logged(stack: Stack) -> None:
    """Log lines name what happened, not what was sent."""
    body = stack.payer(9).pay(1_000, deadline=stack.deadline())
    stack.ended(stack.post(body).json()["transaction_id"])
    stack.post({**body, "amount": "1001"})
    stack.post({**body, "signature": body["signature"][:-2]})

    token = stack.signed_in(9)["Authorization"].removeprefix("Bearer ")
    stack.http.post("/sign-out", headers={"Authorization": f"Bearer {token}"})
    used = stack.ticket(stack.reader)
    with stack.socket(used):
        pass
    keys = (stack.description.reader_key, stack.description.service_key)
    carried = [token, used, *keys, *(key.split("_", 2)[2] for key in keys)]

    lines = list(log_lines(stack))

    assert len(lines) > 10
    assert not [line for line in lines for secret in carried if secret in line]
    assert not [line for line in lines if body["signature"][2:130] in line]
    assert not [line for line in lines if "PRIVATE" in line or "aws_secret" in line.lower()]


def log_lines(stack: Stack, pattern: str = "") -> Iterator[str]:
    """Every line of every function's log that matches a filter pattern; any does by default."""
    logs = stack.aws("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        yield from _lines(logs, group["logGroupName"], pattern)


def _lines(logs: Any, group: str, pattern: str) -> Iterator[str]:  # noqa: ANN401 (a boto3 client)
    # The emulator gives no token for what a full page has left out: the next one begins where it ends.
    since = 0
    while True:
        events = logs.filter_log_events(logGroupName=group, filterPattern=pattern, startTime=since)["events"]
        yield from (event["message"] for event in events)
        if len(events) < MOST_LINES:
            return
        assert events[-1]["timestamp"] > since, "no page holds what this moment has"
        since = events[-1]["timestamp"]


# -- RPC addresses --------------------------------------------------------------------------------

TALKING = [step for step in functions() if "RPC_URLS_PATH" in environment(step)]
"""Steps that talk to the chain."""


@pytest.mark.parametrize("step", TALKING)
def test_who_talks_to_the_chain_reads_its_addresses_and_nothing_beside_them(stack: Stack, step: str) -> None:
    """The permission ends with the stack's own path."""
    name = f"/{stack.description.stack_name}/chains/{stack.description.chain_id}/rpc-urls"
    stack.aws("ssm").put_parameter(Name="/elsewhere", Value="[]", Type="SecureString", Overwrite=True)
    ssm = as_role(stack, step, "ssm")

    read = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]

    assert (read["Type"], json.loads(read["Value"])) == ("SecureString", [stack.description.rpc_url])
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.get_parameter(Name="/elsewhere", WithDecryption=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        ssm.put_parameter(Name=name, Value="[]", Type="SecureString", Overwrite=True)


@pytest.mark.parametrize("step", sorted(functions().keys() - TALKING))
def test_the_others_may_not_read_the_addresses_and_do_not_have_them(stack: Stack, step: str) -> None:
    """Neither from the parameter store nor in their environment."""
    name = f"{stack.description.stack_name}-{step}"
    function = stack.aws("lambda").get_function_configuration(FunctionName=name)
    with pytest.raises(ClientError, match="AccessDenied"):
        as_role(stack, step, "ssm").get_parameter(
            Name=f"/{stack.description.stack_name}/chains/{stack.description.chain_id}/rpc-urls",
            WithDecryption=True,
        )

    assert stack.description.rpc_url not in json.dumps(function["Environment"])
