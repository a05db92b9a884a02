"""What we tell of a transaction: the record, and its events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ferryman.domain.economics import gas_cost_of
from ferryman.domain.events import Event
from ferryman.domain.nonces import TransactionAttempt
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, rfc3339

_SECRET = frozenset({"signature"})
"""Public once mined, but nobody's business before."""


def record_of(
    row: Transaction,
    *,
    head: BlockNumber | None = None,
    attempts: Sequence[TransactionAttempt] | None = None,
) -> dict[str, Any]:
    """Give the public record of a row.

    Args:
        row: the row.
        head: the newest block that confirm saw, to count confirmations that are not final.
        attempts: what was signed for its nonce, oldest first; the newest is `hash` until one is mined.
            None: it has no nonce, or nobody looked.

    """
    return {
        "transaction_id": row.transaction_id,
        "kind": row.kind,
        "chain_id": row.chain_id,
        "sender": row.sender,
        "status": row.status.value,
        "priority": row.priority.value,
        "assured": row.assured,
        "intent": _nested(row.payload),
        "received_at": rfc3339(row.received_at),
        "reached": {step: rfc3339(at) for step, at in sorted(row.reached.items(), key=lambda pair: pair[1])},
        "sequence": row.sequence,
        "wallet": row.wallet,
        "wallet_nonce": row.nonce,
        "hash": row.hash or (attempts[-1].hash if attempts else None),
        "attempts": _attempts(row, attempts),
        "block_number": row.block_number,
        "block_hash": row.block_hash,
        "confirmations": _confirmations(row, head),
        "witnesses": row.witnesses,
        "predicted_gas": row.predicted_gas,
        "predicted_cost": _text(row.predicted_cost),
        "batch": _batch(row),
        "gas_used": row.gas_used,
        "gas_share": row.gas_share,
        "effective_gas_price": _text(row.effective_gas_price),
        "gas_cost": _text(gas_cost_of(row)),
        "fee_taken": _text(_fee_taken(row)),
        "margin": _text(row.margin),
        "cost_error_bps": row.cost_error_bps,
        "reason": row.reason,
        "waiting_for": row.last_error if row.due_at is not None else None,
        "next_attempt_at": rfc3339(row.due_at) if row.due_at is not None and row.last_error else None,
    }


def attempts_told(attempts: Iterable[TransactionAttempt]) -> list[dict[str, Any]]:
    """Tell what was signed for a nonce, without the bytes."""
    return [
        {
            "hash": attempt.hash,
            "max_fee_per_gas": str(attempt.max_fee_per_gas),
            "max_priority_fee_per_gas": str(attempt.max_priority_fee_per_gas),
            "purpose": attempt.purpose.value,
            "signed_at": rfc3339(attempt.signed_at),
        }
        for attempt in attempts
    ]


def event_of(event: Event) -> dict[str, Any]:
    """Give the public form of an event: the same in a push, a replay and the events list."""
    return {
        "event": event.name,
        "transaction_id": event.transaction_id,
        "sequence": event.sequence,
        "status": event.status,
        "at": rfc3339(event.at),
        "data": {name: _public(name, value) for name, value in event.facts.items()},
    }


def _nested(payload: Mapping[str, str | int]) -> dict[str, Any]:
    """Tell a payload as it was sent: `a.b` is the member `b` of `a`."""
    told: dict[str, Any] = {}
    for name, value in payload.items():
        *inside, last = name.split(".")
        if last not in _SECRET:
            (told.setdefault(inside[0], {}) if inside else told)[last] = value
    return told


def _attempts(row: Transaction, attempts: Iterable[TransactionAttempt] | None) -> list[dict[str, Any]] | None:
    """Tell attempts, and which of them was mined, if one was."""
    if attempts is None:
        return None
    return [told | {"mined": told["hash"] == row.hash} for told in attempts_told(attempts)]


def _fee_taken(row: Transaction) -> int | None:
    return row.fee_taken or 0 if row.is_settled else None


def _batch(row: Transaction) -> dict[str, int] | None:
    """Say which place it has among those that share its chain transaction."""
    if row.batch_size is None or row.batch_position is None:
        return None
    return {"position": row.batch_position, "size": row.batch_size}


def _confirmations(row: Transaction, head: BlockNumber | None) -> int:
    if row.status is Status.CONFIRMED or row.block_number is None or head is None:
        return row.confirmations or 0
    return max(head - row.block_number + 1, 1)


_MONEY = frozenset({"effective_gas_price", "predicted_cost", "gas_cost", "fee_taken", "margin"})


def _public(name: str, value: object) -> object:
    return _text(value) if name in _MONEY else value


def _text(value: object) -> str | None:
    """Wei and token units go as decimal strings: they outgrow the numbers of JavaScript."""
    return None if value is None else str(value)
