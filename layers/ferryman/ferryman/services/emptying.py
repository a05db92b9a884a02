"""Emptying: the rest of a drained wallet's coin is moved by a nonce of its own, before it is retired."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    FieldProblem,
    InvalidFieldsError,
    StaleRowError,
    WalletBusyError,
)
from ferryman.domain.fees import Tier, price_up_to
from ferryman.domain.funds import kept_data_fee, reserved_cost
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.quotas import day_of
from ferryman.domain.units import Address, Gas, Wei
from ferryman.ports import Binding, Clock, Confirmer, LeaseStore, Log, WalletStore
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.data_fees import data_fees
from ferryman.services.filling import NO_DATA
from ferryman.services.rotating import wallet_told
from ferryman.services.simulating import with_headroom
from ferryman.services.topics import parsed_address
from ferryman.services.waking import wake
from ferryman.services.wallet_commands import commanded, known_wallet

_BESIDES: Final = frozenset({"to"})
_LEAST: Final = Wei(1)
_NO_BYTES: Final = 0
_ALONE: Final = 1
"""How many nonces may be open with it: nothing of the wallet is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptying:
    """Binds a transfer to the next nonce of a drained wallet; submit signs it, confirm follows it."""

    chains: Chains
    wallets: WalletStore
    leases: LeaseStore
    confirmer: Confirmer
    clock: Clock
    log: Log

    def __call__(self, address: Address, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Move what a wallet has left on one chain; when nothing worth it is left, nothing is done.

        Args:
            address: the wallet.
            body: `chain_id`, `to`, and `dry_run` (true if it is left out): only say what would be done.
            by: who asks.

        Raises:
            InvalidFieldsError: the body is not of that form, or `to` takes no coin.
            NotFoundError: the wallet was never used there.
            WalletBusyError: it is not drained, or has nonces open.
            AssuranceUnavailableError: the chain does not answer.
            StoreUnavailableError: as its ports say.

        """
        access, to, is_dry = self._asked(body, address)
        wallet = known_wallet(address, access, self.wallets)
        if wallet.state is not WalletState.DRAINING or wallet.open_count:
            said = f"is {wallet.state.value}, with {wallet.open_count} nonces open"
            problem = FieldProblem("address", said)
            raise WalletBusyError("Drain it, and wait until nothing of it is open.", problem)
        try:
            balance, row = self._transfer(wallet, to, access)
        except ChainUnreachableError as error:
            raise AssuranceUnavailableError(f"The chain cannot be read now: {error}") from error
        if row and not is_dry:
            self._bind(wallet, row, by)
        return {
            "dry_run": is_dry,
            "wallet": wallet_told(wallet, day_of(self.clock.now())),
            "to": to,
            "balance_wei": str(balance),
            "amount_wei": str(row.transfer_wei if row else 0),
            "kept_wei": str(row.reserved_cost - (row.transfer_wei or 0) if row else 0),
            "nonce": row.nonce if row else None,
        }

    def _asked(self, body: Mapping[str, Any], address: Address) -> tuple[ChainAccess, Address, bool]:
        refusal = "That is no way to empty a wallet."
        access, is_dry = commanded(body, self.chains, refusal=refusal, besides=_BESIDES)
        to = parsed_address("to", str(body.get("to")))
        if to in {address, access.settings.escrow, *access.settings.tokens}:
            problem = FieldProblem("to", "must be neither the wallet itself nor a contract of this chain")
            raise InvalidFieldsError("Nobody could use the coin there.", problem)
        return access, to, is_dry

    def _transfer(self, wallet: Wallet, to: Address, access: ChainAccess) -> tuple[Wei, NonceRow | None]:
        """Give the balance, and the nonce that moves all of it but for what its gas may cost."""
        settings = access.settings
        call = Call(to, NO_DATA, _LEAST)
        seen = access.chain.simulate([call], sender=wallet.address, payers=[wallet.address])
        balance, (estimate,) = seen.balances[wallet.address], seen.outcomes
        data_fee = kept_data_fee(data_fees([_NO_BYTES], access)[_NO_BYTES], settings)
        if not isinstance(estimate, int):
            if balance:
                problem = FieldProblem("to", f"takes no coin: {estimate.text}")
                raise InvalidFieldsError("The transfer would revert.", problem)
            return balance, None
        offered = price_up_to(
            seen.fee_history,
            Tier.NORMAL,
            min_tip=settings.min_priority_fee_wei,
            cap=settings.fee_cap(Tier.NORMAL),
        )
        gas_limit = with_headroom(Gas(estimate))
        kept = reserved_cost(gas_limit, offered.max_fee_per_gas, settings, data_fee=data_fee)
        if balance <= kept:
            return balance, None
        return balance, NonceRow(
            chain_id=wallet.chain_id,
            wallet=wallet.address,
            nonce=wallet.next_nonce,
            intents=(),
            gas_limit=gas_limit,
            bound_at=self.clock.now(),
            reserved_cost=balance,
            data_fee=data_fee or None,
            transfer_to=to,
            transfer_wei=Wei(balance - kept),
        )

    def _bind(self, wallet: Wallet, row: NonceRow, by: str) -> None:
        try:
            self.wallets.bind(wallet, [Binding(changes=(), nonce_row=row)], window=_ALONE)
        except StaleRowError as error:
            problem = FieldProblem("address", "changed just now: try again")
            raise WalletBusyError("The wallet is in use.", problem) from error
        said = {"chain_id": wallet.chain_id, "wallet": wallet.address, "nonce": row.nonce, "by": by}
        self.log.warning("wallet emptied", to=row.transfer_to, wei=str(row.transfer_wei), **said)
        wake(wallet.chain_id, self.leases, self.confirmer, self.clock, self.log)
