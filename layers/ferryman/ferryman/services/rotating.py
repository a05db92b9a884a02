"""Rotating wallets: operators take them out of use, and put them back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    NotFoundError,
    StaleRowError,
    WalletBusyError,
    chain_not_served,
)
from ferryman.domain.nonces import Wallet, WalletState
from ferryman.domain.quotas import day_of
from ferryman.domain.units import Address, ChainId
from ferryman.ports import Clock, Log, WalletStore

_FIELDS: Final = frozenset({"chain_id", "state"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotating:
    """Sets whether wallets take new work."""

    wallets: WalletStore
    chain_ids: Collection[ChainId]
    clock: Clock
    log: Log

    def __call__(self, address: Address, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Set the state of a wallet on one chain, or on all that know it; again is no mistake.

        Args:
            address: the wallet.
            body: `state`, and `chain_id`, which may be left out.
            by: who asks.

        Raises:
            InvalidFieldsError: the body names something unknown.
            NotFoundError: the wallet was never used there.
            WalletBusyError: it shall be retired, and has nonces open; on some chains it may be done already.
            StoreUnavailableError: as its port says.

        """
        state, chain_ids = _state(body), self._chain_ids(body)
        found = [one for chain_id in chain_ids if (one := self.wallets.wallet(chain_id, address))]
        if not found:
            problem = FieldProblem("address", "is no wallet here; one with a new key joins by itself")
            raise NotFoundError(f"{address} is no wallet of this deployment.", problem)
        return {"wallets": [self._set(wallet, state, by) for wallet in found]}

    def _set(self, wallet: Wallet, state: WalletState, by: str) -> dict[str, Any]:
        if wallet.state is not state:
            if state is WalletState.RETIRED and wallet.open_count:
                raise _busy(wallet, f"has {wallet.open_count} nonces open: drain it, and wait for them")
            try:
                self.wallets.set_state(wallet, state)
            except StaleRowError as error:
                raise _busy(wallet, "changed just now: try again") from error
            said = {"chain_id": wallet.chain_id, "wallet": wallet.address, "by": by}
            self.log.warning("wallet's state set", was=wallet.state.value, state=state.value, **said)
        return wallet_told(replace(wallet, state=state), day_of(self.clock.now()))

    def _chain_ids(self, body: Mapping[str, Any]) -> Collection[ChainId]:
        chain_id = body.get("chain_id")
        if chain_id is None:
            return self.chain_ids
        if type(chain_id) is not int or chain_id not in self.chain_ids:
            raise chain_not_served(self.chain_ids)
        return [ChainId(chain_id)]


def wallet_told(wallet: Wallet, day: int) -> dict[str, Any]:
    """Give what operators see of a wallet's row, on a day."""
    return {
        "chain_id": wallet.chain_id,
        "address": wallet.address,
        "state": wallet.state.value,
        "next_nonce": wallet.next_nonce,
        "lowest_open": wallet.lowest_open,
        "open": wallet.open_count,
        "window": wallet.limit,
        "free_window": wallet.free(wallet.limit),
        "committed_wei": str(wallet.committed),
        "needed_wei": str(wallet.needed_balance),
        "spent_today_wei": str(wallet.spent_on(day)),
        "is_low": wallet.is_low,
        "is_delegated": wallet.is_delegated,
    }


def _state(body: Mapping[str, Any]) -> WalletState:
    if unknown := sorted(body.keys() - _FIELDS):
        problems = (FieldProblem(name[:60], "is not a field of this request") for name in unknown)
        raise InvalidFieldsError("Some fields are unknown.", *problems)
    state = body.get("state")
    if state not in set(WalletState):
        problem = FieldProblem("state", f"must be one of {', '.join(WalletState)}")
        raise InvalidFieldsError("That is not a state of a wallet.", problem)
    return WalletState(state)


def _busy(wallet: Wallet, reason: str) -> WalletBusyError:
    detail = f"{wallet.address} on chain {wallet.chain_id} {reason}."
    return WalletBusyError(detail, FieldProblem("address", reason))
