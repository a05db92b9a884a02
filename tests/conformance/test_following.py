"""Cursors and cached accounts over both kinds of tables: what each promises in `ports`."""

from dataclasses import replace

import pytest

from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.domain.accounts import CachedAccount, ContractAccount
from ferryman.domain.cursor import Cursor, Fork
from ferryman.domain.errors import StaleRowError
from ferryman.domain.units import Address, BlockHash, BlockNumber, Instant, Seconds
from ferryman.intents.payment import PAYMENT
from ferryman.ports import Following, NonceMarker
from tests.support.payments import CHAIN_ID, ESCROW, PAYEE, PAYER, TOKEN, address_of
from tests.support.rows import accepted, received_row

ACCOUNT = ContractAccount(chain_id=CHAIN_ID, contract=ESCROW, token=TOKEN, owner=address_of(PAYER))
CACHED = CachedAccount(
    account=ACCOUNT,
    fork=1_800_000_000_000,
    history=((BlockNumber(5), (10**36, 0, 0)), (BlockNumber(9), (7, 3, 1_800_000_000))),
    expires_at=Instant(1_800_000_001_000),
    version=1,
)
CURSOR = Cursor(
    chain_id=CHAIN_ID,
    followed=f"{ESCROW}@0/86400",
    number=BlockNumber(9),
    recent=tuple(BlockHash("0x" + f"{number:02x}" * 32) for number in range(16)),
    timestamp_seconds=Seconds(1_800_000_000),
    seen_at=Instant(1_800_000_000_123),
    changed_at=Instant(1_800_000_000_100),
    fork=1_800_000_000_001,
    forks=(Fork(1_800_000_000_000, BlockNumber(-1)), Fork(1_800_000_000_001, BlockNumber(4))),
)


def taken(tables: Tables, *, now: int = 1_000, until: int = 2_000) -> Following:
    """Take the chain."""
    following = DynamoCursors(tables).take(CHAIN_ID, until=Instant(until), now=Instant(now))
    assert following
    return following


def marker(nonce: int) -> NonceMarker:
    """Name a nonce of the payer."""
    return NonceMarker(chain_id=CHAIN_ID, contract=ESCROW, signer=address_of(PAYER), nonce=str(nonce))


class TestCursors:
    """The cursor and the right to move it."""

    def test_nobody_has_followed_a_new_chain(self, tables: Tables) -> None:
        """Whoever is first begins."""
        assert DynamoCursors(tables).cursor(CHAIN_ID) is None
        following = taken(tables)
        assert (following.cursor, following.was_left) == (None, True)
        assert DynamoCursors(tables).cursor(CHAIN_ID) is None

    def test_a_cursor_is_read_back_as_it_was(self, tables: Tables) -> None:
        """Hashes, forks and moments."""
        cursors = DynamoCursors(tables)

        moved = cursors.move(taken(tables), CURSOR, until=Instant(2_000))

        assert cursors.cursor(CHAIN_ID) == moved.cursor == CURSOR

    def test_a_chain_is_followed_by_one_at_a_time(self, tables: Tables) -> None:
        """Until the lease has run out, or was given back."""
        cursors = DynamoCursors(tables)
        first = taken(tables, now=1_000, until=2_000)

        assert cursors.take(CHAIN_ID, until=Instant(3_000), now=Instant(1_999)) is None
        cursors.leave(first)
        second = taken(tables, now=1_999, until=3_000)

        assert second.fence > first.fence
        assert second.was_left

    def test_a_lease_that_ran_out_was_not_left(self, tables: Tables) -> None:
        """What its holder wrote last may have no cursor."""
        taken(tables, now=1_000, until=2_000)

        assert not taken(tables, now=2_000, until=3_000).was_left

    def test_an_old_holder_can_neither_move_nor_leave(self, tables: Tables) -> None:
        """It is fenced off."""
        cursors = DynamoCursors(tables)
        old = taken(tables, now=1_000, until=2_000)
        new = cursors.move(taken(tables, now=2_000, until=3_000), CURSOR, until=Instant(3_000))

        with pytest.raises(StaleRowError):
            cursors.move(old, replace(CURSOR, number=BlockNumber(1)), until=Instant(9_000))
        with pytest.raises(StaleRowError):
            cursors.leave(old)

        assert cursors.cursor(CHAIN_ID) == new.cursor

    def test_a_forgotten_cursor_is_gone_and_its_holder_fenced_off(self, tables: Tables) -> None:
        """The next one begins, at once, with a higher fence."""
        cursors = DynamoCursors(tables)
        old = cursors.move(taken(tables), CURSOR, until=Instant(2_000))

        cursors.forget(CHAIN_ID)

        assert cursors.cursor(CHAIN_ID) is None
        with pytest.raises(StaleRowError):
            cursors.move(old, CURSOR, until=Instant(2_000))
        assert taken(tables).fence > old.fence


class TestAccounts:
    """Cached accounts and nonces."""

    def test_an_account_is_read_back_as_it_was(self, tables: Tables) -> None:
        """With others that are not known left out."""
        accounts = DynamoAccounts(tables)
        accounts.keep(CACHED)

        assert accounts.accounts([ACCOUNT, replace(ACCOUNT, owner=PAYEE)]) == (CACHED,)
        assert accounts.known(ACCOUNT, marker(1)) == (CACHED, False)
        assert accounts.known(replace(ACCOUNT, token=ESCROW), marker(1)) == (None, False)
        assert accounts.accounts([]) == ()

    @pytest.mark.parametrize("version", [1, 3])
    def test_an_account_that_somebody_else_wrote_is_left_alone(self, tables: Tables, version: int) -> None:
        """By its version: neither a second first one nor one too many."""
        accounts = DynamoAccounts(tables)
        accounts.keep(CACHED)

        with pytest.raises(StaleRowError):
            accounts.keep(replace(CACHED, version=version, history=CACHED.history[:1]))

        assert accounts.accounts([ACCOUNT]) == (CACHED,)

    def test_an_account_is_replaced_by_its_next_version(self, tables: Tables) -> None:
        """And by no other."""
        accounts = DynamoAccounts(tables)
        accounts.keep(CACHED)
        newer = replace(CACHED, version=2, history=CACHED.history[1:])

        accounts.keep(newer)

        assert accounts.accounts([ACCOUNT]) == (newer,)

    def test_dropped_accounts_are_not_known(self, tables: Tables) -> None:
        """Whether they were or not, and named twice."""
        accounts = DynamoAccounts(tables)
        accounts.keep(CACHED)

        accounts.drop([ACCOUNT, ACCOUNT, replace(ACCOUNT, owner=Address(PAYEE))])

        assert accounts.accounts([ACCOUNT]) == ()

    def test_a_nonce_of_ours_is_claimed_and_a_foreign_one_is_marked(self, tables: Tables) -> None:
        """The mark of acceptance is enough; of what it lacks, watch keeps its own."""
        accounts = DynamoAccounts(tables)
        row, event = accepted(received_row())
        ours = PAYMENT.marker(row.payload)
        DynamoTransactions(tables).accept(row, [event], marker=ours, hold=None)

        foreign = accounts.unclaimed([ours, marker(99)])
        accounts.mark_seen(foreign)
        accounts.mark_seen(foreign)

        assert foreign == (marker(99),)
        assert accounts.known(ACCOUNT, marker(99)) == (None, True)
        assert accounts.known(ACCOUNT, ours) == (None, False)
        assert accounts.unclaimed([]) == ()
