"""What of the time is the emulator's own."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import httpx

from local.bench.paying import signed_payments
from local.bench.plan import Plan
from local.bench.report import ResultTable, number
from local.description import StackDescription
from local.ministack import LocalAws
from local.paths import FUNCTIONS, ROOT
from local.summary import Summary, percentile

_PROBE_SECONDS = 120.0
_JSON = {"content-type": "application/json"}
_CONTEXT = {"requestContext": {"requestId": "probe", "identity": {"sourceIp": "127.0.0.1"}}}

NOTE = (
    "The emulator's HTTP share is a call's time from outside less that of the very same handler called in a "
    "process of our own, against the same tables, queue and chain, at the same pace. Of what remains, the "
    "processor time is ours; the rest is waiting for the emulated DynamoDB and SQS, and for anvil."
)


def emulator_table(stack: StackDescription, plan: Plan, paced: Summary) -> ResultTable:
    """Take calls apart: what is ours, and what is waiting for an emulator or inside one."""
    health_ms = _calls_of_health(stack, plan.calls)
    health = _handled(
        stack,
        "query",
        [{"httpMethod": "GET", "resource": "/health", **_CONTEXT}] * plan.calls,
        pace_seconds=0.0,
    )
    payments = signed_payments(stack, count=plan.calls, senders=plan.burst_senders)
    events = [_post_event(payment.body) for payment in payments]
    post = _handled(stack, "ingest", events, pace_seconds=plan.pace_seconds)
    rows = (
        _row("GET /health", health_ms, health),
        _row("POST /payments, one client", paced.milliseconds_to_answer(), post),
    )
    columns = ("p50, milliseconds", "over HTTP", "emulator's HTTP share", "handler waits", "handler computes")
    return ResultTable("The emulator's own share", columns, rows, NOTE)


def _row(name: str, over_http: Sequence[float], handled: Sequence[tuple[float, float]]) -> tuple[str, ...]:
    outside = percentile(over_http, 50)
    inside = percentile((wall for wall, _ in handled), 50)
    computing = percentile((cpu for _, cpu in handled), 50)
    # Two clocks: a handler that waits for nothing may seem to have waited less than that.
    waiting = max(inside - computing, 0.0)
    return (name, *map(number, (outside, outside - inside, waiting, computing)))


def _calls_of_health(stack: StackDescription, count: int) -> list[float]:
    """Call a route that does no work of ours."""
    milliseconds = []
    with httpx.Client(base_url=stack.api_url, timeout=_PROBE_SECONDS) as http:
        for _ in range(count):
            started = time.perf_counter()
            http.get("/health").raise_for_status()
            milliseconds.append((time.perf_counter() - started) * 1000)
    return milliseconds


def _handled(
    stack: StackDescription, name: str, events: Sequence[dict[str, Any]], *, pace_seconds: float
) -> list[tuple[float, float]]:
    """Have a process of our own handle events: wall and processor milliseconds of each."""
    asked = subprocess.run(
        [sys.executable, "-m", "local.bench.handler_probe", str(FUNCTIONS / name), str(pace_seconds)],
        input=json.dumps(list(events)),
        env=_environment(stack, name),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_PROBE_SECONDS,
        check=True,
    )
    # The handler's own log goes to the same output, before the result.
    return [(wall, cpu) for wall, cpu in json.loads(asked.stdout.splitlines()[-1])]


def _environment(stack: StackDescription, name: str) -> dict[str, str]:
    """Give the deployed function's own environment, with the administrator's credentials."""
    aws = LocalAws(int(stack.aws_endpoint_url.rpartition(":")[2]))
    client = aws.session().client("lambda", endpoint_url=aws.endpoint_url)
    function = client.get_function_configuration(FunctionName=f"{stack.stack_name}-{name}")
    return {**aws.environment, **function["Environment"]["Variables"]}


def _post_event(body: dict[str, Any]) -> dict[str, Any]:
    request = {
        "httpMethod": "POST",
        "resource": "/payments",
        "headers": _JSON,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    return {**request, **_CONTEXT}
