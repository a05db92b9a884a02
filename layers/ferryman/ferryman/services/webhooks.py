"""Webhooks as their owners see them: register, look, rotate, test, remove."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import Caller, Role
from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    NotAllowedError,
    NotFoundError,
    StaleRowError,
)
from ferryman.domain.units import Address, Instant, rfc3339
from ferryman.domain.webhooks import OVERLAP_MS, TEST_EVENT, Delivery, DeliveryLog, Webhook
from ferryman.intents.kind import IntentKind
from ferryman.intents.registration import WebhookRegistration
from ferryman.ports import Clock, DeliveryQueue, Receivers, SecretBox, WebhookStore

MOST_WEBHOOKS: Final = 20
"""Webhooks one API key may have."""
SHOWN_DELIVERIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Keeps webhooks; a key sees its own, an admin's key all."""

    kinds: Mapping[str, IntentKind]
    store: WebhookStore
    box: SecretBox
    receivers: Receivers
    queue: DeliveryQueue
    clock: Clock

    def register(self, caller: Caller, request: WebhookRegistration) -> dict[str, Any]:
        """Keep a new webhook, and give its secret this one time.

        Raises:
            InvalidFieldsError: nothing may be posted to the URL, or the key has too many.
            NotAllowedError: the caller has no key of the role `service`.

        """
        _require_service(caller)
        if len([one for one in self.store.all() if one.owner == caller.name]) >= MOST_WEBHOOKS:
            problem = FieldProblem("url", f"an API key may have {MOST_WEBHOOKS} webhooks; remove one")
            raise InvalidFieldsError("There are too many webhooks.", problem)
        self._check(request)
        webhook_id, secret = f"wh_{secrets.token_hex(12)}", _new_secret()
        webhook = Webhook(
            webhook_id=webhook_id,
            owner=caller.name,
            url=request.url,
            events=request.events,
            senders=tuple(map(Address, request.senders)),
            created_at=self.clock.now(),
            secret=self.box.seal(secret, webhook_id=webhook_id),
        )
        self.store.put(webhook)
        return webhook_of(webhook) | {"secret": secret}

    def page(self, caller: Caller) -> dict[str, Any]:
        """List the caller's webhooks, the oldest first."""
        _require_service(caller)
        found = [one for one in self.store.all() if _may_see(caller, one)]
        return {"webhooks": [webhook_of(one) for one in sorted(found, key=lambda one: one.created_at)]}

    def show(self, caller: Caller, webhook_id: str) -> dict[str, Any]:
        """Give a webhook with its newest deliveries.

        Raises:
            NotFoundError: the caller has no such webhook.

        """
        webhook = self._own(caller, webhook_id)
        log = self.store.deliveries(webhook_id, limit=SHOWN_DELIVERIES, now=self.clock.now())
        return webhook_of(webhook) | {"deliveries": [delivery_of(entry) for entry in log]}

    def rotate(self, caller: Caller, webhook_id: str) -> dict[str, Any]:
        """Make a new secret, and give it this one time; the old one signs too for a while.

        Raises:
            NotFoundError: as `show`.

        """
        webhook, secret = self._own(caller, webhook_id), _new_secret()
        until = Instant(self.clock.now() + OVERLAP_MS)
        sealed = self.box.seal(secret, webhook_id=webhook_id)
        try:
            self.store.rotate(webhook_id, secret=sealed, replaces=webhook.secret, until=until)
        except StaleRowError as error:
            problem = FieldProblem("webhook_id", "was removed or rotated by another request just now")
            raise InvalidFieldsError("The secret was not replaced.", problem) from error
        return self._shown(webhook_id) | {"secret": secret}

    def enable(self, caller: Caller, webhook_id: str) -> dict[str, Any]:
        """Deliver to it again.

        Raises:
            NotFoundError: as `show`.

        """
        self._own(caller, webhook_id)
        self.store.enable(webhook_id)
        return self._shown(webhook_id)

    def test(self, caller: Caller, webhook_id: str) -> dict[str, Any]:
        """Queue a delivery that means nothing.

        Raises:
            InvalidFieldsError: the webhook is disabled.
            NotFoundError: as `show`.

        """
        if self._own(caller, webhook_id).disabled:
            problem = FieldProblem("webhook_id", "is disabled; enable it first")
            raise InvalidFieldsError("Nothing is delivered to a disabled webhook.", problem)
        now = self.clock.now()
        delivery_id = f"dlv_{secrets.token_hex(16)}"
        body = {"event": TEST_EVENT, "webhook_id": webhook_id, "at": rfc3339(now)}
        delivery = Delivery(
            webhook_id=webhook_id,
            delivery_id=delivery_id,
            event=TEST_EVENT,
            transaction_id=None,
            body=json.dumps(body),
            created_at=now,
            due_at=now,
        )
        self.queue.send([delivery], now=now)
        return {"delivery_id": delivery_id}

    def remove(self, caller: Caller, webhook_id: str) -> None:
        """Forget a webhook; what is on its way to it is dropped.

        Raises:
            NotFoundError: as `show`.

        """
        self._own(caller, webhook_id)
        self.store.remove(webhook_id)

    def _own(self, caller: Caller, webhook_id: str) -> Webhook:
        _require_service(caller)
        webhook = self.store.get(webhook_id)
        if webhook is None or not _may_see(caller, webhook):
            problem = FieldProblem("webhook_id", "is none of yours")
            raise NotFoundError("There is no such webhook.", problem)
        return webhook

    def _shown(self, webhook_id: str) -> dict[str, Any]:
        """Give a webhook as it is after a change; it may have been removed meanwhile."""
        webhook = self.store.get(webhook_id)
        if webhook is None:
            problem = FieldProblem("webhook_id", "was removed meanwhile")
            raise NotFoundError("There is no such webhook.", problem)
        return webhook_of(webhook)

    def _check(self, request: WebhookRegistration) -> None:
        known = {name for kind in self.kinds.values() for name in kind.events.values()}
        names = ", ".join(sorted(known))
        problems = [
            FieldProblem("events", f"{name} is no event; there are {names}")
            for name in sorted(set(request.events) - known)
        ]
        try:
            self.receivers.check(request.url)
        except ValueError as error:
            problems.insert(0, FieldProblem("url", str(error)))
        if problems:
            raise InvalidFieldsError("The webhook cannot be kept like this.", *problems)


