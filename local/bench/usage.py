"""What the deployed functions used while payments travelled: counted from their own logs."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.bench.report import ResultTable, number
from local.description import StackDescription
from local.ministack import LocalAws

_REPORT: Final = re.compile(
    r"^REPORT RequestId: .*?\tBilled Duration: ([0-9.]+) ms\tMemory Size: ([0-9]+) MB"
)
"""The line with which Lambda ends an invocation's log."""
_EVENT_BYTES: Final = 26
"""What CloudWatch Logs adds to each line."""
_MS_A_SECOND: Final = 1_000
_MB_A_GB: Final = 1_024
_KILOBYTE: Final = 1_000


@dataclass(frozen=True)
class FunctionUsage:
    """What one function used."""

    invocations: int
    milliseconds: float
    """Billed."""
    memory_mb: int
    log_bytes: int
    """Ingested, Lambda's own lines included."""

    @property
    def gigabyte_seconds(self) -> float:
        """What Lambda bills its time by."""
        return self.milliseconds / _MS_A_SECOND * self.memory_mb / _MB_A_GB


Usage = Mapping[str, FunctionUsage]
"""By the step's name."""


def now_ms() -> int:
    """Give the time of the logs: milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def usage_between(stack: StackDescription, start_ms: int, end_ms: int) -> dict[str, FunctionUsage]:
    """Read what each function logged between two moments, in milliseconds since 1970."""
    aws = LocalAws(int(stack.aws_endpoint_url.rpartition(":")[2]))
    logs = aws.session().client("logs", endpoint_url=aws.endpoint_url)
    prefix = f"/aws/lambda/{stack.stack_name}-"
    groups = logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]
    names = [group["logGroupName"] for group in groups]
    return {
        name.removeprefix(prefix): _usage(list(_messages(logs, name, start_ms, end_ms))) for name in names
    }


def usage_table(title: str, usage: Usage, payments: int) -> ResultTable:
    """Write what each function used, per payment."""
    rows = [
        (
            name,
            number(one.invocations / payments),
            number(one.milliseconds / payments),
            number(one.gigabyte_seconds / payments),
            number(one.log_bytes / _KILOBYTE / payments),
        )
        for name, one in usage.items()
        if one.invocations
    ]
    columns = ("function, per payment", "invocations", "milliseconds", "GB-seconds", "kB of log")
    return ResultTable(title, columns, rows)


def _messages(logs: Any, group: str, start_ms: int, end_ms: int) -> Iterator[str]:  # noqa: ANN401 (boto3)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=start_ms, endTime=end_ms
    )
    return (event["message"] for page in pages for event in page["events"])


def _usage(messages: list[str]) -> FunctionUsage:
    reports = [found for message in messages if (found := _REPORT.match(message))]
    return FunctionUsage(
        invocations=len(reports),
        milliseconds=sum(float(found[1]) for found in reports),
        memory_mb=max((int(found[2]) for found in reports), default=0),
        log_bytes=sum(len(message.encode()) + _EVENT_BYTES for message in messages),
    )
