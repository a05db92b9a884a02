"""Following payments to their end: what the WebSocket told, completed by the records."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from local.client import ENDED, ApiClient, HeardEvent
from local.errors import LocalStackError
from local.payments import SignedPayment

_SILENCE_SECONDS = 5.0


@dataclass
class WatchedPayment:
    """What is known of one payment; times are monotonic seconds."""

    posted_at: float = 0.0
    answered_at: float = 0.0
    """When the answer came, also that of a refusal."""
    refusal: str = ""
    """Why it was not accepted; empty if it was."""
    status: str = ""
    chain_id: int = 0
    heard: dict[int, HeardEvent] = field(default_factory=dict)
    """Its events by sequence, each as it was first heard."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is to come, the request's answer included."""
        return self.answered_at > 0 and (self.refusal != "" or self.status in ENDED)

    def heard_at(self, name: str) -> float | None:
        """When an event of that name was first heard."""
        return next((event.heard_at for event in self.heard.values() if event.name == name), None)


@dataclass
class Watch:
    """Follows payments through one client."""

    client: ApiClient
    payments: dict[str, WatchedPayment] = field(default_factory=dict)
    """Those that were posted, by transaction id."""
    last_news_at: float = field(default_factory=time.monotonic)

    async def post(self, payment: SignedPayment) -> None:
        """Post a payment and note when, and what became of it."""
        watched = self.payments.setdefault(payment.transaction_id, WatchedPayment())
        watched.chain_id = payment.body["chain_id"]
        watched.posted_at = time.monotonic()
        try:
            await self.client.post(payment)
        except LocalStackError as error:
            watched.refusal = str(error)
        watched.answered_at = time.monotonic()

    def answered(self) -> int:
        """Count the payments whose request was answered."""
        return sum(payment.answered_at > 0 for payment in self.payments.values())

    def ended(self) -> int:
        """Count the payments that have ended."""
        return sum(payment.has_ended for payment in self.payments.values())

    @asynccontextmanager
    async def listening(self, topics: Iterable[str]) -> AsyncIterator[None]:
        """Hear of the topics' payments as long as the block runs."""
        for topic in topics:
            await self.client.subscribe(topic)
        async with asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(self._listen()), tasks.create_task(self._read_after_silence())]
            yield
            for task in background:
                task.cancel()

    async def _listen(self) -> None:
        async for event in self.client.events():
            payment = self.payments.get(event.transaction_id)
            if payment is None or event.sequence in payment.heard:
                continue
            # A later event may overtake an earlier one: the last in sequence tells the status.
            if event.sequence > max(payment.heard, default=0):
                payment.status = event.status
            payment.heard[event.sequence] = event
            self.last_news_at = time.monotonic()

    async def _read_after_silence(self) -> None:
        """Read the records of what is open: a push is a hint, the record is the truth."""
        while True:
            await asyncio.sleep(_SILENCE_SECONDS)
            if time.monotonic() - self.last_news_at < _SILENCE_SECONDS:
                continue
            for transaction_id, payment in list(self.payments.items()):
                if payment.answered_at and not payment.has_ended:
                    payment.status = (await self.client.record(transaction_id))["status"]
