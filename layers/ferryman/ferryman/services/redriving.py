"""Dead letters, for operators: look at them, and send them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.units import rfc3339
from ferryman.ports import DeadLetters, Log

MOST_AT_ONCE: Final = 100
"""Messages sent back by one request, which has to end within API Gateway's 29 seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redriving:
    """Looks at dead letters and sends them back."""

    dead_letters: DeadLetters
    log: Log

    def letters(self) -> list[dict[str, Any]]:
        """Give every queue's count, with up to ten of its messages.

        Raises:
            StoreUnavailableError: as its port says.

        """
        return [
            {
                "queue": count.queue,
                "visible": count.visible,
                "in_flight": count.in_flight,
                "can_redrive": count.can_redrive,
                "messages": [
                    {
                        "message_id": letter.message_id,
                        "sent_at": rfc3339(letter.sent_at),
                        "receives": letter.receives,
                        "body": letter.body,
                    }
                    for letter in (self.dead_letters.peek(count.queue) if count.visible else ())
                ],
            }
            for count in self.dead_letters.counts()
        ]

    def redrive(self, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Send a queue's messages back to where they came from.

        Raises:
            InvalidFieldsError: there is no such queue, or nothing takes its messages back.
            StoreUnavailableError: as its port says; what was sent back stays so.

        """
        known = {count.queue: count for count in self.dead_letters.counts()}
        queue = body.get("queue")
        if body.keys() != {"queue"} or not isinstance(queue, str) or queue not in known:
            problem = FieldProblem("queue", f"must be one of {', '.join(known)}, and the only field")
            raise InvalidFieldsError("That is not a dead-letter queue.", problem)
        if not known[queue].can_redrive:
            problem = FieldProblem("queue", "holds notices, not work: nothing takes them back")
            raise InvalidFieldsError("Messages of that queue cannot be sent back.", problem)
        sent = self.dead_letters.redrive(queue, most=MOST_AT_ONCE)
        self.log.warning("dead letters sent back", queue=queue, messages=sent, by=by)
        return {"queue": queue, "redriven": sent, "may_have_more": sent >= MOST_AT_ONCE}
