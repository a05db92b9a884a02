"""The deadline of a message that costs its signer nothing but time: not too near, and not too far."""

from ferryman.domain.errors import DeadlinePassedError, FieldProblem, InvalidFieldsError
from ferryman.domain.units import Instant, Seconds, rfc3339


def check_deadline(deadline: Seconds, *, inclusion: Seconds, longest: Seconds, now: Instant) -> None:
    """Check that a message's `deadline` leaves time to mine it, and does not keep it open for ever.

    Args:
        deadline: Unix seconds.
        inclusion: seconds that a transaction may need.
        longest: seconds from now to the latest deadline that is taken.
        now: by our clock.

    Raises:
        DeadlinePassedError: it is too late.
        InvalidFieldsError: it is too near or too far.

    """
    now_seconds = now // 1000
    earliest, latest = now_seconds + inclusion, now_seconds + longest
    if deadline <= now_seconds:
        msg = f"The deadline, {rfc3339(Instant(deadline * 1000))}, has passed."
        reason = f"has passed: it is in Unix seconds, and must be at least {earliest} now"
        raise DeadlinePassedError(msg, FieldProblem("deadline", reason))
    if deadline < earliest:
        reason = f"leaves less than the {inclusion} seconds a transaction may need"
        raise InvalidFieldsError("The deadline is too near.", FieldProblem("deadline", reason))
    if deadline > latest:
        reason = f"must be at most {latest} (Unix seconds) now"
        raise InvalidFieldsError("The deadline is too far.", FieldProblem("deadline", reason))
