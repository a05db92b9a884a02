"""An SSM that gives every parameter the same RPC addresses: what a function's start asks for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.support.http_server import Answer, Served, serving

_AMZ_JSON: Final = {"Content-Type": "application/x-amz-json-1.1"}


@contextmanager
def parameter_store(*urls: str) -> Iterator[Served]:
    """Serve one on a free port."""
    answer = json.dumps({"Parameter": {"Value": json.dumps(urls), "Type": "SecureString"}}).encode()
    with serving(lambda _: Answer(200, answer, _AMZ_JSON)) as store:
        yield store
