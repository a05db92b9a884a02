"""Operators on the deployed template: the command line, signed requests, the archive, and a restore."""

import gzip
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.ministack import REGION
from tests.e2e.stack import Stack
from tests.e2e.test_permissions import role_of
from tests.support.cli import commands
from tests.support.template import ROOT

TABLES = ("Transactions", "Events", "Wallets", "Accounts", "Cursors")
_UNTIL_FINAL_SECONDS = 150
QUIETED = ("ingest", "submit", "confirm", "deadletter", "watch")
FORBIDDEN = 403


def environment(stack: Stack) -> dict[str, str]:
    """What the command line needs to find the stack."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT / "clients" / "cli"),
        "LOCAL_STATE": str(stack.state),
        "AWS_ENDPOINT_URL": "",
        "COLUMNS": "200",
    }


def command(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command against the stack."""
    return commands().run(["--local", *arguments], environment(stack))


def told(stack: Stack, *arguments: str) -> Any:  # noqa: ANN401 (whatever the command gives)
    """Run a command for scripts, and give what it says."""
    ended = command(stack, *arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def output(stack: Stack, name: str) -> str:
    """One of the deployed stack's outputs."""
    answer = stack.aws("cloudformation").describe_stacks(StackName=stack.description.stack_name)
    found = {one["OutputKey"]: one["OutputValue"] for one in answer["Stacks"][0]["Outputs"]}
    return str(found[name])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/status"),
        ("POST", "/admin/pause"),
        ("POST", "/admin/recover"),
        ("GET", "/admin/wallets"),
    ],
)
def test_operators_routes_are_closed_to_the_unsigned_and_to_those_without_permission(
    stack: Stack, method: str, path: str
) -> None:
    """A forged signature, and a real one by somebody whom IAM allows other things."""
    url = stack.description.api_url + path
    session = stack.aws("sts").assume_role(RoleArn=role_of(stack, "query"), RoleSessionName="test")
    given = session["Credentials"]
    real = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    forged = Credentials(given["AccessKeyId"], "not the secret", given["SessionToken"])

    answers = [stack.http.request(method, path, json={}).status_code]
    for credentials in (real, forged):
        request = AWSRequest(method, url, data="{}", headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, "execute-api", REGION).add_auth(request)
        signed = stack.http.request(method, url, content="{}", headers=dict(request.headers.items()))
        answers.append(signed.status_code)

    assert answers == [FORBIDDEN] * 3


def test_an_operator_pauses_sees_what_waits_and_resumes(stack: Stack) -> None:
    """Posts are taken meanwhile, and mined after."""
    assert told(stack, "pause", "--note", "test")["scope"] == "everything"
    try:
        accepted = stack.post(stack.payer(31).pay(1_000, deadline=stack.deadline())).json()
        name = accepted["transaction_id"]
        waiting = stack.record_when(name, lambda record: record["waiting_for"] == "paused by operator")
        status = told(stack, "status")
        listed = told(stack, "transactions", "list", "--status", "VALIDATED")
        shown = command(stack, "status")
        told(stack, "retry", name)
    finally:
        told(stack, "resume")

    assert waiting["status"] == "VALIDATED"
    assert [pause["note"] for pause in status["paused"]] == ["test"]
    assert name in [record["transaction_id"] for record in listed["transactions"]]
    assert shown.stdout.startswith("PAUSED everything")
    assert stack.ended(name)["status"] == "CONFIRMED"
    everything = told(stack, "transactions", "show", name)
    assert everything["events"][-1]["event"] == "payment_confirmed"
    assert everything["nonce"]["attempts"][0]["hash"] == everything["record"]["hash"]
    # A wallet has a row on each chain from its first use there.
    here = [one for one in told(stack, "wallets")["wallets"] if one["chain_id"] == stack.description.chain_id]
    assert len(here) == len(stack.description.wallets)


def test_new_events_are_followed_as_they_are_written(stack: Stack) -> None:
    """From the table's own stream."""
    follow = [sys.executable, "-m", "ferryman_cli", "--local", "events", "--follow", "--json"]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(follow, env=environment(stack), text=True, **pipes) as following:
        try:
            assert following.stderr
            assert "following" in following.stderr.readline()
            posted = stack.post(stack.payer(31).pay(1_000, deadline=stack.deadline())).json()
            assert following.stdout
            heard: list[str] = []
            while "payment_confirmed" not in heard:
                event = json.loads(following.stdout.readline())
                if event["transaction_id"] == posted["transaction_id"]:
                    heard.append(event["event"])
        finally:
            following.terminate()

    assert heard[0] == "payment_accepted"
    assert heard[-1] == "payment_confirmed"


