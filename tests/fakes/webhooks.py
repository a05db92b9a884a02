"""Receivers, secrets and the delivery queue in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.webhooks import DynamoWebhooks
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import Instant, Milliseconds
from ferryman.domain.webhooks import Delivery
from ferryman.ports import Clock, Posted
from ferryman.services.fanout import Fanout


class FakeSecretBox:
    """The SecretBox port: what is sealed for one webhook opens for that one only."""

    def __init__(self) -> None:
        self.is_away = False

    def seal(self, secret: str, *, webhook_id: str) -> bytes:
        """Wrap a secret."""
        self._look()
        return f"{webhook_id}|{secret[::-1]}".encode()

    def unseal(self, sealed: bytes, *, webhook_id: str) -> str:
        """Unwrap a secret."""
        self._look()
        owner, _, secret = sealed.decode().partition("|")
        if owner != webhook_id:
            raise StoreUnavailableError("sealed for another webhook")
        return secret[::-1]

    def _look(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("switched off")


@dataclass(slots=True)
class FakeDeliveryQueue:
    """The DeliveryQueue port: everything that waits, and everything given up."""

    waiting: list[Delivery] = field(default_factory=list)
    given_up: list[Delivery] = field(default_factory=list)
    is_away: bool = False

    def send(self, deliveries: Sequence[Delivery], *, now: Instant) -> None:  # noqa: ARG002 (it hands out at once)
        """Take deliveries."""
        if self.is_away:
            raise StoreUnavailableError("switched off")
        self.waiting += deliveries

    def give_up(self, delivery: Delivery) -> None:
        """Set a delivery aside."""
        if self.is_away:
            raise StoreUnavailableError("switched off")
        self.given_up.append(delivery)

    def take(self) -> dict[str, Delivery]:
        """Hand out all that waits, by message ids."""
        batch, self.waiting = self.waiting, []
        return {f"message-{number}": delivery for number, delivery in enumerate(batch)}


@dataclass(slots=True)
class FakeReceivers:
    """The Receivers port: answers from a list, then takes everything."""

    answers: list[int | None] = field(default_factory=list)
    """Statuses, None for no answer."""
    refused: dict[str, str] = field(default_factory=dict)
    """URL -> why nothing may be posted to it."""
    posts: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    def check(self, url: str) -> None:
        """Refuse what a test says."""
        if url in self.refused:
            raise ValueError(self.refused[url])

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
        """Keep a post, and answer it."""
        self.posts.append((url, headers, body))
        status = self.answers.pop(0) if self.answers else 204
        text = "timed out" if status is None else f"status {status}"
        return Posted(status=status, text=text, took=Milliseconds(5))


def memory_fanout(tables: Tables, clock: Clock, queue: FakeDeliveryQueue | None = None) -> Fanout:
    """Give the fan-out over some tables."""
    return Fanout(
        store=DynamoWebhooks(tables), queue=queue if queue is not None else FakeDeliveryQueue(), clock=clock
    )
