"""The name of a request in every log line about what came of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.units import CorrelationId

HEADER: Final = "X-Request-Id"
_FORM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""What cannot break a log line, a header or a search."""


def correlation_id(event: Mapping[str, Any]) -> CorrelationId:
    """Give the client's own name of its request, or else API Gateway's.

    A name of another form is not refused, since it changes nothing of what is asked: the answer's
    header says which name is in force.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    given = headers.get(HEADER.lower())
    if isinstance(given, str) and _FORM.fullmatch(given):
        return CorrelationId(given)
    return CorrelationId(str(event["requestContext"]["requestId"]))
