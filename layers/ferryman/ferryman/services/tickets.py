"""Tickets: a caller's right to open one WebSocket connection, soon.

Browsers can send no header with a WebSocket, and what stands in an address ends in logs and histories.
So the address has a ticket, which is worth nothing once it was used.
"""

from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import Caller, Ticket
from ferryman.domain.credentials import digest_of, new_secret
from ferryman.domain.units import Instant, rfc3339
from ferryman.ports import AccessStore, Clock

TICKET_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickets:
    """Gives tickets; the authorizer takes them."""

    access: AccessStore
    clock: Clock

    def issue(self, caller: Caller) -> dict[str, Any]:
        """Give a ticket for one connection within half a minute."""
        ticket = new_secret()
        # Whole seconds, as the table keeps them.
        expires_at = Instant((self.clock.now() // 1000 + TICKET_SECONDS) * 1000)
        self.access.put_ticket(Ticket(digest=digest_of(ticket), caller=caller, expires_at=expires_at))
        return {"ticket": ticket, "expires_at": rfc3339(expires_at)}
