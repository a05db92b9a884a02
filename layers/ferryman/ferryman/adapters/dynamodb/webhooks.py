"""Webhooks in one partition, so that all are found with one query; the log of each in its own."""

from dataclasses import fields
from typing import Any, Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Present,
    Put,
    Query,
    SortRange,
    Table,
    Tables,
    Update,
)
from ferryman.domain.errors import StaleRowError
from ferryman.domain.units import Instant
from ferryman.domain.webhooks import LOG_SECONDS, DeliveryLog, Disabled, Outcome, Webhook

_REGISTERED: Final = "registered"
_DELIVERIES: Final = "delivery#"


class DynamoWebhooks:
    """The WebhookStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put(self, webhook: Webhook) -> None:
        """Keep a webhook."""
        item = _plain(webhook) | {"webhook": _REGISTERED, "item": webhook.webhook_id}
        item |= {"events": list(webhook.events), "senders": list(webhook.senders)}
        self._tables.write(Put(table=Table.WEBHOOKS, item=item))

    def get(self, webhook_id: str) -> Webhook | None:
        """Read a webhook."""
        item = self._tables.get(Table.WEBHOOKS, _key(webhook_id))
        return _webhook_of(item) if item else None

    def all(self) -> tuple[Webhook, ...]:
        """Read every webhook."""
        query = Query(table=Table.WEBHOOKS, partition=("webhook", _REGISTERED))
        return tuple(_webhook_of(item) for item in self._tables.query(query))

    def rotate(self, webhook_id: str, *, secret: bytes, replaces: bytes, until: Instant) -> None:
        """Replace the secret on the condition that nobody else did."""
        update = Update(
            table=Table.WEBHOOKS,
            key=_key(webhook_id),
            set_to={"secret": secret, "previous_secret": replaces, "previous_until": until},
            where=(Equals("secret", replaces),),
        )
        try:
            self._tables.write(update)
        except ConditionFailedError as error:
            msg = f"webhook {webhook_id} is gone, or its secret was replaced meanwhile"
            raise StaleRowError(msg) from error

    def enable(self, webhook_id: str) -> None:
        """Forget what kept it from being delivered to."""
        self._change(webhook_id, remove=("disabled", "disabled_at", "failing_since"))

    def disable(self, webhook_id: str, reason: Disabled, *, now: Instant) -> bool:
        """Keep it from being delivered to."""
        values: dict[str, str | int] = {"disabled": reason.value, "disabled_at": now}
        return self._change(webhook_id, set_to=values, unless="disabled")

    def begin_failing(self, webhook_id: str, *, now: Instant) -> None:
        """Note when it began."""
        self._change(webhook_id, set_to={"failing_since": now}, unless="failing_since")

    def recover(self, webhook_id: str) -> None:
        """Forget when it began."""
        self._change(webhook_id, remove=("failing_since",))

    def remove(self, webhook_id: str) -> None:
        """Forget a webhook."""
        self._tables.write(Delete(table=Table.WEBHOOKS, key=_key(webhook_id)))

    def log(self, entry: DeliveryLog) -> None:
        """Keep the newest of a delivery."""
        item = _plain(entry) | {
            "webhook": entry.webhook_id,
            "item": _log_item(entry),
            "expires_at": entry.attempted_at // 1000 + LOG_SECONDS,
        }
        self._tables.write(Put(table=Table.WEBHOOKS, item=item))

    def deliveries(self, webhook_id: str, *, limit: int, now: Instant) -> tuple[DeliveryLog, ...]:
        """Read the newest deliveries; DynamoDB may leave an expired item for two days."""
        query = Query(
            table=Table.WEBHOOKS,
            partition=("webhook", webhook_id),
            sort=SortRange("item", at_least=_DELIVERIES),
            descending=True,
            limit=limit,
        )
        items = self._tables.query(query)
        return tuple(_log_of(item) for item in items if item["expires_at"] > now // 1000)

    def _change(
        self,
        webhook_id: str,
        *,
        set_to: dict[str, str | int] | None = None,
        remove: tuple[str, ...] = (),
        unless: str | None = None,
    ) -> bool:
        """Change a webhook that is still there, unless it has an attribute."""
        where = (Present("webhook"), *((Absent(unless),) if unless else ()))
        update = Update(
            table=Table.WEBHOOKS, key=_key(webhook_id), set_to=set_to or {}, remove=remove, where=where
        )
        try:
            self._tables.write(update)
        except ConditionFailedError:
            return False
        return True


def _key(webhook_id: str) -> dict[str, str]:
    return {"webhook": _REGISTERED, "item": webhook_id}


def _log_item(entry: DeliveryLog) -> str:
    """Sort by the event's time; the same delivery is always the same item."""
    return f"{_DELIVERIES}{entry.created_at:015d}#{entry.delivery_id}"


def _plain(value: Webhook | DeliveryLog) -> Item:
    """Give what has a value, members of a StrEnum as the strings that boto3 serialises."""
    values = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        name: str(value) if isinstance(value, str) else value
        for name, value in values.items()
        if value is not None
    }


def _webhook_of(item: Item) -> Webhook:
    values = _known(Webhook, item) | {"events": tuple(item["events"]), "senders": tuple(item["senders"])}
    return Webhook(**values | ({"disabled": Disabled(item["disabled"])} if "disabled" in item else {}))


def _log_of(item: Item) -> DeliveryLog:
    values = {"transaction_id": None} | _known(DeliveryLog, item) | {"outcome": Outcome(item["outcome"])}
    return DeliveryLog(**values)


def _known(kind: type[Webhook | DeliveryLog], item: Item) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {name: value for name, value in item.items() if name in names}
