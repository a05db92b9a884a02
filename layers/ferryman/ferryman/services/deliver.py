"""Delivering: post to the webhook, and if it does not take it, try again later, and then less often."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final

from ferryman.domain.errors import FerrymanError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Instant, Milliseconds
from ferryman.domain.webhooks import (
    PATIENCE_MS,
    Delivery,
    DeliveryLog,
    Disabled,
    Outcome,
    Webhook,
    pause_milliseconds,
    signature_header,
)
from ferryman.ports import (
    Clock,
    DeliveryQueue,
    Log,
    Metrics,
    Posted,
    Receivers,
    SecretBox,
    WebhookStore,
)
from ferryman.version import VERSION

_AT_ONCE: Final = 10
"""As many as a batch has: a slow receiver holds up no other."""
_EARLY: Final = Milliseconds(1_000)
"""What is due so soon is delivered now."""
_DROPPED: Final = Posted(status=None, text="the webhook is disabled", took=Milliseconds(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliver:
    """Makes one attempt of each delivery it is handed."""

    store: WebhookStore
    box: SecretBox
    receivers: Receivers
    queue: DeliveryQueue
    clock: Clock
    log: Log
    metrics: Metrics
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, init=False)
    """Posts overlap, what follows from them does not: not all of it is made for threads."""

    def __call__(self, deliveries: Mapping[str, Delivery]) -> list[str]:
        """Deliver a batch: message id -> delivery.

        Returns:
            Ids of the messages whose outcome could not be written down; they must come again.

        """
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            settled = threads.map(self._is_settled, deliveries.values())
            return [name for name, is_settled in zip(deliveries, settled, strict=True) if not is_settled]

    def _is_settled(self, delivery: Delivery) -> bool:
        try:
            self._attempt(delivery)
        except FerrymanError as error:
            self.log.warning(
                "delivery not settled",
                webhook_id=delivery.webhook_id,
                delivery_id=delivery.delivery_id,
                cause=str(error),
            )
            return False
        return True

    def _attempt(self, delivery: Delivery) -> None:
        now = self.clock.now()
        if delivery.due_at > now + _EARLY:
            # SQS holds a message back for a quarter of an hour at most.
            self.queue.send([delivery], now=now)
            return
        webhook = self.store.get(delivery.webhook_id)
        if webhook is None:
            self.log.info("webhook is gone", webhook_id=delivery.webhook_id)
        elif webhook.disabled:
            self._write(delivery, _DROPPED, Outcome.DROPPED)
        else:
            posted = self._posted(webhook, delivery, now)
            with self._one_at_a_time:
                self._settle(webhook, delivery, posted)

    def _posted(self, webhook: Webhook, delivery: Delivery, now: Instant) -> Posted:
        secrets = [
            self.box.unseal(sealed, webhook_id=webhook.webhook_id) for sealed in webhook.sealed_secrets(now)
        ]
        body, timestamp = delivery.body.encode(), now // 1000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Ferryman/{VERSION}",
            "Ferryman-Delivery": delivery.delivery_id,
            "Ferryman-Timestamp": str(timestamp),
            "Ferryman-Signature": signature_header(secrets, timestamp_seconds=timestamp, body=body),
        }
        return self.receivers.post(webhook.url, headers=headers, body=body)

    def _settle(self, webhook: Webhook, delivery: Delivery, posted: Posted) -> None:
        if posted.is_taken:
            self._taken(webhook, delivery, posted)
        elif posted.status == HTTPStatus.GONE:
            self._write(delivery, posted, Outcome.GIVEN_UP)
            self._disable(webhook, Disabled.GONE)
        else:
            self._not_taken(webhook, delivery, posted)

    def _taken(self, webhook: Webhook, delivery: Delivery, posted: Posted) -> None:
        self._write(delivery, posted, Outcome.DELIVERED)
        self.metrics.add(Metric.WEBHOOK_DELIVERED)
        self.metrics.add(Metric.WEBHOOK_LATENCY, self.clock.now() - delivery.created_at)
        if webhook.failing_since is not None:
            self.store.recover(webhook.webhook_id)

    def _not_taken(self, webhook: Webhook, delivery: Delivery, posted: Posted) -> None:
        now, pause = self.clock.now(), pause_milliseconds(delivery.attempt)
        self.metrics.add(Metric.WEBHOOK_FAILED)
        if webhook.failing_since is None:
            self.store.begin_failing(webhook.webhook_id, now=now)
        elif now - webhook.failing_since > PATIENCE_MS:
            self._disable(webhook, Disabled.FAILING)
        if pause is None:
            self.queue.give_up(delivery)
            self._write(delivery, posted, Outcome.GIVEN_UP)
            self.metrics.add(Metric.WEBHOOK_GIVEN_UP)
            return
        again = replace(delivery, attempt=delivery.attempt + 1, due_at=Instant(now + pause))
        # The message first: a death in between repeats the attempt, and loses nothing.
        self.queue.send([again], now=now)
        self._write(delivery, posted, Outcome.RETRYING, next_attempt_at=again.due_at)

    def _disable(self, webhook: Webhook, reason: Disabled) -> None:
        if self.store.disable(webhook.webhook_id, reason, now=self.clock.now()):
            self.log.warning("webhook disabled", webhook_id=webhook.webhook_id, reason=reason.value)
            self.metrics.add(Metric.WEBHOOK_DISABLED, reason=reason.value)

    def _write(
        self,
        delivery: Delivery,
        posted: Posted,
        outcome: Outcome,
        *,
        next_attempt_at: Instant | None = None,
    ) -> None:
        self.store.log(
            DeliveryLog(
                webhook_id=delivery.webhook_id,
                delivery_id=delivery.delivery_id,
                event=delivery.event,
                transaction_id=delivery.transaction_id,
                created_at=delivery.created_at,
                attempts=delivery.attempt,
                outcome=outcome,
                answer=posted.text,
                attempted_at=self.clock.now(),
                took_ms=posted.took,
                next_attempt_at=next_attempt_at,
            )
        )