def test_what_is_old_is_exported_and_only_then_expires(stack: Stack) -> None:
    """A payment is made to look old; the archive has its row and all of its events."""
    name = stack.post(stack.payer(31).pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
    record = stack.ended(name)
    table = output(stack, "TransactionsTableName")
    stack.aws("dynamodb").update_item(
        TableName=table,
        Key={"transaction_id": {"S": name}},
        UpdateExpression="SET due_at = :old, deadline_seconds = :past, block_number = :final",
        ExpressionAttributeValues={":old": {"N": "1"}, ":past": {"N": "1"}, ":final": {"N": "1"}},
    )

    # confirm measures once a minute what is final, and anvil calls nothing final before block 64.
    until = time.monotonic() + _UNTIL_FINAL_SECONDS
    while not (exported := told(stack, "export"))["exported"] and time.monotonic() < until:
        time.sleep(2)

    s3, bucket = stack.aws("s3"), output(stack, "ArchiveBucketName")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    lines = [json.loads(line) for body in bodies for line in body.splitlines()]
    (line,) = [line for line in lines if line["row"]["transaction_id"] == name]
    item = stack.aws("dynamodb").get_item(TableName=table, Key={"transaction_id": {"S": name}})["Item"]
    assert exported["exported"] >= 1
    assert len(line["events"]) == record["sequence"]
    assert line["row"]["hash"] == record["hash"]
    assert "expires_at" in item


def test_tables_restored_from_backups_of_different_moments_recover_and_go_on(stack: Stack) -> None:
    """Backups one table after the other under load, more payments, then everything goes back in time."""
    dynamodb, aws_lambda = stack.aws("dynamodb"), stack.aws("lambda")
    payer = stack.payer(7)
    first = [post(stack, payer) for _ in range(4)]
    backups = {}
    for table in TABLES:
        name = output(stack, f"{table}TableName")
        backups[table] = dynamodb.create_backup(TableName=name, BackupName=table)["BackupDetails"][
            "BackupArn"
        ]
        first.append(post(stack, payer))
    later = [post(stack, payer) for _ in range(2)]
    for name in (*first, *later):
        assert stack.ended(name)["status"] == "CONFIRMED"
    relayed, functions = stack.relayed(), [f"{stack.description.stack_name}-{step}" for step in QUIETED]

    for function in functions:
        aws_lambda.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        copies = []
        for table in TABLES:
            restored = f"restored-{table}"
            dynamodb.restore_table_from_backup(TargetTableName=restored, BackupArn=backups[table])
            copies += ["--from", f"{table}={restored}"]
        time.sleep(5)
        changed = told(stack, "restore", *copies, "--go")
        assert told(stack, "restore", *copies)["tables"][0]["put"] == 0
        dry = told(stack, "recover")
        done = told(stack, "recover", "--go")
        again = told(stack, "recover", "--go")
    finally:
        for function in functions:
            aws_lambda.delete_function_concurrency(FunctionName=function)

    assert sum(table["put"] + table["deleted"] for table in changed["tables"]) > 0
    assert dry["findings"]
    assert done["findings"]
    assert again["findings"] == []
    # As the schedule does within a minute.
    aws_lambda.invoke(
        FunctionName=f"{stack.description.stack_name}-confirm", InvocationType="Event", Payload=b"{}"
    )
    known = {name: stack.http.get(f"/transactions/{name}").status_code for name in first}
    assert {stack.ended(name)["status"] for name, status in known.items() if status != 404} == {"CONFIRMED"}
    assert stack.ended(post(stack, payer))["status"] == "CONFIRMED"
    assert stack.relayed() == relayed + 1, "gas was spent on what was done before"


def test_a_window_is_replayed_as_often_as_anybody_likes_and_each_payment_is_mined_once(stack: Stack) -> None:
    """Listed first; while everything is paused nothing goes on, and afterwards everything does, once."""
    payer = stack.payer(31)
    relayed = stack.relayed()
    told(stack, "pause", "--note", "replay")
    since = datetime.now(UTC).isoformat()
    names = {post(stack, payer) for _ in range(3)}

    listed = told(stack, "replay", "--since", since)
    first = told(stack, "replay", "--since", since, "--go")
    told(stack, "resume")
    second = told(stack, "replay", "--since", since, "--go")

    assert {one["transaction_id"] for one in listed["transactions"]} == names
    assert (listed["replayed"], first["replayed"]) == (0, 3)
    assert second["replayed"] + len(second["refused"]) == len(second["transactions"])
    assert {stack.ended(name)["status"] for name in names} == {"CONFIRMED"}
    assert stack.relayed() <= relayed + 3


def post(stack: Stack, payer: Any) -> str:  # noqa: ANN401 (a Payer)
    """Post a payment; give its id."""
    answer = stack.post(payer.pay(1_000, deadline=stack.deadline()))
    assert answer.is_success, answer.text
    return str(answer.json()["transaction_id"])
