"""From an event to the webhooks that want it: each gets a delivery of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.events import Event
from ferryman.domain.units import Instant, Milliseconds
from ferryman.domain.webhooks import Delivery, Webhook, delivery_id_of
from ferryman.ports import Clock, DeliveryQueue, WebhookStore
from ferryman.services.records import event_of

REMEMBERED: Final = Milliseconds(5_000)
"""How long the list of webhooks is believed: one query in so long, not one for each event."""


@dataclass(slots=True)
class _Known:
    webhooks: tuple[Webhook, ...] = ()
    until: Instant = Instant(0)  # noqa: RUF009 (an int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fanout:
    """Queues deliveries."""

    store: WebhookStore
    queue: DeliveryQueue
    clock: Clock
    _known: _Known = field(default_factory=_Known, init=False)

    def __call__(self, event: Event) -> None:
        """Queue the event for every webhook that wants it.

        Raises:
            StoreUnavailableError: the webhooks could not be read, or the queue took not all.

        """
        now = self.clock.now()
        wanted = [webhook for webhook in self._webhooks(now) if webhook.wants(event)]
        if deliveries := [_delivery(webhook, event, now) for webhook in wanted]:
            self.queue.send(deliveries, now=now)

    def _webhooks(self, now: Instant) -> Sequence[Webhook]:
        if now >= self._known.until:
            self._known.webhooks = self.store.all()
            self._known.until = Instant(now + REMEMBERED)
        return self._known.webhooks


def _delivery(webhook: Webhook, event: Event, now: Instant) -> Delivery:
    return Delivery(
        webhook_id=webhook.webhook_id,
        delivery_id=delivery_id_of(webhook.webhook_id, event),
        event=event.name,
        transaction_id=event.transaction_id,
        body=json.dumps(event_of(event)),
        created_at=event.at,
        due_at=now,
    )
