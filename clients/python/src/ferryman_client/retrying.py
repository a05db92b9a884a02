"""Asking until there is an answer: every request of this API may be sent again."""

import random
import time
from typing import Any, Final

from ferryman_client.effects import Answer, Flow, Lost, Pause, Request
from ferryman_client.errors import ConnectionFailedError, ProtocolError, api_error

_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_FIRST_PAUSE_SECONDS: Final = 0.2
_LONGEST_PAUSE_SECONDS: Final = 5.0
_LEAST_ERROR: Final = 400


def answered(request: Request, *, patience_seconds: float) -> Flow[Any]:
    """Send a request until it is answered, and give the JSON of a success.

    A payment is named by its own digest, so that posting it twice gives one record; reads change
    nothing. So a lost connection, 429 and 5xx are simply asked again, after `Retry-After` if the
    answer has one, for as long as the caller is patient.

    Raises:
        ApiError: the answer is a problem that time does not heal, or did not in time.
        ConnectionFailedError: there was no answer in time.
        ProtocolError: the answer is not JSON.

    """
    until = time.monotonic() + patience_seconds
    tries = 0
    while True:
        outcome = yield request
        pause = _pause_seconds(outcome, tries)
        if pause is None or time.monotonic() + pause > until:
            return _judged(request, outcome)
        yield Pause(pause)
        tries += 1


def _pause_seconds(outcome: object, tries: int) -> float | None:
    """How long to wait before the next try; None if the answer stands."""
    if isinstance(outcome, Answer) and outcome.status not in _AGAIN:
        return None
    backoff = min(_FIRST_PAUSE_SECONDS * 2**tries, _LONGEST_PAUSE_SECONDS)
    jittered = backoff * random.uniform(0.5, 1.0)  # noqa: S311 (spreads clients, no secret)
    asked = _retry_after(outcome.headers) if isinstance(outcome, Answer) else 0.0
    return float(max(asked, jittered))


def _retry_after(headers: Any) -> float:  # noqa: ANN401 (any case-insensitive mapping)
    text = str(headers.get("retry-after", ""))
    return float(text) if text.isascii() and text.isdigit() else 0.0


def _judged(request: Request, outcome: object) -> Any:  # noqa: ANN401 (any JSON)
    if isinstance(outcome, Lost):
        what = f"{request.method} {request.path}: {type(outcome.cause).__name__}"
        raise ConnectionFailedError(what) from outcome.cause
    if not isinstance(outcome, Answer):
        raise TypeError(outcome)
    parsed = outcome.json()
    if outcome.status >= _LEAST_ERROR:
        raise api_error(outcome.status, parsed if isinstance(parsed, dict) else {})
    if parsed is None:
        raise ProtocolError(f"{request.method} {request.path}: {outcome.status} without JSON")
    return parsed