def webhook_of(webhook: Webhook) -> dict[str, Any]:
    """Give the public form of a webhook: never a secret."""
    return {
        "webhook_id": webhook.webhook_id,
        "url": webhook.url,
        "events": list(webhook.events),
        "senders": list(webhook.senders),
        "created_at": rfc3339(webhook.created_at),
        "status": "disabled" if webhook.disabled else "enabled",
        "disabled_reason": webhook.disabled and webhook.disabled.value,
        "disabled_at": _when(webhook.disabled_at),
        "failing_since": _when(webhook.failing_since),
        "previous_secret_until": _when(webhook.previous_until),
    }


def delivery_of(entry: DeliveryLog) -> dict[str, Any]:
    """Give the public form of a delivery."""
    return {
        "delivery_id": entry.delivery_id,
        "event": entry.event,
        "transaction_id": entry.transaction_id,
        "created_at": rfc3339(entry.created_at),
        "outcome": entry.outcome.value,
        "attempts": entry.attempts,
        "answer": entry.answer,
        "attempted_at": rfc3339(entry.attempted_at),
        "took_ms": entry.took_ms,
        "next_attempt_at": _when(entry.next_attempt_at),
    }


def _when(moment: Instant | None) -> str | None:
    return None if moment is None else rfc3339(moment)


def _may_see(caller: Caller, webhook: Webhook) -> bool:
    return webhook.owner == caller.name or caller.has(Role.ADMIN)


def _require_service(caller: Caller) -> None:
    if not caller.has(Role.SERVICE):
        problem = FieldProblem("X-Api-Key", "must be a key of the role service or admin")
        raise NotAllowedError("Webhooks belong to API keys.", problem)


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"
