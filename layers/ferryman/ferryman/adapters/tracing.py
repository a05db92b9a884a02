"""Spans for X-Ray: one UDP datagram each to the daemon that Lambda runs beside a function.

AWS's own SDK for it is in maintenance, and OpenTelemetry costs more cold start than it is worth here: a
subsegment is a line of JSON (AWS X-Ray, "Sending trace data").
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from ferryman.ports import Tracing

_DAEMON: Final = "AWS_XRAY_DAEMON_ADDRESS"
_TRACE: Final = "_X_AMZN_TRACE_ID"
"""Set anew by Lambda for each invocation."""
_HEADER: Final = b'{"format":"json","version":1}\n'


class NoTracing:
    """The Tracing port where nobody collects spans."""

    def span(self, name: str, **annotations: str | int) -> AbstractContextManager[None]:  # noqa: ARG002 (nobody looks)
        """Do nothing."""
        return nullcontext()


class XRayTracing:
    """The Tracing port.

    Args:
        daemon: where it listens.
        environment: has the invocation's trace header.

    """

    def __init__(self, daemon: tuple[str, int], environment: Mapping[str, str]) -> None:
        self._daemon = daemon
        self._environment = environment
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(0)

    def span(self, name: str, **annotations: str | int) -> AbstractContextManager[None]:
        """Time what is done inside, if this invocation is sampled."""
        header = dict(
            part.split("=", 1) for part in self._environment.get(_TRACE, "").split(";") if "=" in part
        )
        if header.get("Sampled") != "1" or not {"Root", "Parent"} <= header.keys():
            return nullcontext()
        return self._timed(name, annotations, header["Root"], header["Parent"])

    @contextmanager
    def _timed(
        self, name: str, annotations: Mapping[str, str | int], root: str, parent: str
    ) -> Iterator[None]:
        segment: dict[str, Any] = {
            "name": name,
            "id": secrets.token_hex(8),
            "trace_id": root,
            "parent_id": parent,
            "type": "subsegment",
            "namespace": "remote",
            "start_time": time.time(),
            "annotations": dict(annotations),
        }
        try:
            yield
        except BaseException:
            segment["fault"] = True
            raise
        finally:
            segment["end_time"] = time.time()
            self._send(segment)

    def _send(self, segment: Mapping[str, Any]) -> None:
        """Send without waiting: a span that is lost is not worth a payment's time."""
        try:
            self._socket.sendto(_HEADER + json.dumps(segment).encode(), self._daemon)
        except OSError:
            return


def tracing_of(environment: Mapping[str, str] = os.environ) -> Tracing:
    """Give what traces here: X-Ray where Lambda has its daemon, else nothing."""
    host, _, port = environment.get(_DAEMON, "").rpartition(":")
    if not host or not port.isdigit():
        return NoTracing()
    return XRayTracing((host, int(port)), environment)


def trace_client(client: Any, tracing: Tracing) -> None:  # noqa: ANN401 (any boto3 client)
    """Put a span around every call of a boto3 client; retries of a call are in its one span."""
    name = client.meta.service_model.service_id.hyphenize()

    def begin(model: Any, context: dict[str, Any], **_: object) -> None:  # noqa: ANN401 (botocore's)
        span = tracing.span(name, operation=model.name)
        span.__enter__()
        context["span"] = span

    def end(context: dict[str, Any], **_: object) -> None:
        context.pop("span").__exit__(None, None, None)

    def fail(context: dict[str, Any], exception: BaseException, **_: object) -> None:
        if span := context.pop("span", None):
            try:
                span.__exit__(type(exception), exception, exception.__traceback__)
            except type(exception):
                return  # botocore raises it itself

    events = client.meta.events
    events.register("before-call", begin)
    events.register("after-call", end)
    events.register("after-call-error", fail)
