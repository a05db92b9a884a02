"""Calls a function's handler with the events of its standard input, one by one, and tells how long each took.

`python -m local.bench.handler_probe functions/query 0.1 < events.json`: the last line of the output is a list
of wall and processor milliseconds, one pair an event.
"""

import importlib
import json
import sys
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Context:
    """What the handlers ask of Lambda's context."""

    function_name: str = "probe"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:probe"
    aws_request_id: str = "probe"


def main(folder: str, pace_seconds: float) -> None:
    """Handle all events, the first one twice, since it opens the connections."""
    sys.path.insert(0, folder)
    handler = importlib.import_module("app").handler
    events: list[dict[str, Any]] = json.load(sys.stdin)
    handler(events[0], Context())
    took = []
    for event in events:
        wall, cpu = time.perf_counter(), time.process_time()
        handler(event, Context())
        took.append(((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000))
        time.sleep(pace_seconds)
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
