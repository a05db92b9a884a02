"""Binding: transactions get a wallet's next nonces, in one write with the wallet itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError, StaleRowError, StaleRowsError
from ferryman.domain.events import Step
from ferryman.domain.lanes import Lane, lane_at, window_of
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.transaction import Transaction, take_step, unhindered
from ferryman.domain.units import Address, Instant, WalletNonce, Wei
from ferryman.intents.kind import IntentKind
from ferryman.ports import Binding, Change, Clock, Signer, WalletStore
from ferryman.services.agreement import agreed
from ferryman.services.chains import ChainAccess
from ferryman.services.parcels import Parcel, Ready
from ferryman.services.purse import Purse

MOST_AT_ONCE: Final = 30
"""Nonces in one write."""
_MOST_ITEMS: Final = 100
"""Items that a DynamoDB transaction takes: the wallet, each nonce, and two of each intent."""
_TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Bound:
    """What came of binding: nonces, the rows bound to them, and what found no free window or no money."""

    nonces: tuple[NonceRow, ...]
    rows: tuple[Transaction, ...]
    without_capacity: tuple[Ready, ...]
    without_funds: tuple[tuple[Ready, str], ...]
    """With what they wait for."""


NOTHING_BOUND: Final = Bound((), (), (), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """Chooses wallets and binds their nonces."""

    kinds: Mapping[str, IntentKind]
    wallets: WalletStore
    signer: Signer
    clock: Clock

    def stored(self, access: ChainAccess) -> tuple[Wallet, ...]:
        """Read the wallets of a chain that have a row.

        Raises:
            SignerUnavailableError, StoreUnavailableError: as their ports say.

        """
        return self.wallets.wallets_at(access.settings.chain_id, self.signer.wallets())

    def pool(self, access: ChainAccess, stored: Sequence[Wallet] | None = None) -> list[Wallet]:
        """Give the wallets of a chain that take new work.

        A wallet's row is made on first use, from the chain's own count. A new one that the endpoints do
        not agree about, or cannot be asked about, is left out as long as there are others.

        Args:
            access: the chain.
            stored: its wallets that have a row, if they were read a moment ago.

        Raises:
            SignerUnavailableError, ChainUnreachableError, StoreUnavailableError: as their ports say.

        """
        stored, addresses = self.stored(access) if stored is None else stored, self.signer.wallets()
        known = {wallet.address: wallet for wallet in stored}
        unopened: ChainUnreachableError | None = None
        for address in addresses:
            try:
                known.setdefault(address, known.get(address) or self._opened(address, access))
            except ChainUnreachableError as error:
                unopened = error
        if unopened and not known:
            raise unopened
        pool = (known[address] for address in addresses if address in known)
        return [wallet for wallet in pool if wallet.state is WalletState.ACTIVE]

    def bind(
        self, parcels: Sequence[Parcel], access: ChainAccess, pool: Sequence[Wallet], purse: Purse
    ) -> Bound:
        """Bind as many as there is free window and money for, the urgent ones first.

        Rows that changed since they were read are left out: whoever changed them goes on with them.

        Raises:
            StoreUnavailableError: the outcome could not be written, or nobody knows it.

        """
        now, wallets = self.clock.now(), list(pool)
        bindings: list[Binding] = []
        left: list[Ready] = []
        unpaid: list[tuple[Ready, str]] = []
        for lane in Lane:
            waiting = [one for one in parcels if lane_at(one.urgent_from(access), now) is lane]
            done, waiting, poor = self._bind_lane(waiting, access, wallets, lane, purse)
            bindings += done
            left += [one for parcel in waiting for one in parcel.ready]
            unpaid += [(one, purse.lacks(wallets, parcel)) for parcel in poor for one in parcel.ready]
        return Bound(
            tuple(binding.nonce_row for binding in bindings),
            tuple(change.after for binding in bindings for change in binding.changes),
            tuple(left),
            tuple(unpaid),
        )

    def _bind_lane(
        self,
        waiting: list[Parcel],
        access: ChainAccess,
        wallets: list[Wallet],
        lane: Lane,
        purse: Purse,
    ) -> tuple[list[Binding], list[Parcel], list[Parcel]]:
        """Bind parcels while a lane's part of some window is free; keep `wallets` current.

        Returns:
            What was bound, what found no window, and what no wallet with a free one can pay for.

        """
        done: list[Binding] = []
        poor: list[Parcel] = []
        tries = _TRIES
        while waiting and tries and has_room(wallets, lane, access.settings):
            able = [wallet for wallet in wallets if purse.room(wallet) >= purse.cost(waiting[0])]
            if not has_room(able, lane, access.settings):
                # What no wallet can pay for as a whole goes alone, and what it cannot pay for alone waits.
                first, *waiting = waiting
                waiting, poor = (
                    ([*first.apart(), *waiting], poor) if first.is_divisible else (waiting, [*poor, first])
                )
                continue
            wallet = _chosen(able, lane, access.settings, waiting[0])
            window = window_of(lane, wallet.limit, access.settings)
            chosen = _fitting(waiting[: min(wallet.free(window), MOST_AT_ONCE)], purse, purse.room(wallet))
            bindings = self._bindings(wallet, chosen, access, purse)
            try:
                self.wallets.bind(wallet, bindings, window=window)
            except StaleRowsError as stale:
                waiting = [left for one in waiting if (left := one.without(stale.transaction_ids))]
                continue
            except StaleRowError:
                tries -= 1
                wallets[:] = self.pool(access)
                continue
            done += bindings
            wallets.remove(wallet)
            wallets.append(_after(wallet, bindings))
            waiting = waiting[len(chosen) :]
        return done, waiting, poor

    def wallet(self, address: Address, access: ChainAccess) -> Wallet:
        """Read a wallet's row, which is made on first use.

        Raises:
            ChainUnreachableError, StoreUnavailableError: as their ports say.

        """
        return self.wallets.wallet(access.settings.chain_id, address) or self._opened(address, access)

    def _opened(self, address: Address, access: ChainAccess) -> Wallet:
        # Every later nonce counts from here: on one endpoint's lie they would all be wrong.
        count = agreed(access, lambda chain: chain.transaction_count(address))
        settings = access.settings
        return self.wallets.open_wallet(
            Wallet(
                chain_id=settings.chain_id,
                address=address,
                next_nonce=count,
                lowest_open=count,
                window=settings.window,
            )
        )

    def _bindings(
        self, wallet: Wallet, parcels: Sequence[Parcel], access: ChainAccess, purse: Purse
    ) -> list[Binding]:
        now, costs = self.clock.now(), [purse.cost(parcel) for parcel in parcels]
        return [
            Binding(
                changes=self._changes(parcel, wallet, WalletNonce(wallet.next_nonce + position), now),
                nonce_row=NonceRow(
                    chain_id=wallet.chain_id,
                    wallet=wallet.address,
                    nonce=WalletNonce(wallet.next_nonce + position),
                    intents=tuple(one.row.transaction_id for one in parcel.ready),
                    gas_limit=parcel.gas_limit,
                    bound_at=now,
                    reserved_cost=costs[position],
                    data_fee=purse.data_fee(parcel) or None,
                    urgent_from=parcel.urgent_from(access),
                    deadline_seconds=max(one.row.deadline_seconds for one in parcel.ready),
                    tier=parcel.tier,
                ),
            )
            for position, parcel in enumerate(parcels)
        ]

    def _changes(
        self, parcel: Parcel, wallet: Wallet, nonce: WalletNonce, now: Instant
    ) -> tuple[Change, ...]:
        size, changes = len(parcel.ready), list[Change]()
        for position, one in enumerate(parcel.ready):
            facts: dict[str, object] = {"wallet": wallet.address, "nonce": nonce}
            if size > 1:
                facts |= {"batch_size": size, "batch_position": position}
            name = self.kinds[one.row.kind].events[Step.BOUND]
            after, event = take_step(one.row, Step.BOUND, name=name, at=now, **facts)
            after = unhindered(after, due_at=None)
            changes.append(Change(before=one.row, after=after, events=(event,)))
        return tuple(changes)


def freest(wallets: Sequence[Wallet], lane: Lane, settings: ChainSettings) -> Wallet:
    """Give the wallet with the most free window for a lane, the first of equals."""
    return max(wallets, key=lambda wallet: wallet.free(window_of(lane, wallet.limit, settings)))


def _chosen(wallets: Sequence[Wallet], lane: Lane, settings: ChainSettings, first: Parcel) -> Wallet:
    """Give the freest wallet; to a batch, one of those with at least half as much, by what is in it.

    In a crowd many runs bind at once, and all see the same wallet as the freest: all but one of them would
    bind in vain.
    """
    if len(first.ready) == 1:
        return freest(wallets, lane, settings)
    free = {wallet.address: wallet.free(window_of(lane, wallet.limit, settings)) for wallet in wallets}
    most = max(free.values())
    roomy = [wallet for wallet in wallets if 2 * free[wallet.address] >= most]
    return roomy[int(first.ready[0].row.transaction_id[2:10], 16) % len(roomy)]


def taken(wallets: Sequence[Wallet], settings: ChainSettings) -> float:
    """Say which part of all nonces that standard intents may take is in use, from 0 to 1."""
    windows = [(wallet, window_of(Lane.STANDARD, wallet.limit, settings)) for wallet in wallets]
    allowed = sum(size for _, size in windows)
    free = sum(wallet.free(size) for wallet, size in windows)
    return 1 - free / allowed if allowed else 1.0


def has_room(wallets: Sequence[Wallet], lane: Lane, settings: ChainSettings) -> bool:
    """Say whether any wallet has a nonce free for a lane."""
    return any(wallet.free(window_of(lane, wallet.limit, settings)) for wallet in wallets)


def _after(wallet: Wallet, bindings: Sequence[Binding]) -> Wallet:
    """Give a wallet as a bind leaves it."""
    return replace(
        wallet,
        next_nonce=wallet.nonce_after(len(bindings)),
        bound_cost=Wei(wallet.bound_cost + sum(binding.nonce_row.reserved_cost for binding in bindings)),
    )


def _fitting(parcels: Sequence[Parcel], purse: Purse, room: Wei) -> list[Parcel]:
    """Give the first parcels, as many as one write takes and the wallet can pay for."""
    items, cost = 1, 0

    def fits(parcel: Parcel) -> bool:
        nonlocal items, cost
        items += 1 + 2 * len(parcel.ready)
        cost += purse.cost(parcel)
        return items <= _MOST_ITEMS and cost <= room

    return list(takewhile(fits, parcels))
