"""The stores over both kinds of tables: what each promises in `ports`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.allowances import DynamoAllowances
from ferryman.adapters.dynamodb.backlog_parts import DynamoBacklogParts
from ferryman.adapters.dynamodb.connections import LIFETIME_SECONDS, DynamoConnections
from ferryman.adapters.dynamodb.items import used_key
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.adapters.dynamodb.operations import ConditionFailedError, Delete, Query, Table, Tables
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.access import ANONYMOUS, ApiKey, Caller, Challenge, Role, Session, Ticket
from ferryman.domain.blocks import BlockId
from ferryman.domain.errors import (
    LedgerMovedError,
    LedgerRefusedError,
    NonceTakenError,
    StaleRowError,
    StaleRowsError,
    TransactionExistsError,
)
from ferryman.domain.events import Event, Step
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import Mark, NonceRow, Purpose, TransactionAttempt, Wallet, WalletState, Wanted
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.pricing import Market
from ferryman.domain.quotas import DAY_MS, Charge, Quota, QuotaMovedError, SenderLimits
from ferryman.domain.statistics import EndpointGauge, Gauges, Snapshot, WalletGauge
from ferryman.domain.transaction import Status, Transaction, take_step
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    ChainId,
    CorrelationId,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.intents.payment import PAYMENT
from ferryman.ports import Binding, Block, Change, Lease, Ledger, Recorded, Reservation, Room
from tests.support.payments import CHAIN_ID, TOKEN, chain_settings, signed_request
from tests.support.rows import NOW, accepted, received_row

SETTINGS = chain_settings()
WALLET = Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906")
OTHER_WALLET = Address("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65")


def reservation_of(row: Transaction) -> Reservation:
    """Give what a row holds."""
    return PAYMENT.reservation(row.payload)


def room(units: int, *, block: int = 90) -> Room:
    """Give room for that much to be reserved already."""
    return Room(units=TokenUnits(units), block=BlockNumber(block))


def accept(
    tables: Tables,
    *,
    nonce: int = 7,
    units: int = 10**9,
    block: int = 90,
    amount: int = 900,
    instead_of: TransactionId | None = None,
) -> Transaction:
    """Accept a payment of `amount` + 100."""
    row, event = accepted(received_row(signed_request(nonce=nonce, amount=amount, fee=100)))
    DynamoTransactions(tables).accept(
        row,
        [event],
        marker=PAYMENT.marker(row.payload),
        hold=(reservation_of(row), room(units, block=block)),
        instead_of=instead_of,
    )
    return row


def failed(row: Transaction) -> Change:
    """Give the change that ends a row."""
    after, event = take_step(row, Step.FAILED, name="payment_failed", at=NOW, reason="deadline_passed")
    return Change(before=row, after=replace(after, due_at=None), events=(event,))


def ledger(tables: Tables) -> Ledger:
    """Read the payer's ledger."""
    return DynamoTransactions(tables).ledger(reservation_of(accepted(received_row())[0]))


def bindings(rows: Sequence[Transaction], *, first: int, wallet: Address = WALLET) -> tuple[Binding, ...]:
    """Bind rows to consecutive nonces."""
    return tuple(_binding(row, WalletNonce(nonce), wallet) for nonce, row in enumerate(rows, start=first))


def _binding(row: Transaction, nonce: WalletNonce, wallet: Address) -> Binding:
    after, event = take_step(row, Step.BOUND, name="payment_pending", at=NOW, wallet=wallet, nonce=nonce)
    return Binding(
        changes=(Change(before=row, after=replace(after, due_at=None), events=(event,)),),
        nonce_row=NonceRow(
            chain_id=CHAIN_ID,
            wallet=wallet,
            nonce=nonce,
            intents=(row.transaction_id,),
            gas_limit=Gas(100_000),
            bound_at=NOW,
        ),
    )


def opened(tables: Tables, *, next_nonce: int = 0, lowest_open: int = 0) -> Wallet:
    """Open a wallet's row."""
    return DynamoWallets(tables).open_wallet(
        Wallet(
            chain_id=CHAIN_ID,
            address=WALLET,
            next_nonce=WalletNonce(next_nonce),
            lowest_open=WalletNonce(lowest_open),
        )
    )


def bind(tables: Tables, rows: Sequence[Transaction], *, window: int = 16) -> tuple[NonceRow, ...]:
    """Bind rows to the wallet's next nonces."""
    wallet = opened(tables)
    made = bindings(rows, first=wallet.next_nonce)
    DynamoWallets(tables).bind(wallet, made, window=window)
    return tuple(binding.nonce_row for binding in made)


class TestAccept:
    """A new row, its nonce marker and its reservation: all or nothing."""

    def test_an_accepted_row_is_read_back_as_it_was(self, tables: Tables) -> None:
        """With its event and the funds held."""
        row = accept(tables)

        store = DynamoTransactions(tables)
        assert store.get(row.transaction_id) == row
        assert store.events(row.transaction_id) == (accepted(received_row(_body()))[1],)
        assert ledger(tables) == Ledger(reserved=TokenUnits(1_000), settled_block=BlockNumber(0))

    def test_the_same_row_again_is_known_already(self, tables: Tables) -> None:
        """And holds nothing twice."""
        row = accept(tables)

        with pytest.raises(TransactionExistsError) as known:
            accept(tables)

        assert known.value.transaction_id == row.transaction_id
        assert ledger(tables).reserved == 1_000

    def test_another_row_with_the_same_nonce_is_refused(self, tables: Tables) -> None:
        """It says who holds the nonce, and stores nothing."""
        first = accept(tables, amount=900)

        with pytest.raises(NonceTakenError) as taken:
            accept(tables, amount=901)

        assert taken.value.transaction_id == first.transaction_id
        assert ledger(tables).reserved == 1_000

    def test_a_nonce_of_a_transaction_that_failed_is_taken_over_once(self, tables: Tables) -> None:
        """By whoever says whose it was; the marker then names the new one, and holds for it alone."""
        first, store = accept(tables, amount=900), DynamoTransactions(tables)
        ended = failed(first)
        store.write(ended, release=reservation_of(first))

        second = accept(tables, amount=901, instead_of=first.transaction_id)
        with pytest.raises(NonceTakenError) as taken:
            accept(tables, amount=902, instead_of=first.transaction_id)

        assert taken.value.transaction_id == second.transaction_id
        assert store.holder(PAYMENT.marker(second.payload)) == second.transaction_id
        assert ledger(tables).reserved == reservation_of(second).units

    def test_a_nonce_whose_transaction_was_brought_back_is_not_taken_over(self, tables: Tables) -> None:
        """Two of the same nonce would be open; nobody has a nonce that no transaction claimed."""
        first, store = accept(tables, amount=900), DynamoTransactions(tables)

        with pytest.raises(NonceTakenError) as taken:
            accept(tables, amount=901, instead_of=first.transaction_id)

        assert taken.value.transaction_id == first.transaction_id
        assert store.holder(replace(PAYMENT.marker(first.payload), nonce="99")) is None

    def test_who_claimed_nonces_is_read_of_many_at_once(self, tables: Tables) -> None:
        """Those that nobody claimed are left out, and asking for none is no question."""
        row, store = accept(tables), DynamoTransactions(tables)
        ours = PAYMENT.marker(row.payload)

        assert store.holders([ours, replace(ours, nonce="99")]) == {ours: row.transaction_id}
        assert store.holders([]) == {}

    def test_a_marker_that_outlived_its_row_takes_the_row_again_once_its_funds_are_let_go(
        self, tables: Tables
    ) -> None:
        """After a restore: what is held already is never held twice."""
        row = accept(tables)
        tables.write(Delete(table=Table.TRANSACTIONS, key={"transaction_id": row.transaction_id}))
        tables.write(Delete(table=Table.EVENTS, key={"transaction_id": row.transaction_id, "sequence": 1}))

        with pytest.raises(ConditionFailedError):
            accept(tables)
        still_reserved = ledger(tables).reserved
        DynamoRecovery(tables).let_go(PAYMENT.marker(row.payload), row.transaction_id)
        accept(tables)

        assert (still_reserved, ledger(tables).reserved) == (1_000, 2_000)
        assert DynamoRecovery(tables).is_held(PAYMENT.marker(row.payload), row.transaction_id)

    def test_the_last_unit_of_room_is_given(self, tables: Tables) -> None:
        """Room says how much may be reserved already."""
        accept(tables, nonce=1, units=0)
        accept(tables, nonce=2, units=1_000)

        assert ledger(tables).reserved == 2_000

    def test_one_unit_more_is_refused(self, tables: Tables) -> None:
        """It says what is reserved, so that the client can be told what is free."""
        accept(tables, nonce=1)

        with pytest.raises(LedgerRefusedError) as refused:
            accept(tables, nonce=2, units=999)

        assert refused.value.reserved == 1_000
        assert ledger(tables).reserved == 1_000

    def test_no_room_at_all_is_refused_though_nothing_is_reserved(self, tables: Tables) -> None:
        """A ledger that does not exist yet must not let it pass."""
        with pytest.raises(LedgerRefusedError):
            accept(tables, units=-1)

        assert DynamoTransactions(tables).get(accepted(received_row(_body()))[0].transaction_id) is None

    def test_a_reading_older_than_the_last_settlement_is_refused(self, tables: Tables) -> None:
        """The balance it saw still counts what has been paid out: the stale read of invariant 4."""
        row = accept(tables, nonce=1)
        DynamoTransactions(tables).write(
            failed(row), release=reservation_of(row), settled_block=BlockNumber(95)
        )

        with pytest.raises(LedgerMovedError) as moved:
            accept(tables, nonce=2, block=94)

        assert moved.value.settled_block == 95
        accept(tables, nonce=2, block=95)
        assert ledger(tables).reserved == 1_000

    def test_without_funds_held_the_ledger_is_not_touched(self, tables: Tables) -> None:
        """RECEIVED: accepted while the chain was away."""
        row, event = take_step(received_row(), Step.RECEIVED, name="payment_accepted", at=NOW)

        DynamoTransactions(tables).accept(row, [event], marker=PAYMENT.marker(row.payload), hold=None)

        assert DynamoTransactions(tables).get(row.transaction_id) == row
        assert ledger(tables).reserved == 0

    def test_many_concurrent_readings_cannot_exceed_the_funds(self, tables: Tables) -> None:
        """Each read the same 3,500 locked: three of five fit, in any order."""
        outcomes = []
        for nonce in range(5):
            try:
                accept(tables, nonce=nonce, units=3_500 - 1_000)
                outcomes.append("taken")
            except LedgerRefusedError:
                outcomes.append("refused")

        assert outcomes == ["taken"] * 3 + ["refused"] * 2
        assert ledger(tables).reserved == 3_000


