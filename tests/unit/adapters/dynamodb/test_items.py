"""How large items get: DynamoDB bills by the kilobyte, and a write in a transaction twice."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from ferryman.adapters.dynamodb.items import event_item, nonce_row_item, transaction_item, transaction_of
from ferryman.domain.events import Event, Step
from ferryman.domain.nonces import NonceRow, Purpose, TransactionAttempt
from ferryman.domain.transaction import FACTS, Status, Transaction, take_step
from ferryman.domain.units import (
    Address,
    ChainId,
    CorrelationId,
    Gas,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.intents.kind import SignedKind
from ferryman.intents.payment import PAYMENT
from ferryman.intents.permit_transfer import PERMIT_TRANSFER
from ferryman.intents.settlement import SETTLEMENT
from ferryman.intents.upto_transfer import UPTO_TRANSFER
from local.bench.units import item_bytes
from tests.support.payments import CHAIN_ID, chain_settings, signed_request
from tests.support.permits import signed_permit_transfer, signed_upto_transfer, upto_settings
from tests.support.rows import NOW, received_row
from tests.support.settlements import settlement_settings, signed_settlement

KILOBYTE = 1024
PRICED: dict[str, Any] = {
    "predicted_gas": 185_123,
    "predicted_cost": 12_345_678_901_234_567,
    "gas_share": 60_123,
    "effective_gas_price": 123_456_789_012,
    "gas_cost": 7_654_321_098_765_432,
    "fee_taken": 123_456_789_012_345_678,
    "margin": -23_456_789_012_345_678,
    "cost_error_bps": -12_345,
}
PLACE: dict[str, Any] = {
    "wallet": "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "nonce": 1_234_567,
    "batch_size": 40,
    "batch_position": 39,
}
MINED: dict[str, Any] = {
    "hash": "0x" + sha256(b"transaction").hexdigest(),
    "block_number": 123_456_789,
    "block_hash": "0x" + sha256(b"block").hexdigest(),
    "gas_used": 3_456_789,
    "confirmations": 12,
    "witnesses": 2,
}


def random_nonce(number: int) -> int:
    """Give a nonce as wallets choose it."""
    return int.from_bytes(sha256(number.to_bytes(8)).digest()) | 1 << 255


def fullest() -> tuple[Transaction, list[Event]]:
    """Give a row with all that the life of a batched payment in a token of 18 decimals writes into it."""
    body = signed_request(nonce=random_nonce(1), amount=1_234 * 10**18 + 1, fee=10**18 + 1)
    row = replace(
        received_row(body),
        chain_id=ChainId(4_294_967_295),
        correlation_id=CorrelationId("6f1e4c0a-5d7b-4a39-8c2e-0b9d8f7a6e5d"),
    )
    facts: dict[str, Any] = {**PRICED, **PLACE, **MINED}
    life: list[tuple[Step, dict[str, Any]]] = [
        (Step.ACCEPTED, {"assured": True, "accepted_block": 123_456_780}),
        (Step.BOUND, PLACE),
        (Step.INCLUDED, MINED),
        (Step.CONFIRMED, facts),
    ]
    events = []
    for step, changed in life:
        row, event = take_step(row, step, name=PAYMENT.events[step], at=NOW, **changed)
        events.append(event)
    return row, events


def test_the_fullest_row_of_a_batched_payment_and_its_events_stay_within_a_kilobyte() -> None:
    """One byte more would cost two write units with every step."""
    row, events = fullest()

    assert row.status is Status.CONFIRMED
    assert not FACTS - {"reason"} - {name for name in FACTS if getattr(row, name) is not None}
    assert item_bytes(transaction_item(row)) <= KILOBYTE
    assert max(item_bytes(event_item(event)) for event in events) <= KILOBYTE


def test_the_fullest_row_of_a_batched_settlement_stays_within_a_kilobyte() -> None:
    """With the hash of what was bought, and all that its life writes into it."""
    body = signed_settlement(nonce=random_nonce(1).to_bytes(32), value=1_234 * 10**18 + 1)
    body |= {"resource": "https://api.example.com/weather", "priority": "normal"}
    payload = SETTLEMENT.parse(body, {CHAIN_ID: settlement_settings()}).payload
    row, events = fullest()

    # It pays no fee.
    settled = replace(row, kind="settlement", sender=Address(body["from"]), payload=payload, fee_taken=None)

    assert item_bytes(transaction_item(settled)) <= KILOBYTE
    assert transaction_of(transaction_item(settled)) == settled
    assert max(item_bytes(event_item(replace(event, kind="settlement"))) for event in events) <= KILOBYTE


@pytest.mark.parametrize("kind", [PERMIT_TRANSFER, UPTO_TRANSFER], ids=lambda kind: kind.name)
def test_the_fullest_row_of_a_permit_transfer_stays_within_a_kilobyte(kind: SignedKind) -> None:
    """It shares its transaction with no other, and keeps a contract or two beside the token."""
    nonce, units = 2**256 - 1, 1_234 * 10**18 + 1
    body = (
        signed_permit_transfer(nonce=nonce, amount=units)
        if kind is PERMIT_TRANSFER
        else signed_upto_transfer(nonce=nonce, amount=units, taken=units - 1)
    )
    body |= {"resource": "https://api.example.com/weather", "priority": "normal"}
    payload = kind.parse(body, {CHAIN_ID: upto_settings()}).payload
    row, events = fullest()

    settled = replace(
        row,
        kind=kind.name,
        sender=Address(body["from"]),
        payload=payload,
        fee_taken=None,
        batch_size=None,
        batch_position=None,
    )

    assert item_bytes(transaction_item(settled)) <= KILOBYTE
    assert transaction_of(transaction_item(settled)) == settled
    told = [event_item(replace(event, kind=kind.name)) for event in events]
    assert max(map(item_bytes, told)) <= KILOBYTE


def test_the_fullest_row_is_read_as_it_was_written() -> None:
    """What is shortened is told in full."""
    row, _ = fullest()

    assert transaction_of(transaction_item(row)) == row


def test_the_row_of_a_nonce_with_twenty_payments_takes_less_than_four_kilobytes() -> None:
    """Two thirds of its eight kilobytes of calldata are zeros, as the ABI wants them."""
    chains = {CHAIN_ID: chain_settings()}
    intents = [
        PAYMENT.parse(signed_request(nonce=random_nonce(number), amount=12_500_000, fee=25_000), chains)
        for number in range(20)
    ]
    call = PAYMENT.to_batch_call([intent.payload for intent in intents], chain_settings())
    assert call
    attempt = TransactionAttempt(
        hash=TxHash(MINED["hash"]),
        raw=call.data + bytes(110),
        max_fee_per_gas=Wei(123_456_789_012),
        max_priority_fee_per_gas=Wei(1_234_567_890),
        purpose=Purpose.CALL,
        signed_at=NOW,
    )
    row = NonceRow(
        chain_id=intents[0].chain_id,
        wallet=PLACE["wallet"],
        nonce=WalletNonce(1_234_567),
        intents=tuple(TransactionId(intent.transaction_id) for intent in intents),
        gas_limit=Gas(3_000_000),
        bound_at=NOW,
        attempts=(attempt,),
    )

    assert item_bytes(nonce_row_item(row)) <= 4 * KILOBYTE
