"""Wallet nonces: their window, and what an attempt does to a nonce row."""

from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.nonces import NonceRow, Purpose, TransactionAttempt, Wallet, Wanted
from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    Gas,
    Instant,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)

WALLET = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")


def nonce_row() -> NonceRow:
    """Give a row as the bind writes it."""
    return NonceRow(
        chain_id=ChainId(31337),
        wallet=WALLET,
        nonce=WalletNonce(3),
        intents=(TransactionId("0x" + "6f" * 32),),
        gas_limit=Gas(100_000),
        bound_at=Instant(1_000),
    )


def attempt(signed_at: int) -> TransactionAttempt:
    """Give an attempt that was signed then."""
    return TransactionAttempt(
        hash=TxHash("0x" + f"{signed_at:064x}"),
        raw=b"\x02",
        max_fee_per_gas=Wei(2),
        max_priority_fee_per_gas=Wei(1),
        purpose=Purpose.CALL,
        signed_at=Instant(signed_at),
    )


@given(lowest=st.integers(0, 10**6), taken=st.integers(0, 300), window=st.integers(1, 256))
def test_the_window_counts_what_is_open(lowest: int, taken: int, window: int) -> None:
    """Never negative: a window that was made smaller does not free anything by underflow."""
    wallet = Wallet(
        chain_id=ChainId(1),
        address=WALLET,
        next_nonce=WalletNonce(lowest + taken),
        lowest_open=WalletNonce(lowest),
    )

    assert wallet.free(window) == (window - taken if taken < window else 0)


def test_an_attempt_answers_what_was_wanted_and_is_kept_with_those_before() -> None:
    """Every hash is kept: any of them may be mined. New bytes begin with new patience."""
    asked = nonce_row().wanting(Wanted.SEND, at=Instant(2_000), head=BlockNumber(5))

    row = asked.with_attempt(attempt(3_000)).with_attempt(attempt(4_000))

    assert [one.signed_at for one in row.attempts] == [3_000, 4_000]
    assert row.wanted is Wanted.NOTHING
    assert (row.sends_wanted, row.overdue_from) == (0, None)
    assert row.version == nonce_row().version + 3


def test_a_stall_is_counted_from_the_first_time_that_a_send_was_asked_for() -> None:
    """Asking again and again must not put off the moment at which more is offered."""
    row = nonce_row().with_attempt(attempt(1_000))

    for head in (5, 9, 14):
        row = row.wanting(Wanted.SEND, at=Instant(1_000 * head), head=BlockNumber(head))

    assert (row.overdue_from, row.sends_wanted) == (5, 3)


def test_a_settled_nonce_wants_nothing() -> None:
    """Otherwise submit would go on sending what is mined."""
    row = nonce_row().wanting(Wanted.SEND, at=Instant(2_000)).settled()

    assert row.is_settled
    assert row.wanted is Wanted.NOTHING
    assert row.version == nonce_row().version + 2


def test_last_touched_is_the_newest_of_bind_signature_and_request() -> None:
    """The next send is asked for only some time after whatever was done last."""
    bound = nonce_row()
    signed = bound.with_attempt(attempt(5_000))
    asked = signed.wanting(Wanted.SEND, at=Instant(9_000))

    assert [row.last_touched() for row in (bound, signed, asked)] == [1_000, 5_000, 9_000]
