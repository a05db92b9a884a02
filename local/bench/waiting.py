"""How many functions that wait for a second the emulator can run: what it allows any `/settle` at most."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from botocore.config import Config

from local.description import StackDescription
from local.errors import LocalStackError
from local.ministack import LocalAws
from local.paths import ROOT

_SECONDS: Final = 120


def waited(stack: StackDescription, count: int, *, at_once: int, writes: bool) -> tuple[list[float], float]:
    """Invoke a function that waits, so many at a time, after a round that starts its processes.

    Args:
        stack: where.
        count: how often.
        at_once: so many at a time.
        writes: whether it also writes as much as a settlement is written.

    Returns:
        The milliseconds of each, and the seconds of all of them together.

    Raises:
        LocalStackError: one of them failed.

    """
    aws = LocalAws(int(stack.aws_endpoint_url.rpartition(":")[2]))
    config = Config(max_pool_connections=at_once, read_timeout=_SECONDS, retries={"max_attempts": 0})
    client = aws.session().client("lambda", endpoint_url=aws.endpoint_url, config=config)
    payload = json.dumps({"writes": writes}).encode()
    with _deployed(client, stack) as name, ThreadPoolExecutor(at_once) as threads:

        def invoke(_: int) -> float:
            started = time.monotonic()
            answer = client.invoke(FunctionName=name, Payload=payload)
            told = json.loads(answer["Payload"].read())
            if "looks" not in told:
                raise LocalStackError(f"the function that waits has failed: {told}")
            return (time.monotonic() - started) * 1_000

        list(threads.map(invoke, range(at_once)))
        started = time.monotonic()
        milliseconds = list(threads.map(invoke, range(count)))
        return milliseconds, time.monotonic() - started


@contextmanager
def _deployed(client: Any, stack: StackDescription) -> Iterator[str]:  # noqa: ANN401 (boto3 types clients by literals)
    """Deploy it with the runtime, the memory and the rights of the function that settles."""
    like = client.get_function_configuration(FunctionName=f"{stack.stack_name}-x402")
    name = f"{stack.stack_name}-bench-waits"
    tables = {
        table: like["Environment"]["Variables"][table] for table in ("TRANSACTIONS_TABLE", "ACCOUNTS_TABLE")
    }
    client.create_function(
        FunctionName=name,
        Runtime=like["Runtime"],
        Role=like["Role"],
        Handler="waiting_function.handler",
        Code={"ZipFile": _zipped(ROOT / "local" / "bench" / "waiting_function.py")},
        MemorySize=like["MemorySize"],
        Timeout=like["Timeout"],
        Environment={"Variables": tables},
    )
    try:
        yield name
    finally:
        client.delete_function(FunctionName=name)


def _zipped(source: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(source.name, source.read_text(encoding="utf-8"))
    return packed.getvalue()
