"""Calling every function once, so that it is known to work and the first payment waits for no cold start."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
from botocore.config import Config

from local.errors import LocalStackError
from local.ministack import LocalAws
from local.settings import STACK_NAME

# They change nothing.
_EVENTS: dict[str, dict[str, object]] = {
    "submit": {"Records": []},
    "confirm": {},
    # No chain has this id: it would follow a busy one for a minute.
    "watch": {"chain_id": 0},
    "deadletter": {"Records": []},
    "notify": {"Records": []},
    "authorizer:live": {
        "methodArn": "arn:aws:execute-api:::$connect",
        "requestContext": {"eventType": "CONNECT"},
    },
    "deliver": {"Records": []},
    # As the API calls it: what is served there is its alias.
    "socket:live": {
        "requestContext": {"connectionId": "warming", "routeKey": "$connect", "eventType": "CONNECT"}
    },
}
_SECONDS = 60.0


def warm_up(aws: LocalAws, api_url: str) -> None:
    """Call all functions.

    Raises:
        LocalStackError: one of them does not work.

    """
    with ThreadPoolExecutor() as callers:
        calls = [callers.submit(_invoke, aws, step, event) for step, event in _EVENTS.items()]
        calls.append(callers.submit(_ask, "GET", f"{api_url}/health"))
        # Refused, by code that had to be loaded for it.
        calls.append(callers.submit(_ask, "POST", f"{api_url}/payments"))
        calls.append(callers.submit(_ask, "POST", f"{api_url}/sign-in/challenge"))
        calls.append(callers.submit(_ask, "POST", f"{api_url}/settle"))
        for call in calls:
            call.result()


def _invoke(aws: LocalAws, step: str, event: dict[str, object]) -> None:
    patient = Config(read_timeout=_SECONDS, retries={"total_max_attempts": 1})
    client = aws.session().client("lambda", endpoint_url=aws.endpoint_url, config=patient)
    answer = client.invoke(FunctionName=f"{STACK_NAME}-{step}", Payload=json.dumps(event).encode())
    if "FunctionError" in answer:
        raise LocalStackError(f"{step} does not work: {answer['Payload'].read().decode()}")


def _ask(method: str, url: str) -> None:
    answer = httpx.request(method, url, json={} if method == "POST" else None, timeout=_SECONDS)
    if answer.is_server_error:
        raise LocalStackError(f"{method} {url}: {answer.status_code} {answer.text}")
