"""When a signed message is good: it begins before now, and ends neither too near nor too far."""

from ferryman.domain.errors import DeadlinePassedError, FieldProblem, InvalidFieldsError
from ferryman.domain.units import Instant, Seconds, rfc3339


def check_deadline(
    deadline: Seconds,
    now: Instant,
    *,
    field: str = "deadline",
    inclusion: Seconds,
    longest: Seconds,
    because: str = "so that it is not kept open for ever",
) -> None:
    """Check that a message leaves time to mine it, and ends in time.

    Args:
        deadline: Unix seconds.
        now: by our clock.
        field: where the request says so.
        inclusion: seconds that a transaction may need.
        longest: seconds from now to the latest deadline that is taken.
        because: why there is a latest.

    Raises:
        DeadlinePassedError: it is too late.
        InvalidFieldsError: it is too near or too far.

    """
    now_seconds = now // 1000
    earliest, latest = now_seconds + inclusion, now_seconds + longest
    if deadline <= now_seconds:
        msg = f"The deadline, {rfc3339(Instant(deadline * 1000))}, has passed."
        reason = f"has passed: it is in Unix seconds, and must be at least {earliest} now"
        raise DeadlinePassedError(msg, FieldProblem(field, reason))
    if deadline < earliest:
        reason = f"must be at least {earliest} (Unix seconds) now, so that it can be mined in time"
        raise InvalidFieldsError("The deadline is too near.", FieldProblem(field, reason))
    if deadline > latest:
        reason = f"must be at most {latest} (Unix seconds) now, {because}"
        raise InvalidFieldsError("The deadline is too far.", FieldProblem(field, reason))


def check_begun(after: Seconds, now: Instant, *, field: str) -> None:
    """Check that a message is good already.

    Args:
        after: the last Unix second at which it is not.
        now: by our clock.
        field: where the request says so.

    Raises:
        InvalidFieldsError: it is not.

    """
    now_seconds = now // 1000
    if after >= now_seconds:
        reason = f"must have passed: it is {now_seconds} (Unix seconds) now"
        raise InvalidFieldsError("It is not valid yet.", FieldProblem(field, reason))