GAS = Wei(10**14)
NOON = Instant(20_000 * DAY_MS + DAY_MS // 2)
CAPPED = SenderLimits(per_minute=60, burst=3, daily_count=5, daily_units={TOKEN: TokenUnits(10_000)})


def charge(
    tables: Tables, *, at: int = NOON, limits: SenderLimits = CAPPED, before: Quota | None = None
) -> Charge:
    """Prepare the charge of a payment of 1,000, after what was read or is stored."""
    return Charge(
        token=TOKEN,
        units=TokenUnits(1_000),
        field="amount",
        limits=limits,
        at=Instant(at),
        gas=GAS,
        before=before or quota(tables),
    )


def quota(tables: Tables) -> Quota | None:
    """Read the payer's quota."""
    return DynamoTransactions(tables).quota(reservation_of(accepted(received_row())[0]))


def accept_charged(tables: Tables, one: Charge, *, nonce: int) -> Transaction:
    """Accept a payment with its charge."""
    row, event = accepted(received_row(signed_request(nonce=nonce, amount=900, fee=100)))
    DynamoTransactions(tables).accept(
        row,
        [event],
        marker=PAYMENT.marker(row.payload),
        hold=(reservation_of(row), room(10**9)),
        charge=(reservation_of(row), one),
    )
    return row


class TestQuota:
    """What a sender has used: written with acceptance or not at all."""

    def test_the_item_is_what_the_charge_says_it_will_be(self, tables: Tables) -> None:
        """First of all, full bucket, filling bucket, next day, and again: every way of writing it."""
        moments = (NOON, NOON + 5_000, NOON + 5_000, NOON + DAY_MS, NOON + DAY_MS + 1, NOON + 3 * DAY_MS)

        for nonce, moment in enumerate(moments):
            one = charge(tables, at=moment)
            accept_charged(tables, one, nonce=nonce)
            assert quota(tables) == one.after

        assert one.after.history == {20_000: 3, 20_001: 2}

    def test_charges_made_for_the_same_reading_are_all_counted(self, tables: Tables) -> None:
        """They commute: nobody has to read again while the bucket is filling."""
        accept_charged(tables, charge(tables), nonce=0)
        read = charge(tables)

        accept_charged(tables, read, nonce=1)
        accept_charged(tables, read, nonce=2)

        used = quota(tables)
        assert used is not None
        assert (used.count, used.full_at_us - NOON * 1_000, used.units) == (3, 3_000_000, 3_000)

    @pytest.mark.parametrize(
        ("limits", "fits"),
        [
            (SenderLimits(per_minute=60, burst=3), 3),
            (SenderLimits(per_minute=60, burst=9, daily_count=4), 4),
            (SenderLimits(per_minute=60, burst=9, daily_units={TOKEN: TokenUnits(2_999)}), 2),
            (SenderLimits(per_minute=60, burst=9, daily_gas_wei=Wei(3 * GAS + 1)), 3),
        ],
        ids=["rate", "count", "units", "gas"],
    )
    def test_stale_readings_cannot_exceed_a_limit(
        self, tables: Tables, limits: SenderLimits, fits: int
    ) -> None:
        """Each was made when only one was charged; the refusal gives what is stored."""
        accept_charged(tables, charge(tables, limits=limits), nonce=0)
        read = charge(tables, limits=limits)
        for nonce in range(1, fits):
            accept_charged(tables, read, nonce=nonce)

        with pytest.raises(QuotaMovedError) as moved:
            accept_charged(tables, read, nonce=99)

        assert moved.value.quota is not None
        assert moved.value.quota.count == fits
        assert moved.value.quota == quota(tables)

    def test_of_two_first_charges_one_has_to_look_again(self, tables: Tables) -> None:
        """Of a sender, and of a day."""
        first = charge(tables)
        accept_charged(tables, first, nonce=0)
        with pytest.raises(QuotaMovedError):
            accept_charged(tables, first, nonce=1)

        tomorrow = charge(tables, at=NOON + DAY_MS)
        accept_charged(tables, tomorrow, nonce=1)
        with pytest.raises(QuotaMovedError):
            accept_charged(tables, tomorrow, nonce=2)

    def test_a_full_bucket_is_emptied_by_one_of_two(self, tables: Tables) -> None:
        """Else the second would overwrite what the first took."""
        accept_charged(tables, charge(tables), nonce=0)
        read = charge(tables, at=NOON + 60_000)
        accept_charged(tables, read, nonce=1)

        with pytest.raises(QuotaMovedError):
            accept_charged(tables, read, nonce=2)

    def test_what_is_not_accepted_is_not_charged(self, tables: Tables) -> None:
        """The row is there already, or the funds are not: the same write, so nothing of it."""
        accept_charged(tables, charge(tables), nonce=0)
        before = quota(tables)

        with pytest.raises(TransactionExistsError):
            accept_charged(tables, charge(tables), nonce=0)
        other, event = accepted(received_row(signed_request(nonce=1, amount=900, fee=100)))
        with pytest.raises(LedgerRefusedError):
            DynamoTransactions(tables).accept(
                other,
                [event],
                marker=PAYMENT.marker(other.payload),
                hold=(reservation_of(other), room(999)),
                charge=(reservation_of(other), charge(tables)),
            )

        assert quota(tables) == before

    def test_without_funds_held_the_payer_is_charged_all_the_same(self, tables: Tables) -> None:
        """RECEIVED: accepted while the chain was away; the ledger itself is not touched."""
        row, event = take_step(received_row(), Step.RECEIVED, name="payment_accepted", at=NOW)
        one = charge(tables)

        DynamoTransactions(tables).accept(
            row, [event], marker=PAYMENT.marker(row.payload), hold=None, charge=(reservation_of(row), one)
        )

        assert quota(tables) == one.after
        assert ledger(tables) == Ledger(reserved=TokenUnits(0), settled_block=BlockNumber(0))

    def test_a_release_leaves_the_quota_alone(self, tables: Tables) -> None:
        """They share an item, and nothing else: what was posted stays posted."""
        row = accept_charged(tables, charge(tables), nonce=0)
        before = quota(tables)

        DynamoTransactions(tables).write(failed(row), release=reservation_of(row))

        assert quota(tables) == before
        assert ledger(tables).reserved == 0

    def test_when_funds_and_limit_both_refuse_it_is_the_funds(self, tables: Tables) -> None:
        """One item, two conditions: what is stored tells which of them did not hold."""
        limits = SenderLimits(per_minute=1, burst=1)
        accept_charged(tables, charge(tables, limits=limits), nonce=0)
        other, event = accepted(received_row(signed_request(nonce=1, amount=900, fee=100)))

        def accept_in(units: int) -> None:
            DynamoTransactions(tables).accept(
                other,
                [event],
                marker=PAYMENT.marker(other.payload),
                hold=(reservation_of(other), room(units)),
                charge=(reservation_of(other), charge(tables, limits=limits)),
            )

        with pytest.raises(LedgerRefusedError):
            accept_in(999)
        with pytest.raises(QuotaMovedError):
            accept_in(1_000)

    def test_a_repeat_over_the_limit_is_known_rather_than_limited(self, tables: Tables) -> None:
        """The record it has matters more than what it would cost."""
        limits = SenderLimits(per_minute=1, burst=1)
        accept_charged(tables, charge(tables, limits=limits), nonce=0)

        with pytest.raises(TransactionExistsError):
            accept_charged(tables, charge(tables, limits=limits), nonce=0)


def _body() -> dict[str, Any]:
    return signed_request(nonce=7, amount=900, fee=100)


class TestWrite:
    """A change of a row, with what goes with it."""

    def test_a_change_is_written_with_its_events(self, tables: Tables) -> None:
        """The row, one more event, and the funds let go."""
        row, store = accept(tables), DynamoTransactions(tables)
        change = failed(row)

        store.write(change, release=reservation_of(row))

        assert store.get(row.transaction_id) == change.after
        assert [event.sequence for event in store.events(row.transaction_id)] == [1, 2]
        assert store.events(row.transaction_id, after=1) == change.events
        assert ledger(tables).reserved == 0

    def test_a_stale_change_is_refused_whole(self, tables: Tables) -> None:
        """Somebody else went on with the row: neither event nor release."""
        row, store = accept(tables), DynamoTransactions(tables)
        waiting = replace(row, waits=1, version=row.version + 1)
        store.write(Change(before=row, after=waiting))

        with pytest.raises(StaleRowError):
            store.write(failed(row), release=reservation_of(row))

        assert store.get(row.transaction_id) == waiting
        assert len(store.events(row.transaction_id)) == 1
        assert ledger(tables).reserved == 1_000

    def test_a_change_of_a_row_that_is_not_there_is_stale(self, tables: Tables) -> None:
        """It creates nothing."""
        row = accepted(received_row())[0]

        with pytest.raises(StaleRowError):
            DynamoTransactions(tables).write(Change(before=row, after=replace(row, waits=1)))

        assert DynamoTransactions(tables).get(row.transaction_id) is None

    def test_an_event_is_never_overwritten(self, tables: Tables) -> None:
        """The log is immutable, also to a caller that numbers wrongly."""
        row, store = accept(tables), DynamoTransactions(tables)
        (first,) = store.events(row.transaction_id)
        forged = replace(first, facts={"reason": "forged"})
        after = replace(row, version=row.version + 1)

        with pytest.raises(StaleRowError):
            store.write(Change(before=row, after=after, events=(forged,)))

        assert store.events(row.transaction_id) == (first,)

    def test_funds_are_let_go_once(self, tables: Tables) -> None:
        """A second release of the same row would free somebody else's money."""
        row, store = accept(tables, nonce=1), DynamoTransactions(tables)
        accept(tables, nonce=2)
        change = failed(row)
        store.write(change, release=reservation_of(row))
        again = replace(change.after, version=change.after.version + 1)

        with pytest.raises(StaleRowError):
            store.write(Change(before=change.after, after=again), release=reservation_of(row))

        assert ledger(tables).reserved == 1_000

    def test_funds_are_held_under_the_same_condition_as_at_acceptance(self, tables: Tables) -> None:
        """RECEIVED becomes VALIDATED only if they are there."""
        store = DynamoTransactions(tables)
        row, event = take_step(received_row(_body()), Step.RECEIVED, name="payment_accepted", at=NOW)
        store.accept(row, [event], marker=PAYMENT.marker(row.payload), hold=None)
        accept(tables, nonce=8)
        after, validated = take_step(row, Step.VALIDATED, name="payment_validated", at=NOW, assured=True)
        change = Change(before=row, after=after, events=(validated,))

        with pytest.raises(LedgerRefusedError):
            store.write(change, hold=(reservation_of(row), room(999)))
        with pytest.raises(LedgerRefusedError):
            store.write(change, hold=(reservation_of(row), room(-1)))
        assert store.get(row.transaction_id) == row

        store.write(change, hold=(reservation_of(row), room(1_000)))

        assert store.get(row.transaction_id) == after
        assert ledger(tables).reserved == 2_000

    def test_funds_are_held_only_by_who_has_the_nonce(self, tables: Tables) -> None:
        """A row whose marker went to another, in a restore, cannot be carried out: nothing is held for it."""
        store, rival = DynamoTransactions(tables), accept(tables, nonce=7, amount=901)
        row, event = take_step(received_row(_body()), Step.RECEIVED, name="payment_accepted", at=NOW)
        taken = PAYMENT.marker(row.payload)
        store.accept(row, [event], marker=replace(taken, nonce="8"), hold=None)
        after, validated = take_step(row, Step.VALIDATED, name="payment_validated", at=NOW, assured=True)

        with pytest.raises(StaleRowError):
            store.write(
                Change(before=row, after=after, events=(validated,)),
                hold=(reservation_of(row), room(10**9)),
            )

        assert taken == PAYMENT.marker(rival.payload)
        assert ledger(tables).reserved == 1_001

    def test_a_hold_of_a_stale_row_is_stale(self, tables: Tables) -> None:
        """The row decides; the ledger would have had room."""
        row, store = accept(tables), DynamoTransactions(tables)
        stale = replace(row, version=row.version + 5)
        change = Change(before=stale, after=replace(stale, version=stale.version + 1))

        with pytest.raises(StaleRowError):
            store.write(change, hold=(reservation_of(accepted(received_row())[0]), room(10**9)))

    def test_the_settled_block_only_rises(self, tables: Tables) -> None:
        """Settlements are written in any order; the funds are let go in each."""
        rows = [accept(tables, nonce=nonce) for nonce in (1, 2, 3)]
        seen = []
        for row, block in zip(rows, (50, 60, 55), strict=True):
            DynamoTransactions(tables).write(
                failed(row), release=reservation_of(row), settled_block=BlockNumber(block)
            )
            seen.append((ledger(tables).reserved, ledger(tables).settled_block))

        assert seen == [(2_000, 50), (1_000, 60), (0, 60)]

    def test_a_late_settlement_of_a_stale_row_is_stale(self, tables: Tables) -> None:
        """The second try, without raising the block, keeps every other condition."""
        first, second = accept(tables, nonce=1), accept(tables, nonce=2)
        store = DynamoTransactions(tables)
        store.write(failed(first), release=reservation_of(first), settled_block=BlockNumber(60))
        store.write(Change(before=second, after=replace(second, waits=1, version=second.version + 1)))

        with pytest.raises(StaleRowError):
            store.write(failed(second), release=reservation_of(second), settled_block=BlockNumber(50))

        assert ledger(tables).reserved == 1_000

    def test_a_nonce_row_is_closed_along(self, tables: Tables) -> None:
        """One write: the row is over, its funds are free, its nonce is settled."""
        (nonce_row,) = bind(tables, [accept(tables)])
        store = DynamoTransactions(tables)
        (transaction_id,) = nonce_row.intents
        bound = store.get(transaction_id)
        assert bound is not None
        after, event = take_step(bound, Step.CONFIRMED, name="payment_confirmed", at=NOW, confirmations=1)

        store.write(
            Change(before=bound, after=after, events=(event,)),
            release=reservation_of(bound),
            settled_block=BlockNumber(91),
            nonce_row=nonce_row.settled(),
        )

        closed = DynamoWallets(tables).nonce_row(CHAIN_ID, WALLET, nonce_row.nonce)
        assert closed is not None
        assert closed.is_settled
        assert ledger(tables) == Ledger(reserved=TokenUnits(0), settled_block=BlockNumber(91))

    def test_ends_of_several_nonces_are_written_together(self, tables: Tables) -> None:
        """Each as by itself: row, event, funds and nonce."""
        (first_nonce,) = bind(tables, [accept(tables)])
        other = accept(tables, nonce=2)
        store = DynamoTransactions(tables)
        bound = store.get(first_nonce.intents[0])
        assert bound is not None
        after, event = take_step(bound, Step.CONFIRMED, name="payment_confirmed", at=NOW, confirmations=1)
        end = Change(before=bound, after=after, events=(event,))

        store.write_together(
            [
                Recorded(
                    change=end,
                    release=reservation_of(bound),
                    settled_block=BlockNumber(91),
                    nonce_row=first_nonce.settled(),
                ),
                Recorded(change=failed(other)),
            ]
        )

        closed = DynamoWallets(tables).nonce_row(CHAIN_ID, WALLET, first_nonce.nonce)
        assert closed is not None
        assert closed.is_settled
        assert ledger(tables) == Ledger(reserved=TokenUnits(1_000), settled_block=BlockNumber(91))
        ended = [store.get(name) for name in (bound.transaction_id, other.transaction_id)]
        assert [row.status for row in ended if row] == [Status.CONFIRMED, Status.FAILED]
        assert store.events(bound.transaction_id)[-1] == event

    def test_of_what_is_written_together_one_that_moved_keeps_all_from_it(self, tables: Tables) -> None:
        """Nothing of it is written."""
        rows, store = [accept(tables, nonce=nonce) for nonce in (1, 2)], DynamoTransactions(tables)
        store.write(Change(before=rows[1], after=replace(rows[1], waits=1, version=rows[1].version + 1)))

        with pytest.raises(StaleRowError):
            store.write_together(
                [
                    Recorded(change=failed(rows[0]), release=reservation_of(rows[0])),
                    Recorded(change=failed(rows[1])),
                ]
            )

        assert store.get(rows[0].transaction_id) == rows[0]
        assert ledger(tables).reserved == 2_000

    def test_funds_are_held_again_whatever_room_there_is_and_once(self, tables: Tables) -> None:
        """A reorg undid the payment they were let go for; others may have been promised them since."""
        row, store = accept(tables), DynamoTransactions(tables)
        ended = failed(row)
        store.write(ended, release=reservation_of(row), settled_block=BlockNumber(91))
        after = replace(ended.after, version=ended.after.version + 1)
        change = Change(before=ended.after, after=after)

        store.write(change, hold_again=reservation_of(row))
        with pytest.raises(StaleRowError):
            store.write(
                Change(before=after, after=replace(after, version=after.version + 1)),
                hold_again=reservation_of(row),
            )

        assert ledger(tables) == Ledger(reserved=TokenUnits(1_000), settled_block=BlockNumber(91))

    def test_what_is_open_again_is_held_beside_whoever_has_its_nonce_now(self, tables: Tables) -> None:
        """A reorg undid its end, and another was signed for with the nonce meanwhile: each is let go once."""
        first, store = accept(tables, amount=900), DynamoTransactions(tables)
        ended = failed(first)
        store.write(ended, release=reservation_of(first))
        second = accept(tables, amount=901, instead_of=first.transaction_id)
        after = replace(ended.after, version=ended.after.version + 1)

        store.write(Change(before=ended.after, after=after), hold_again=reservation_of(first))

        both = reservation_of(first).units + reservation_of(second).units
        assert ledger(tables).reserved == both
        assert store.holder(PAYMENT.marker(first.payload)) == second.transaction_id
        over = replace(after, version=after.version + 1)
        store.write(Change(before=after, after=over), release=reservation_of(first))
        assert ledger(tables).reserved == reservation_of(second).units

    def test_a_nonce_row_that_somebody_changed_stops_all(self, tables: Tables) -> None:
        """An attempt was added meanwhile: look again."""
        (nonce_row,) = bind(tables, [accept(tables)])
        wanting = nonce_row.wanting(Wanted.SEND, at=NOW)
        DynamoWallets(tables).replace_nonce_row(nonce_row, wanting)
        bound = DynamoTransactions(tables).get(nonce_row.intents[0])
        assert bound is not None

        with pytest.raises(StaleRowError):
            DynamoTransactions(tables).write(
                failed(bound), release=reservation_of(bound), nonce_row=nonce_row.settled()
            )

        assert DynamoTransactions(tables).get(bound.transaction_id) == bound
        assert DynamoWallets(tables).nonce_row(CHAIN_ID, WALLET, nonce_row.nonce) == wanting


class TestHolds:
    """What a recovery reads and writes of held funds."""

    def test_what_is_held_is_told_by_transaction_with_its_marker(self, tables: Tables) -> None:
        """And no longer once it is let go, which may be said twice."""
        rows = [accept(tables, nonce=nonce) for nonce in (1, 2, 3)]
        markers = [PAYMENT.marker(row.payload) for row in rows]
        DynamoTransactions(tables).write(failed(rows[0]), release=reservation_of(rows[0]))
        recovery = DynamoRecovery(tables)

        for _ in range(2):
            recovery.let_go(markers[1], rows[1].transaction_id)

        assert recovery.holds(CHAIN_ID, rows[0].sender) == {rows[2].transaction_id: markers[2]}
        held = [
            recovery.is_held(marker, row.transaction_id) for marker, row in zip(markers, rows, strict=True)
        ]
        assert held == [False, False, True]

    def test_a_lost_marker_comes_back_with_the_hold(self, tables: Tables) -> None:
        """Its nonce is claimed again, so nobody else gets it."""
        row = accept(tables)
        tables.write(Delete(table=Table.ACCOUNTS, key=used_key(PAYMENT.marker(row.payload))))

        DynamoRecovery(tables).hold(reservation_of(row), row.transaction_id)

        with pytest.raises(NonceTakenError) as taken:
            accept(tables, amount=901)
        assert taken.value.transaction_id == row.transaction_id
        DynamoTransactions(tables).write(failed(row), release=reservation_of(row))
        assert ledger(tables).reserved == 0

    def test_two_that_a_restore_gave_the_same_nonce_are_held_and_let_go_each_for_itself(
        self, tables: Tables
    ) -> None:
        """The marker says who has the nonce; what is held is said of each transaction."""
        row, rival = accept(tables, amount=900), received_row(signed_request(nonce=7, amount=901, fee=100))
        recovery, marker = DynamoRecovery(tables), PAYMENT.marker(row.payload)

        recovery.hold(reservation_of(rival), rival.transaction_id)
        recovery.let_go(marker, row.transaction_id)

        assert recovery.holds(CHAIN_ID, row.sender) == {rival.transaction_id: marker}
        with pytest.raises(NonceTakenError) as taken:
            accept(tables, amount=902)
        assert taken.value.transaction_id == row.transaction_id


class TestReads:
    """Lists and many rows at once."""

    def test_many_rows_come_in_the_order_asked(self, tables: Tables) -> None:
        """Unknown ones are left out, and one asked for twice comes twice."""
        first, second = accept(tables, nonce=1), accept(tables, nonce=2)
        unknown = TransactionId("0x" + "00" * 32)
        names = [second.transaction_id, unknown, first.transaction_id, second.transaction_id]

        assert DynamoTransactions(tables).get_many(names) == (second, first, second)

    def test_a_senders_rows_come_newest_first_page_by_page(self, tables: Tables) -> None:
        """Each page begins where the one before ended; none is left out, none comes twice."""
        rows = self._received(tables, 7)
        store, pages, before = DynamoTransactions(tables), [], None
        while page := store.sent_by(rows[0].sender, limit=3, before=before):
            pages.append([name for _, name in page])
            before = page[-1]

        newest_first = [row.transaction_id for row in reversed(rows)]
        assert pages == [newest_first[:3], newest_first[3:6], newest_first[6:]]
        assert store.sent_by(WALLET, limit=3) == ()

    def test_rows_that_want_attention_come_first_due_first(self, tables: Tables) -> None:
        """Over all shards of the chain; a row that is over is not among them."""
        rows = self._received(tables, 9)
        store = DynamoTransactions(tables)
        store.write(failed(rows[4]))

        found = store.watched(CHAIN_ID, limit=5)

        expected = [(row.due_at, row.transaction_id) for row in rows if row is not rows[4]]
        assert [(due.due_at, due.transaction_id) for due in found] == expected[:5]
        assert {(due.priority, due.deadline_seconds) for due in found} == {
            (row.priority, row.deadline_seconds) for row in rows
        }
        assert store.watched(ChainId(1), limit=5) == ()

    def _received(self, tables: Tables, count: int) -> list[Transaction]:
        """Store rows a second apart."""
        rows = []
        for number in range(count):
            at = Instant(NOW + number * 1_000)
            new = replace(
                received_row(signed_request(nonce=number)), received_at=at, due_at=Instant(at + 10_000)
            )
            row, event = take_step(new, Step.RECEIVED, name="payment_accepted", at=at)
            marker = PAYMENT.marker(row.payload)
            DynamoTransactions(tables).accept(row, [event], marker=marker, hold=None)
            rows.append(row)
        return rows

    def test_every_field_of_a_row_survives(self, tables: Tables) -> None:
        """None of a row's fields is lost on the way to the table and back."""
        row, store = accept(tables), DynamoTransactions(tables)
        full = replace(
            row,
            status=Status.PENDING,
            wallet=WALLET,
            nonce=WalletNonce(3),
            hash=TxHash("0x" + "2b" * 32),
            block_number=BlockNumber(1),
            block_hash=BlockHash("0x" + "b1" * 32),
            confirmations=1,
            gas_used=Gas(1),
            effective_gas_price=Wei(10**18),
            reason="nonce_used",
            version=row.version + 1,
            waits=2,
            starts=3,
            last_error="x",
            permanent_reason="y",
            permanent_witnesses=2,
        )

        store.write(Change(before=row, after=full))

        assert store.get(row.transaction_id) == full


class TestBind:
    """Wallet, nonce rows, rows and events in one write."""

    def test_consecutive_nonces_are_bound(self, tables: Tables) -> None:
        """From the wallet's next one, in order."""
        rows = [accept(tables, nonce=nonce) for nonce in (1, 2, 3)]
        wallets = DynamoWallets(tables)
        wallet = opened(tables, next_nonce=5, lowest_open=5)
        made = bindings(rows, first=5)

        wallets.bind(wallet, made, window=16)

        assert wallets.wallet(CHAIN_ID, WALLET) == replace(wallet, next_nonce=WalletNonce(8))
        assert [wallets.nonce_row(CHAIN_ID, WALLET, one.nonce_row.nonce) for one in made] == [
            one.nonce_row for one in made
        ]
        store = DynamoTransactions(tables)
        for row, one in zip(rows, made, strict=True):
            assert store.get(row.transaction_id) == one.changes[0].after
            assert store.events(row.transaction_id, after=1) == one.changes[0].events

    def test_thirty_nonces_are_bound_at_once(self, tables: Tables) -> None:
        """The design's most: 1 + 3 x 30 writes fit the hundred of a transaction."""
        rows = [accept(tables, nonce=nonce) for nonce in range(30)]

        bind(tables, rows, window=30)

        stored = DynamoWallets(tables).wallet(CHAIN_ID, WALLET)
        assert stored is not None
        assert stored.next_nonce == 30

    def test_a_wallet_that_moved_stops_all(self, tables: Tables) -> None:
        """Two runs with the same next nonce: one of them looks again."""
        first, second = accept(tables, nonce=1), accept(tables, nonce=2)
        wallets, wallet = DynamoWallets(tables), opened(tables)
        wallets.bind(wallet, bindings([first], first=0), window=16)

        with pytest.raises(StaleRowError):
            wallets.bind(wallet, bindings([second], first=0), window=16)

        assert DynamoTransactions(tables).get(second.transaction_id) == second
        assert wallets.nonce_row(CHAIN_ID, WALLET, WalletNonce(1)) is None

    def test_the_window_is_kept(self, tables: Tables) -> None:
        """As many open nonces as it says, and not one more."""
        rows = [accept(tables, nonce=nonce) for nonce in (1, 2, 3)]
        wallets, wallet = DynamoWallets(tables), opened(tables, next_nonce=4, lowest_open=4)

        with pytest.raises(StaleRowError):
            wallets.bind(wallet, bindings(rows, first=4), window=2)
        wallets.bind(wallet, bindings(rows[:2], first=4), window=2)

        full = wallets.wallet(CHAIN_ID, WALLET)
        assert full is not None
        assert full.free(2) == 0
        wallets.raise_lowest_open(full, replace(full, lowest_open=WalletNonce(5)))
        wallets.bind(full, bindings(rows[2:], first=6), window=2)

    def test_stale_rows_are_named_and_nothing_is_bound(self, tables: Tables) -> None:
        """The caller binds the others without them."""
        rows = [accept(tables, nonce=nonce) for nonce in (1, 2, 3)]
        store = DynamoTransactions(tables)
        for row in (rows[0], rows[2]):
            store.write(Change(before=row, after=replace(row, waits=1, version=row.version + 1)))
        wallets, wallet = DynamoWallets(tables), opened(tables)

        with pytest.raises(StaleRowsError) as stale:
            wallets.bind(wallet, bindings(rows, first=0), window=16)

        assert stale.value.transaction_ids == {rows[0].transaction_id, rows[2].transaction_id}
        assert wallets.wallet(CHAIN_ID, WALLET) == wallet
        assert store.get(rows[1].transaction_id) == rows[1]
        wallets.bind(wallet, bindings([rows[1]], first=0), window=16)

    def test_a_row_is_bound_once(self, tables: Tables) -> None:
        """Two wallets reach for the same row: one of them drops it."""
        row, wallets = accept(tables), DynamoWallets(tables)
        bind(tables, [row])
        other = wallets.open_wallet(replace(opened(tables), address=OTHER_WALLET, next_nonce=WalletNonce(0)))

        with pytest.raises(StaleRowsError):
            wallets.bind(other, bindings([row], first=0, wallet=OTHER_WALLET), window=16)

        assert wallets.wallet(CHAIN_ID, OTHER_WALLET) == other


class TestWallets:
    """Wallets, their pool, and nonce rows on their own."""

    def test_a_wallet_is_opened_once(self, tables: Tables) -> None:
        """The stored one wins: its nonces may be bound already."""
        first = opened(tables, next_nonce=3, lowest_open=2)

        assert opened(tables, next_nonce=9, lowest_open=9) == first
        assert DynamoWallets(tables).wallet(CHAIN_ID, WALLET) == first

    def test_a_wallet_that_was_never_opened_is_none(self, tables: Tables) -> None:
        """Also where the same address is open on another chain."""
        opened(tables)

        assert DynamoWallets(tables).wallet(ChainId(1), WALLET) is None
        assert DynamoWallets(tables).nonce_row(CHAIN_ID, WALLET, WalletNonce(0)) is None

    def test_all_wallets_of_a_chain_are_found(self, tables: Tables) -> None:
        """Confirm follows them without knowing the keys."""
        wallets, one = DynamoWallets(tables), opened(tables)
        other = wallets.open_wallet(replace(one, address=OTHER_WALLET))
        wallets.open_wallet(replace(one, chain_id=ChainId(1)))

        assert set(wallets.wallets(CHAIN_ID)) == {one, other}
        assert wallets.wallets(ChainId(2)) == ()

    def test_a_counter_is_raised_over_used_nonces_and_never_lowered(self, tables: Tables) -> None:
        """The window is free above them, unless something is open below."""
        wallets, read = DynamoWallets(tables), opened(tables, next_nonce=3, lowest_open=3)

        raised = wallets.raise_next_nonce(read, WalletNonce(7))

        assert (raised.next_nonce, raised.lowest_open) == (7, 7)
        assert wallets.raise_next_nonce(raised, WalletNonce(5)) == raised
        assert wallets.wallet(CHAIN_ID, WALLET) == raised
        with pytest.raises(StaleRowError):
            wallets.raise_next_nonce(read, WalletNonce(9))

    def test_a_counter_is_raised_above_what_is_open(self, tables: Tables) -> None:
        """What is bound stays where it is."""
        wallets, read = DynamoWallets(tables), opened(tables, next_nonce=3, lowest_open=2)

        raised = wallets.raise_next_nonce(read, WalletNonce(7))

        assert (raised.next_nonce, raised.lowest_open) == (7, 2)

    def test_a_gap_is_opened_once_and_followed_from_there(self, tables: Tables) -> None:
        """Below the open ones, which begin there then; never over a row that is there."""
        wallets, read = DynamoWallets(tables), opened(tables, next_nonce=5, lowest_open=5)
        gap = replace(_binding(accept(tables), WalletNonce(3), WALLET).nonce_row, intents=())

        lowered = wallets.open_gap(read, gap)

        assert (lowered.lowest_open, lowered.next_nonce) == (3, 5)
        assert wallets.wallet(CHAIN_ID, WALLET) == lowered
        assert wallets.open_nonces(lowered) == (gap,)
        for stale in (read, lowered):
            with pytest.raises(StaleRowError):
                wallets.open_gap(stale, gap)

    def test_open_nonces_are_those_not_settled_lowest_first(self, tables: Tables) -> None:
        """Twelve of them, so that 10 does not come before 9."""
        rows = bind(tables, [accept(tables, nonce=nonce) for nonce in range(12)])
        wallets = DynamoWallets(tables)
        for number in (0, 5):
            wallets.replace_nonce_row(rows[number], rows[number].settled())
        wallet = wallets.wallet(CHAIN_ID, WALLET)
        assert wallet is not None

        assert [row.nonce for row in wallets.open_nonces(wallet)] == [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
        wallets.raise_lowest_open(wallet, replace(wallet, lowest_open=WalletNonce(7)))
        raised = wallets.wallet(CHAIN_ID, WALLET)
        assert raised is not None
        assert [row.nonce for row in wallets.open_nonces(raised)] == [7, 8, 9, 10, 11]

    def test_a_nonce_row_keeps_every_attempt(self, tables: Tables) -> None:
        """Bytes and all: any of them may be mined, or sent again."""
        (row,) = bind(tables, [accept(tables)])
        wallets = DynamoWallets(tables)
        attempts = [
            TransactionAttempt(
                hash=TxHash("0x" + f"{number:064x}"),
                raw=bytes([2, 0, 255, number]),
                max_fee_per_gas=Wei(10**18),
                max_priority_fee_per_gas=Wei(1),
                purpose=Purpose.CALL,
                signed_at=NOW,
            )
            for number in (1, 2)
        ]
        once = row.with_attempt(attempts[0])
        twice = replace(once.with_attempt(attempts[1]).wanting(Wanted.SEND, at=NOW), last_error="x")

        wallets.replace_nonce_row(row, once)
        wallets.replace_nonce_row(once, twice)

        assert wallets.nonce_row(CHAIN_ID, WALLET, row.nonce) == twice

    def test_a_stale_nonce_row_is_refused(self, tables: Tables) -> None:
        """Two runs signed: the second looks again, so that no hash is lost."""
        (row,) = bind(tables, [accept(tables)])
        wallets, asked = DynamoWallets(tables), row.wanting(Wanted.SEND, at=NOW)
        wallets.replace_nonce_row(row, asked)

        with pytest.raises(StaleRowError):
            wallets.replace_nonce_row(row, row.settled())

        assert wallets.nonce_row(CHAIN_ID, WALLET, row.nonce) == asked

    def test_the_lowest_open_nonce_only_rises(self, tables: Tables) -> None:
        """A slow run must not close the window again."""
        wallets, wallet = DynamoWallets(tables), opened(tables, next_nonce=9)

        for lowest in (4, 7, 5):
            wallets.raise_lowest_open(wallet, replace(wallet, lowest_open=WalletNonce(lowest)))

        assert wallets.wallet(CHAIN_ID, WALLET) == replace(wallet, lowest_open=WalletNonce(7))

    def test_a_settled_nonce_is_opened_again_with_its_wallet(self, tables: Tables) -> None:
        """Its block is gone: it is among the open ones again, and its bytes are kept."""
        rows = bind(tables, [accept(tables, nonce=nonce) for nonce in range(3)])
        wallets, block = DynamoWallets(tables), BlockId(BlockNumber(91), BlockHash("0x" + "b1" * 32))
        for row in rows:
            wallets.replace_nonce_row(row, row.settled(block))
        wallet = wallets.wallet(CHAIN_ID, WALLET)
        assert wallet is not None
        wallets.raise_lowest_open(
            wallet, wallet.raised(WalletNonce(3), head=BlockNumber(92), final=BlockNumber(0))
        )
        raised = wallets.wallet(CHAIN_ID, WALLET)
        assert raised is not None
        settled = wallets.settled_nonces(raised)

        lowered = wallets.reopen(raised, settled[1])
        wallets.reopen(lowered, settled[2])
        with pytest.raises(StaleRowError):
            wallets.reopen(lowered, settled[1])

        assert raised.mark == Mark(WalletNonce(3), BlockNumber(92))
        assert [row.settled_in for row in settled] == [block] * 3
        stored = wallets.wallet(CHAIN_ID, WALLET)
        assert stored == replace(raised, lowest_open=WalletNonce(1), mark=None, reopenings=2)
        assert [row.nonce for row in wallets.open_nonces(stored)] == [1, 2]
        assert [row.nonce for row in wallets.settled_nonces(stored)] == [0]

    def test_a_run_that_missed_an_opening_raises_nothing(self, tables: Tables) -> None:
        """It would hide the open nonce from all who follow the wallet."""
        (row,) = bind(tables, [accept(tables)])
        wallets = DynamoWallets(tables)
        wallets.replace_nonce_row(row, row.settled(BlockId(BlockNumber(91), BlockHash("0x" + "b1" * 32))))
        read = wallets.wallet(CHAIN_ID, WALLET)
        assert read is not None
        opened_again = wallets.reopen(read, wallets.settled_nonces(read)[0])

        wallets.raise_lowest_open(read, replace(read, lowest_open=WalletNonce(1)))

        assert wallets.wallet(CHAIN_ID, WALLET) == opened_again

    def test_a_retired_wallet_whose_nonce_is_opened_drains_again(self, tables: Tables) -> None:
        """Nothing of a retired one is followed."""
        (row,) = bind(tables, [accept(tables)])
        wallets = DynamoWallets(tables)
        wallets.replace_nonce_row(row, row.settled(BlockId(BlockNumber(91), BlockHash("0x" + "b1" * 32))))
        wallet = wallets.wallet(CHAIN_ID, WALLET)
        assert wallet is not None
        wallets.raise_lowest_open(wallet, replace(wallet, lowest_open=WalletNonce(1)))
        wallets.set_state(replace(wallet, lowest_open=WalletNonce(1)), WalletState.RETIRED)
        retired = wallets.wallet(CHAIN_ID, WALLET)
        assert retired is not None

        wallets.reopen(retired, wallets.settled_nonces(retired)[0])

        stored = wallets.wallet(CHAIN_ID, WALLET)
        assert stored is not None
        assert stored.state is WalletState.DRAINING

    def test_a_window_moves_with_what_was_learnt_and_not_over_what_another_learnt(
        self, tables: Tables
    ) -> None:
        """Confirm adds one to what it read as 16, and submit has halved that meanwhile."""
        wallets, wallet = DynamoWallets(tables), replace(opened(tables, next_nonce=9), window=1)
        wallets.set_window(wallet, 16)
        read = replace(wallet, window=16)
        wallets.set_window(read, 8)

        wallets.raise_lowest_open(read, replace(read, lowest_open=WalletNonce(4), window=17))
        with pytest.raises(StaleRowError):
            wallets.set_window(read, 8)

        assert wallets.wallet(CHAIN_ID, WALLET) == replace(wallet, lowest_open=WalletNonce(4), window=9)

    def test_what_is_kept_for_nonces_is_counted_with_them(self, tables: Tables) -> None:
        """The bind adds, and whoever frees the window takes off."""
        wallets, wallet, row = DynamoWallets(tables), opened(tables), accept(tables)
        (binding,) = bindings([row], first=0)
        costly = replace(binding.nonce_row, reserved_cost=Wei(10**30 + 7))
        wallets.bind(wallet, [replace(binding, nonce_row=costly)], window=16)

        bound = wallets.wallet(CHAIN_ID, WALLET)

        assert bound is not None
        assert bound.committed == bound.bound_cost == 10**30 + 7
        assert wallets.open_nonces(bound) == (costly,)
        freed = replace(bound, lowest_open=bound.next_nonce, settled_cost=bound.bound_cost)
        wallets.raise_lowest_open(bound, freed)
        assert wallets.wallet(CHAIN_ID, WALLET) == freed

    def test_what_is_kept_for_a_nonce_rises_with_its_bytes_and_no_bind_forgets_it(
        self, tables: Tables
    ) -> None:
        """In the write that keeps them; whoever binds meanwhile has read the sum of before."""
        wallets, read = DynamoWallets(tables), opened(tables)
        (first,) = bindings([accept(tables)], first=0)
        before = replace(first.nonce_row, reserved_cost=Wei(5))
        wallets.bind(read, [replace(first, nonce_row=before)], window=16)
        bound = wallets.wallet(CHAIN_ID, WALLET)
        assert bound is not None
        dearer = replace(before, reserved_cost=Wei(9), version=before.version + 1)

        wallets.replace_nonce_row(before, dearer)
        with pytest.raises(StaleRowError):
            wallets.replace_nonce_row(before, dearer)
        (second,) = bindings([accept(tables, nonce=1)], first=1)
        more = replace(second.nonce_row, reserved_cost=Wei(100))
        wallets.bind(bound, [replace(second, nonce_row=more)], window=16)

        now = wallets.wallet(CHAIN_ID, WALLET)
        assert now is not None
        assert now.committed == 109
        freed = now.freed(wallets.open_nonces(now)[1:])
        wallets.raise_lowest_open(now, replace(freed, lowest_open=WalletNonce(1)))
        after = wallets.wallet(CHAIN_ID, WALLET)
        assert after is not None
        assert after.committed == 100

    def test_what_a_wallet_needs_is_noted_until_nothing_of_it_is_open(self, tables: Tables) -> None:
        """A note that comes while somebody frees its window is not lost, unless all of it is free."""
        wallets, wallet = DynamoWallets(tables), opened(tables)
        (binding,) = bindings([accept(tables)], first=0)
        wallets.bind(wallet, [binding], window=16)
        read = wallets.wallet(CHAIN_ID, WALLET)
        assert read is not None
        wallets.note_needed(read, Wei(10**20))

        wallets.raise_lowest_open(read, read.spending(Wei(1), 1))
        noted = wallets.wallet(CHAIN_ID, WALLET)
        assert noted is not None
        wallets.raise_lowest_open(noted, replace(noted.freed([]), lowest_open=noted.next_nonce))
        after = wallets.wallet(CHAIN_ID, WALLET)

        assert (noted.needed_balance, after and after.needed_balance) == (10**20, 0)

    def test_what_a_treasury_sends_is_counted_by_day(self, tables: Tables) -> None:
        """In the write that binds; a clock that is behind does not begin a day again."""
        wallets, wallet = DynamoWallets(tables), opened(tables)
        for number, at in enumerate((3 * DAY_MS, 3 * DAY_MS + 1, 2 * DAY_MS, 4 * DAY_MS)):
            row = NonceRow(
                chain_id=CHAIN_ID,
                wallet=WALLET,
                nonce=WalletNonce(number),
                intents=(),
                gas_limit=Gas(21_000),
                bound_at=Instant(at),
                transfer_to=OTHER_WALLET,
                transfer_wei=Wei(10**18),
            )
            wallets.bind(wallet, [Binding(changes=(), nonce_row=row)], window=16)
            wallet = wallets.wallets_at(CHAIN_ID, [WALLET])[0]
            sums = {0: 1, 1: 2, 2: 3, 3: 1}
            assert wallet.sent_on(max(at // DAY_MS, 3)) == sums[number] * 10**18
            assert wallets.nonce_row(CHAIN_ID, WALLET, row.nonce) == row

    def test_a_mark_touches_nothing_else(self, tables: Tables) -> None:
        """Whoever writes it has read the row a while ago."""
        wallets, wallet = DynamoWallets(tables), opened(tables, next_nonce=9)
        wallets.set_window(wallet, 3)

        wallets.note(replace(wallet, is_low=True, is_delegated=True))

        assert wallets.wallet(CHAIN_ID, WALLET) == replace(wallet, window=3, is_low=True, is_delegated=True)

    def test_only_an_active_wallet_is_bound(self, tables: Tables) -> None:
        """Whatever the run has read before it was drained."""
        wallets, wallet, row = DynamoWallets(tables), opened(tables), accept(tables)
        wallets.set_state(wallet, WalletState.DRAINING)

        with pytest.raises(StaleRowError):
            wallets.bind(wallet, bindings([row], first=0), window=16)

        wallets.set_state(replace(wallet, state=WalletState.DRAINING), WalletState.ACTIVE)
        wallets.bind(wallet, bindings([row], first=0), window=16)

    def test_a_wallet_is_not_retired_with_nonces_open_or_when_it_was_used_since(self, tables: Tables) -> None:
        """Nor when it is in another state than was read."""
        wallets, wallet = DynamoWallets(tables), opened(tables, next_nonce=4, lowest_open=4)
        for stale in (
            replace(wallet, next_nonce=WalletNonce(3), lowest_open=WalletNonce(3)),
            replace(wallet, state=WalletState.DRAINING),
        ):
            with pytest.raises(StaleRowError):
                wallets.set_state(stale, WalletState.RETIRED)

        wallets.set_state(wallet, WalletState.RETIRED)

        assert wallets.wallet(CHAIN_ID, WALLET) == replace(wallet, state=WalletState.RETIRED)

    def test_some_wallets_are_read_in_the_order_asked(self, tables: Tables) -> None:
        """Those without a row are left out; nobody asked for is no question at all."""
        wallets, one = DynamoWallets(tables), opened(tables)
        other = wallets.open_wallet(replace(one, address=OTHER_WALLET))
        unknown = Address("0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc")

        assert wallets.wallets_at(CHAIN_ID, [OTHER_WALLET, unknown, WALLET]) == (other, one)
        assert wallets.wallets_at(CHAIN_ID, []) == ()


class TestBacklogParts:
    """Which run fills its batch from which part of a backlog."""

    def test_a_part_is_one_runs_until_it_is_left_or_its_time_is_up(self, tables: Tables) -> None:
        """Other parts, and other chains', are others."""
        parts, now = DynamoBacklogParts(tables), Instant(1_000)
        assert parts.take(CHAIN_ID, 1, until=Instant(2_000), now=now)

        others = [
            parts.take(CHAIN_ID, 1, until=Instant(3_000), now=Instant(1_999)),
            parts.take(CHAIN_ID, 2, until=Instant(3_000), now=now),
            parts.take(ChainId(1), 1, until=Instant(3_000), now=now),
        ]
        parts.leave(CHAIN_ID, 1, until=Instant(2_000))

        assert others == [False, True, True]
        assert parts.take(CHAIN_ID, 1, until=Instant(4_000), now=Instant(1_500))
        assert parts.take(CHAIN_ID, 1, until=Instant(6_000), now=Instant(4_000))

    def test_what_another_run_has_taken_meanwhile_stays_its_own(self, tables: Tables) -> None:
        """A run that took longer than its time leaves nothing that is not its own."""
        parts = DynamoBacklogParts(tables)
        parts.take(CHAIN_ID, 1, until=Instant(2_000), now=Instant(1_000))
        parts.take(CHAIN_ID, 1, until=Instant(5_000), now=Instant(2_000))

        parts.leave(CHAIN_ID, 1, until=Instant(2_000))

        assert not parts.take(CHAIN_ID, 1, until=Instant(6_000), now=Instant(3_000))


class TestLeases:
    """Who confirms a chain, and who wakes it."""

    def test_one_at_a_time_holds_the_lease(self, tables: Tables) -> None:
        """Until it runs out; another chain's is another lease."""
        leases = DynamoLeases(tables)
        first = leases.take(CHAIN_ID, until=Instant(2_000), now=Instant(1_000))

        assert first is not None
        assert leases.take(CHAIN_ID, until=Instant(3_000), now=Instant(1_999)) is None
        assert leases.take(ChainId(1), until=Instant(3_000), now=Instant(1_999))
        second = leases.take(CHAIN_ID, until=Instant(4_000), now=Instant(2_000))
        assert second is not None
        assert second.fence > first.fence

    def test_a_renewed_lease_is_kept(self, tables: Tables) -> None:
        """And records the head, for everybody who asks how deep something is."""
        leases = DynamoLeases(tables)
        lease = leases.take(CHAIN_ID, until=Instant(2_000), now=Instant(1_000))
        assert lease is not None
        assert leases.head(CHAIN_ID) is None
        head = Block(
            number=BlockNumber(7),
            hash=BlockHash("0x07"),
            parent_hash=BlockHash("0x06"),
            timestamp_seconds=Seconds(1),
        )

        leases.renew(lease, until=Instant(5_000), head=head)
        leases.renew(lease, until=Instant(5_000), head=None)

        assert leases.take(CHAIN_ID, until=Instant(9_000), now=Instant(4_999)) is None
        assert leases.head(CHAIN_ID) == 7

    def test_the_anchor_is_there_only_after_a_run_that_gave_the_lease_back(self, tables: Tables) -> None:
        """A run that looked and died may have settled what rests on newer blocks."""
        leases, anchor = DynamoLeases(tables), BlockId(BlockNumber(7), BlockHash("0x" + "07" * 32))

        def taken(now: int) -> Lease:
            lease = leases.take(CHAIN_ID, until=Instant(now + 1_000), now=Instant(now))
            assert lease is not None
            return lease

        first = taken(1_000)
        leases.release(first, anchor=anchor)
        never_looked = taken(2_000)
        died = taken(4_000)
        leases.renew(died, until=Instant(5_000), head=None)

        assert first.anchor is None
        assert never_looked.anchor == died.anchor == anchor
        assert taken(9_000).anchor is None

    def test_an_old_holder_is_fenced_off(self, tables: Tables) -> None:
        """It slept past its end; what it knows is old."""
        leases = DynamoLeases(tables)
        old = leases.take(CHAIN_ID, until=Instant(2_000), now=Instant(1_000))
        new = leases.take(CHAIN_ID, until=Instant(4_000), now=Instant(3_000))
        assert old is not None
        assert new is not None

        with pytest.raises(StaleRowError):
            leases.renew(old, until=Instant(9_000), head=None)
        with pytest.raises(StaleRowError):
            leases.release(old)

        assert leases.take(CHAIN_ID, until=Instant(9_000), now=Instant(3_999)) is None

    def test_a_released_lease_is_free_at_once(self, tables: Tables) -> None:
        """The next run need not wait for its end."""
        leases = DynamoLeases(tables)
        lease = leases.take(CHAIN_ID, until=Instant(9_000), now=Instant(1_000))
        assert lease is not None

        leases.release(lease)

        assert leases.take(CHAIN_ID, until=Instant(9_000), now=Instant(1_001))

    def test_no_wake_up_is_lost(self, tables: Tables) -> None:
        """One between the last look and the release moves the counter that the release reads."""
        leases = DynamoLeases(tables)
        lease = leases.take(CHAIN_ID, until=Instant(9_000), now=Instant(1_000))
        assert lease is not None
        renewed = leases.renew(lease, until=Instant(9_000), head=None)
        assert renewed.wake == lease.wake

        is_held = leases.wake(CHAIN_ID, now=Instant(1_500))

        assert is_held
        assert leases.release(renewed) == renewed.wake + 1

    def test_a_wake_up_that_nobody_would_see_says_so(self, tables: Tables) -> None:
        """Before the first run, after a release, and after the lease ran out: start confirm."""
        leases = DynamoLeases(tables)

        assert not leases.wake(CHAIN_ID, now=Instant(500))
        lease = leases.take(CHAIN_ID, until=Instant(2_000), now=Instant(1_000))
        assert lease is not None
        assert lease.wake == 1
        assert not leases.wake(CHAIN_ID, now=Instant(2_000))
        leases.release(lease)
        assert not leases.wake(CHAIN_ID, now=Instant(1_500))


class TestConnections:
    """Subscriptions, from both sides."""

    def test_a_subscriber_is_found_by_topic_and_by_connection(self, tables: Tables) -> None:
        """Twice is once."""
        connections = DynamoConnections(tables)
        for topic in ("a", "b", "a"):
            connections.subscribe("one", topic, now=NOW)
        connections.subscribe("two", "a", now=NOW)

        assert connections.subscribers("a", now=NOW) == ("one", "two")
        assert connections.topics("one") == ("a", "b")
        assert connections.subscribers("c", now=NOW) == ()

    def test_unsubscribing_leaves_the_others(self, tables: Tables) -> None:
        """Other topics of the connection, other connections of the topic; twice is once."""
        connections = DynamoConnections(tables)
        for name, topic in (("one", "a"), ("one", "b"), ("two", "a")):
            connections.subscribe(name, topic, now=NOW)

        for _ in range(2):
            connections.unsubscribe("one", "a")

        assert connections.subscribers("a", now=NOW) == ("two",)
        assert connections.topics("one") == ("b",)

    def test_a_forgotten_connection_listens_to_nothing(self, tables: Tables) -> None:
        """All its topics at once."""
        connections = DynamoConnections(tables)
        for topic in ("a", "b"):
            connections.subscribe("one", topic, now=NOW)

        connections.forget("one")
        connections.forget("never there")

        assert connections.topics("one") == ()
        assert connections.subscribers("a", now=NOW) == connections.subscribers("b", now=NOW) == ()

    def test_an_expired_subscription_is_not_told(self, tables: Tables) -> None:
        """DynamoDB may keep it for two days; a renewed one lives on."""
        connections = DynamoConnections(tables)
        connections.subscribe("old", "a", now=NOW)
        connections.subscribe("renewed", "a", now=NOW)
        later = Instant(NOW + LIFETIME_SECONDS * 1000)
        connections.subscribe("renewed", "a", now=Instant(later - 1))

        assert connections.subscribers("a", now=Instant(later - 1_000)) == ("old", "renewed")
        assert connections.subscribers("a", now=later) == ("renewed",)

    def test_a_topic_that_somebody_subscribed_to_is_listened(self, tables: Tables) -> None:
        """It may be known to be so for longer than somebody listens, and is for as long as somebody does."""
        connections = DynamoConnections(tables)
        for name, topic in (("one", "a"), ("two", "a"), ("one", "b")):
            connections.subscribe(name, topic, now=NOW)
        later = Instant(NOW + LIFETIME_SECONDS * 1000)
        connections.subscribe("two", "a", now=Instant(later - 1))
        connections.unsubscribe("one", "a")

        assert connections.listened(["a", "b", "c"], now=NOW) == {"a", "b"}
        assert connections.listened(["a", "b", "c"], now=later) == {"a"}
        assert connections.listened([], now=NOW) == frozenset()

    def test_any_number_of_topics_is_asked_for(self, tables: Tables) -> None:
        """DynamoDB takes a hundred keys at once; a topic named twice is one."""
        connections = DynamoConnections(tables)
        topics = [f"transaction:{number}" for number in range(130)]
        for topic in topics[::50]:
            connections.subscribe("one", topic, now=NOW)

        assert connections.listened([*topics, *topics], now=NOW) == set(topics[::50])

    def test_who_opened_a_connection_is_kept_until_it_is_forgotten(self, tables: Tables) -> None:
        """Somebody nobody kept is anonymous."""
        connections = DynamoConnections(tables)
        callers = {
            "account": Caller(name=f"address:{WALLET}", address=WALLET),
            "key": Caller(name="key:1", role=Role.READER),
        }
        for name, caller in callers.items():
            connections.open_as(name, caller, now=NOW)

        assert {name: connections.caller(name) for name in callers} == callers
        assert connections.topics("account") == ()
        connections.forget("account")
        assert connections.caller("account") == connections.caller("nobody") == ANONYMOUS
        assert connections.caller("key") == callers["key"]


class TestAccess:
    """Challenges, sessions, tickets and API keys."""

    LATER = Instant(NOW + 60_000)

    def challenge(self, nonce: str) -> Challenge:
        """Give a challenge of a minute."""
        return Challenge(nonce=nonce, address=WALLET, chain_id=CHAIN_ID, expires_at=self.LATER)

    def test_a_challenge_is_taken_once(self, tables: Tables) -> None:
        """By the account and chain that it was given to."""
        access = DynamoAccess(tables)
        access.put_challenge(self.challenge("one"))

        def take(nonce: str, address: Address, chain_id: ChainId) -> bool:
            return access.take_challenge(nonce, address=address, chain_id=chain_id, now=NOW)

        assert not take("other", WALLET, CHAIN_ID)
        assert not take("one", OTHER_WALLET, CHAIN_ID)
        assert not take("one", WALLET, ChainId(1))
        assert take("one", WALLET, CHAIN_ID)
        assert not take("one", WALLET, CHAIN_ID)

    def test_a_challenge_that_is_over_is_not_taken(self, tables: Tables) -> None:
        """Though DynamoDB still has it."""
        access = DynamoAccess(tables)
        access.put_challenge(self.challenge("one"))

        assert not access.take_challenge("one", address=WALLET, chain_id=CHAIN_ID, now=self.LATER)

    def test_a_session_lasts_until_it_is_over_or_ended(self, tables: Tables) -> None:
        """Ending one leaves the others, and what is not there."""
        access = DynamoAccess(tables)
        sessions = [Session(digest=name, address=WALLET, expires_at=self.LATER) for name in ("a", "b")]
        for session in sessions:
            access.put_session(session)

        assert access.session("a", now=NOW) == sessions[0]
        assert access.session("a", now=self.LATER) is None
        for name in ("a", "never there"):
            access.end_session(name)
        assert access.session("a", now=NOW) is None
        assert access.session("b", now=NOW) == sessions[1]

    @pytest.mark.parametrize(
        "caller",
        [Caller(name=f"address:{WALLET}", address=WALLET), Caller(name="key:1", role=Role.ADMIN)],
        ids=["account", "key"],
    )
    def test_a_ticket_is_taken_once_and_tells_whose_it_is(self, tables: Tables, caller: Caller) -> None:
        """Until it is over."""
        access = DynamoAccess(tables)
        for name in ("a", "b"):
            access.put_ticket(Ticket(digest=name, caller=caller, expires_at=self.LATER))

        assert access.take_ticket("a", now=NOW) == caller
        assert access.take_ticket("a", now=NOW) is None
        assert access.take_ticket("b", now=self.LATER) is None

    def test_keys_are_kept_listed_and_revoked(self, tables: Tables) -> None:
        """The moment of the first revocation stays."""
        access = DynamoAccess(tables)
        keys = [
            ApiKey(key_id=name, name="Ada", role=Role.READER, digest="d", created_at=Instant(NOW + number))
            for number, name in enumerate(("b", "a"))
        ]
        for key in keys:
            access.put_api_key(key)

        assert access.api_keys() == tuple(keys)
        revoked = replace(keys[0], revoked_at=NOW)
        assert access.revoke_api_key("b", now=NOW) == revoked
        assert access.revoke_api_key("b", now=self.LATER) == revoked
        assert access.api_key("b") == revoked
        assert access.api_key("a") == keys[1]
        assert access.revoke_api_key("c", now=NOW) is access.api_key("c") is None

    def test_a_key_is_never_overwritten(self, tables: Tables) -> None:
        """One that was revoked could come back to life."""
        access = DynamoAccess(tables)
        key = ApiKey(key_id="a", name="Ada", role=Role.READER, digest="d", created_at=NOW)
        access.put_api_key(key)

        with pytest.raises(ConditionFailedError):
            access.put_api_key(replace(key, role=Role.ADMIN))

        assert access.api_key("a") == key


def test_an_event_comes_back_as_it_went(tables: Tables) -> None:
    """With facts of every type."""
    store = DynamoTransactions(tables)
    row = accept(tables)
    facts: dict[str, object] = {
        "assured": True,
        "reason": None,
        "hash": "0x" + "2b" * 32,
        "effective_gas_price": 10**30,
    }
    event = Event(
        transaction_id=row.transaction_id,
        sequence=2,
        step=Step.INCLUDED,
        name="payment_included",
        status="PENDING",
        at=NOW,
        kind=row.kind,
        chain_id=row.chain_id,
        sender=row.sender,
        reached={**row.reached, "included": NOW},
        facts=facts,
        correlation_id=CorrelationId("request-1"),
    )

    store.write(Change(before=row, after=replace(row, version=row.version + 1), events=(event,)))

    assert store.events(row.transaction_id, after=1) == (event,)


def test_a_half_written_acceptance_is_no_store_error(tables: Tables) -> None:
    """An event that is there without its row is our own mistake, and is told as such."""
    store = DynamoTransactions(tables)
    row, event = accepted(received_row(_body()))
    marker = PAYMENT.marker(row.payload)
    store.accept(row, [event], marker=marker, hold=None)
    other = replace(row, transaction_id=TransactionId("0x" + "01" * 32))

    with pytest.raises(ConditionFailedError):
        store.accept(other, [event], marker=replace(marker, nonce="8"), hold=None)


# -- pauses -----------------------------------------------------------------------------------


def pause_of(scope: Scope, note: str = "") -> Pause:
    """Give a pause."""
    return Pause(scope=scope, by="operator", note=note, since=NOW)


def test_pauses_are_kept_one_a_scope(tables: Tables) -> None:
    """The newest of a scope stands."""
    pauses = DynamoPauses(tables)
    everything, chain = Scope(), Scope(chain_id=CHAIN_ID, kind="payment")
    for pause in (pause_of(everything, "old"), pause_of(chain), pause_of(everything, "new")):
        pauses.put(pause)

    assert pauses.pauses() == (pause_of(chain), pause_of(everything, "new"))


def test_a_pause_is_lifted_once(tables: Tables) -> None:
    """And the others stay."""
    pauses = DynamoPauses(tables)
    pauses.put(pause_of(Scope()))
    pauses.put(pause_of(Scope(kind="payment")))

    assert pauses.lift(Scope())
    assert not pauses.lift(Scope())
    assert pauses.pauses() == (pause_of(Scope(kind="payment")),)


def test_nothing_is_paused_at_first(tables: Tables) -> None:
    """Before anybody ever paused."""
    assert DynamoPauses(tables).pauses() == ()
    assert not DynamoPauses(tables).lift(Scope())


# -- what is over -----------------------------------------------------------------------------


def test_what_ends_is_listed_by_when_it_ended_until_it_expires(tables: Tables) -> None:
    """Between bounds; and an expiring row is read as before."""
    store = DynamoTransactions(tables, lists_closed=True)
    rows = [accept(tables, nonce=number) for number in (1, 2)]
    for row in rows:
        store.write(failed(row), release=reservation_of(row))
    names = {row.transaction_id for row in rows}
    (ended, *_) = store.get_many([rows[0].transaction_id])

    assert {name for _, name in store.closed(CHAIN_ID, limit=10)} == names
    assert {at for at, _ in store.closed(CHAIN_ID, since=NOW, until=NOW, limit=10)} == {NOW}
    assert store.closed(CHAIN_ID, until=Instant(NOW - 1), limit=10) == ()
    assert store.watched(CHAIN_ID, limit=10) == ()

    store.expire(ended, store.events(ended.transaction_id), at=Instant(NOW + 1_000))

    assert {name for _, name in store.closed(CHAIN_ID, limit=10)} == names - {ended.transaction_id}
    assert store.get(ended.transaction_id) == ended
    assert len(store.events(ended.transaction_id)) == 2
    items = tables.query(Query(table=Table.EVENTS, partition=("transaction_id", ended.transaction_id)))
    assert [item["expires_at"] for item in items] == [NOW // 1000 + 1] * 2


def test_what_is_over_and_due_is_listed_as_over_once_it_is_due_no_more(tables: Tables) -> None:
    """What others carried out is looked at again first: only what is listed so is archived."""
    store = DynamoTransactions(tables, lists_closed=True)
    row = accept(tables)
    change = failed(row)
    store.write(
        replace(change, after=replace(change.after, due_at=Instant(NOW + 1))), release=reservation_of(row)
    )
    due = store.get(row.transaction_id)
    assert due
    assert due.due_at == NOW + 1
    assert [one.transaction_id for one in store.watched(CHAIN_ID, limit=10)] == [row.transaction_id]
    assert store.closed(CHAIN_ID, limit=10) == ()

    store.write(Change(before=due, after=replace(due, due_at=None, version=due.version + 1)))

    assert store.watched(CHAIN_ID, limit=10) == ()
    assert [name for _, name in store.closed(CHAIN_ID, limit=10)] == [row.transaction_id]


def test_a_row_that_changed_does_not_expire(tables: Tables) -> None:
    """Somebody brought it back meanwhile."""
    store = DynamoTransactions(tables, lists_closed=True)
    row = accept(tables)
    store.write(failed(row), release=reservation_of(row))

    with pytest.raises(StaleRowError):
        store.expire(row, (), at=NOW)

    item = tables.get(Table.TRANSACTIONS, {"transaction_id": row.transaction_id})
    assert item
    assert "expires_at" not in item


def test_what_ends_is_not_listed_where_nothing_is_archived(tables: Tables) -> None:
    """It would cost a write unit each."""
    store = DynamoTransactions(tables)
    row = accept(tables)
    store.write(failed(row), release=reservation_of(row))

    assert store.closed(CHAIN_ID, limit=10) == ()


class TestMarkets:
    """What blockspace cost, as it was quoted."""

    def test_the_newest_come_first_and_only_those_of_the_chain_and_kind(self, tables: Tables) -> None:
        """As they were kept."""
        markets = DynamoMarkets(tables)
        for seconds in (5, 100, 20):
            markets.keep(CHAIN_ID, "payment", market(seconds))
        markets.keep(CHAIN_ID, "paymentlike", market(200))
        markets.keep(ChainId(1), "payment", market(300))

        assert markets.newest(CHAIN_ID, "payment", limit=2) == (market(100), market(20))
        assert markets.newest(CHAIN_ID, "payment", limit=9) == (market(100), market(20), market(5))
        assert markets.newest(ChainId(5), "payment", limit=9) == ()

    def test_the_first_look_of_a_span_is_everybodys(self, tables: Tables) -> None:
        """Two processes quote the same fee, and neither overwrites what the other has quoted."""
        markets = DynamoMarkets(tables)
        first, second = market(5, price=10), market(5, price=20)

        assert markets.keep(CHAIN_ID, "payment", first) == first
        assert markets.keep(CHAIN_ID, "payment", second) == first
        assert markets.newest(CHAIN_ID, "payment", limit=9) == (first,)


def market(seconds: int, *, price: int = 10) -> Market:
    """Give an observation."""
    prices = {tier: Wei(price + number) for number, tier in enumerate(Tier)}
    return Market(observed_at=Instant(seconds * 1_000), gas_prices=prices, l1_fee=Wei(3))


class TestStatistics:
    """Sums that only grow, and one state that is replaced."""

    def test_sums_add_up_and_are_of_one_chain(self, tables: Tables) -> None:
        """Also beyond what a float holds exactly."""
        store = DynamoStatistics(tables)

        store.count(CHAIN_ID, {"confirmed__payment": 2, "gas_cost_wei": 10**27 + 1})
        store.count(CHAIN_ID, {"confirmed__payment": 1, "failed__payment__reverted": 1})
        store.count(CHAIN_ID, {"accepted__meta-transaction": 1, "accepted__meta_transaction": 2})

        assert store.counts(CHAIN_ID) == {
            "accepted__meta-transaction": 1,
            "accepted__meta_transaction": 2,
            "confirmed__payment": 3,
            "failed__payment__reverted": 1,
            "gas_cost_wei": 10**27 + 1,
        }
        assert store.counts(ChainId(1)) == {}

    def test_a_state_comes_back_as_it_went_and_replaces_the_one_before(self, tables: Tables) -> None:
        """With every wallet and every token."""
        store = DynamoStatistics(tables)
        first = Gauges(
            at=NOW,
            head=BlockNumber(90),
            final=BlockNumber(5),
            head_age_seconds=Seconds(2),
            outbox_age_seconds=Seconds(0),
            open_by_status={},
            reserved={},
            wallets=(),
        )
        wallet = WalletGauge(address=WALLET, balance_wei=Wei(10**20 + 1), window_used=3, window_free=13)
        second = replace(
            first,
            open_by_status={"PENDING": 3},
            reserved={SETTINGS.tokens[0]: TokenUnits(10**30)},
            wallets=(wallet,),
            endpoints=(
                EndpointGauge(number=1, took_ms=Milliseconds(12), head=BlockNumber(90), is_behind=True),
                EndpointGauge(number=2, took_ms=Milliseconds(4_000), trouble="HTTP status 503", rests=True),
            ),
            gas_price_wei=Wei(10**9 + 7),
            earned={SETTINGS.tokens[0]: TokenUnits(10**30 + 1)},
            past=(Snapshot(at=NOW, counts={"accepted": 7, "settled__more": 1}), Snapshot(at=NOW, counts={})),
        )

        store.keep(CHAIN_ID, first)
        store.keep(CHAIN_ID, second)

        assert store.gauges(CHAIN_ID) == second

    def test_a_state_of_a_chain_that_is_away_comes_back_without_a_head(self, tables: Tables) -> None:
        """None is not 0: nobody saw that block."""
        store = DynamoStatistics(tables)
        away = Gauges(
            at=NOW,
            head=None,
            final=BlockNumber(0),
            head_age_seconds=None,
            outbox_age_seconds=Seconds(9),
            open_by_status={},
            reserved={},
            wallets=(WalletGauge(address=WALLET, balance_wei=None, window_used=3, window_free=13),),
        )

        store.keep(CHAIN_ID, away)

        assert store.gauges(CHAIN_ID) == away
        assert store.gauges(ChainId(1)) is None


# -- allowances ---------------------------------------------------------------------------------


def test_no_more_is_taken_than_is_allowed_within_a_span_of_time(tables: Tables) -> None:
    """Each source, chain and span for itself; it is gone when the span is over."""
    allowances, ends_at = DynamoAllowances(tables), Seconds(1_893_542_400)

    def take(chain_id: ChainId = CHAIN_ID, source: str = "192.0.2.1", window: int = 7) -> bool:
        return allowances.take(chain_id, source, window, most=2, ends_at=ends_at)

    assert [take() for _ in range(3)] == [True, True, False]
    assert take(source="2001:db8:1:2::/64")
    assert take(window=8)
    assert take(chain_id=ChainId(CHAIN_ID + 1))
    item = tables.get(Table.ACCOUNTS, {"account": f"{CHAIN_ID}:faucet:192.0.2.1", "item": "window#7"})
    assert item
    assert (item["taken"], item["expires_at"]) == (2, ends_at)
