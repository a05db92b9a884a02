"""Binding: a transaction gets a wallet's next nonce, in one write with the wallet itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.errors import StaleRowError, StaleRowsError
from ferryman.domain.events import Step
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.transaction import Transaction, take_step
from ferryman.domain.units import Address, Gas, Instant, WalletNonce
from ferryman.intents.kind import IntentKind
from ferryman.ports import Binding, Change, Clock, Signer, WalletStore
from ferryman.services.chains import ChainAccess

MOST_AT_ONCE: Final = 30
"""Nonces in one write: each is three items, of the hundred that a DynamoDB transaction takes."""
_TRIES: Final = 6


@dataclass(frozen=True, slots=True)
class Ready:
    """A transaction that passed its simulation, with the gas it may use."""

    row: Transaction
    gas_limit: Gas


@dataclass(frozen=True, slots=True)
class Bound:
    """What came of binding: nonces with their rows, and what found no free window."""

    nonces: tuple[NonceRow, ...]
    rows: tuple[Transaction, ...]
    without_capacity: tuple[Ready, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """Chooses wallets and binds their nonces."""

    kinds: Mapping[str, IntentKind]
    wallets: WalletStore
    signer: Signer
    clock: Clock

    def pool(self, access: ChainAccess) -> list[Wallet]:
        """Read the wallets of a chain, the one with the most free window first.

        A wallet's row is made on first use, from the chain's own count.

        Raises:
            SignerUnavailableError, ChainUnreachableError, StoreUnavailableError: as their ports say.

        """
        found = [self._wallet(address, access) for address in self.signer.wallets()]
        return sorted(found, key=lambda wallet: -wallet.free(access.settings.window))

    def bind(self, ready: Sequence[Ready], access: ChainAccess) -> Bound:
        """Bind as many as there is free window for.

        Rows that changed since they were read are left out: whoever changed them goes on with them.

        Raises:
            StoreUnavailableError: the outcome could not be written, or nobody knows it.

        """
        nonces: list[NonceRow] = []
        rows: list[Transaction] = []
        waiting, tries = list(ready), _TRIES
        while waiting and tries:
            wallet = self.pool(access)[0]
            count = min(wallet.free(access.settings.window), MOST_AT_ONCE)
            if not count:
                break
            bindings = self._bindings(wallet, waiting[:count])
            try:
                self.wallets.bind(wallet, bindings, window=access.settings.window)
            except StaleRowsError as stale:
                waiting = [one for one in waiting if one.row.transaction_id not in stale.transaction_ids]
                continue
            except StaleRowError:
                tries -= 1
                continue
            nonces += [binding.nonce_row for binding in bindings]
            rows += [binding.change.after for binding in bindings]
            waiting = waiting[count:]
        return Bound(tuple(nonces), tuple(rows), tuple(waiting))

    def _wallet(self, address: Address, access: ChainAccess) -> Wallet:
        chain_id = access.settings.chain_id
        wallet = self.wallets.wallet(chain_id, address)
        if wallet is None:
            count = access.chain.transaction_count(address)
            wallet = self.wallets.open_wallet(
                Wallet(chain_id=chain_id, address=address, next_nonce=count, lowest_open=count)
            )
        return wallet

    def _bindings(self, wallet: Wallet, ready: Sequence[Ready]) -> list[Binding]:
        now = self.clock.now()
        return [
            self._binding(wallet, WalletNonce(wallet.next_nonce + position), one, now)
            for position, one in enumerate(ready)
        ]

    def _binding(self, wallet: Wallet, nonce: WalletNonce, ready: Ready, now: Instant) -> Binding:
        row = ready.row
        name = self.kinds[row.kind].events[Step.BOUND]
        after, event = take_step(row, Step.BOUND, name=name, at=now, wallet=wallet.address, nonce=nonce)
        after = replace(after, due_at=None, waits=0, starts=0, last_error=None)
        return Binding(
            change=Change(before=row, after=after, events=(event,)),
            nonce_row=NonceRow(
                chain_id=row.chain_id,
                wallet=wallet.address,
                nonce=nonce,
                intents=(row.transaction_id,),
                gas_limit=ready.gas_limit,
                bound_at=now,
            ),
        )
