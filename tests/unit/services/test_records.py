"""The public record: what is told of a row, and what is not."""

from dataclasses import fields, replace
from typing import Any

from ferryman.domain.events import Event, Step
from ferryman.domain.nonces import Purpose, TransactionAttempt
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, Gas, Instant, TxHash, WalletNonce, Wei
from ferryman.services.records import event_of, record_of
from tests.support.payments import signed_request
from tests.support.rows import accepted_row

ROW = accepted_row()


def mined(**changes: Any) -> Transaction:  # noqa: ANN401 (any field)
    """Give a row that is mined and not yet deep."""
    row = replace(
        ROW,
        status=Status.PENDING,
        wallet=ROW.sender,
        nonce=WalletNonce(3),
        hash=TxHash("0x" + "2b" * 32),
        block_number=BlockNumber(100),
        gas_used=Gas(90_000),
        effective_gas_price=Wei(2**60),
        due_at=None,
    )
    return replace(row, **changes)


def attempt(name: str) -> TransactionAttempt:
    """Give an attempt of that hash."""
    return TransactionAttempt(
        hash=TxHash(name),
        raw=b"secret until it is broadcast",
        max_fee_per_gas=Wei(20),
        max_priority_fee_per_gas=Wei(1),
        purpose=Purpose.CALL,
        signed_at=Instant(1_800_000_000_000),
    )


def test_the_signature_is_not_told() -> None:
    """It is public once mined, and nobody's business before."""
    body = signed_request()

    told = repr(record_of(replace(ROW, payload=body)))

    assert body["signature"] not in told
    assert body["amount"] in told


def test_housekeeping_is_not_told() -> None:
    """Versions, counters and shards are ours."""
    told = record_of(ROW).keys()

    inside = {"version", "starts", "waits", "permanent_reason", "payload", "due_at"}
    assert inside <= {field.name for field in fields(Transaction)}
    assert not told & inside


def test_wei_are_decimal_strings() -> None:
    """JavaScript reads numbers above 2^53 wrongly."""
    assert record_of(mined())["effective_gas_price"] == str(2**60)


def test_confirmations_rise_with_the_head() -> None:
    """The block that holds it is the first."""
    counts = [record_of(mined(), head=BlockNumber(head))["confirmations"] for head in (99, 100, 101, 112)]

    assert counts == [1, 1, 2, 13]


def test_confirmations_of_a_confirmed_one_are_what_was_confirmed() -> None:
    """A record that is over no longer changes."""
    row = mined(status=Status.CONFIRMED, confirmations=12)

    assert record_of(row, head=BlockNumber(10_000))["confirmations"] == 12


def test_an_unmined_one_has_no_confirmations() -> None:
    """Also while somebody looks at the head."""
    assert record_of(ROW, head=BlockNumber(5))["confirmations"] == 0


def test_the_newest_broadcast_is_its_hash_until_one_is_mined() -> None:
    """A client can follow it in an explorer from the first moment."""
    attempts = (attempt("0x01"), attempt("0x02"))

    assert record_of(replace(ROW, wallet=ROW.sender), attempts=attempts)["hash"] == "0x02"
    assert record_of(mined(), attempts=attempts)["hash"] == "0x" + "2b" * 32
    assert record_of(ROW)["hash"] is None


def test_every_attempt_is_told_and_which_was_mined_but_not_its_bytes() -> None:
    """The newest is not always the one that was mined."""
    row = mined(hash=TxHash("0x01"))

    told = record_of(row, attempts=(attempt("0x01"), attempt("0x02")))["attempts"]

    assert [(one["hash"], one["mined"]) for one in told] == [("0x01", True), ("0x02", False)]
    assert told[0] == {
        "hash": "0x01",
        "max_fee_per_gas": "20",
        "max_priority_fee_per_gas": "1",
        "purpose": "call",
        "signed_at": "2027-01-15T08:00:00.000Z",
        "mined": True,
    }
    assert record_of(row)["attempts"] is None, "nobody looked"


def test_a_waiting_one_says_what_it_waits_for() -> None:
    """Nobody should have to guess why nothing happens."""
    told = record_of(replace(ROW, due_at=Instant(1_800_000_000_500), last_error="the pool is full"))

    assert told["waiting_for"] == "the pool is full"
    assert told["next_attempt_at"] == "2027-01-15T08:00:00.500Z"


def test_one_that_no_longer_waits_says_nothing_of_it() -> None:
    """The error that delayed it is history."""
    told = record_of(replace(ROW, due_at=None, last_error="the pool is full"))

    assert (told["waiting_for"], told["next_attempt_at"]) == (None, None)


def test_steps_are_told_in_the_order_they_were_taken() -> None:
    """A client can show them as they are."""
    row = replace(ROW, reached={"bound": Instant(2_000), "accepted": Instant(1_000)})

    assert list(record_of(row)["reached"]) == ["accepted", "bound"]


def test_an_event_is_told_with_what_it_changed() -> None:
    """Sequence and status, and wei as strings."""
    told = event_of(
        Event(
            transaction_id=ROW.transaction_id,
            sequence=3,
            step=Step.INCLUDED,
            name="payment_included",
            status="PENDING",
            at=Instant(1_800_000_000_000),
            kind=ROW.kind,
            chain_id=ROW.chain_id,
            sender=ROW.sender,
            reached={},
            facts={"block_number": 7, "effective_gas_price": 2**60, "reason": None},
        )
    )

    assert told == {
        "event": "payment_included",
        "transaction_id": ROW.transaction_id,
        "sequence": 3,
        "status": "PENDING",
        "at": "2027-01-15T08:00:00.000Z",
        "data": {"block_number": 7, "effective_gas_price": str(2**60), "reason": None},
    }
