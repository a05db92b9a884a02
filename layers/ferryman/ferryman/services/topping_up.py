"""Topping up: a low wallet gets coin from the treasury, by a nonce of the treasury's own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    ChainUnreachableError,
    SignerUnavailableError,
    StaleRowError,
    StoreUnavailableError,
)
from ferryman.domain.fees import Tier, price_up_to
from ferryman.domain.funds import kept_data_fee, reserved_cost
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.units import Address, Gas, Wei
from ferryman.ports import Binding, Clock, Log, Signer, Simulation, WalletStore
from ferryman.services.binding import Binder
from ferryman.services.chains import ChainAccess
from ferryman.services.data_fees import data_fees
from ferryman.services.filling import NO_DATA
from ferryman.services.purse import Purse
from ferryman.services.simulating import with_headroom

_NOTHING: Final = Wei(0)
_NO_BYTES: Final = 0
"""Of a transfer's data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToppingUp:
    """Binds transfers to nonces of the treasury; they are signed, sent and followed like any other nonce."""

    wallets: WalletStore
    binder: Binder
    signer: Signer
    clock: Clock
    log: Log

    def __call__(self, pool: Sequence[Wallet], purse: Purse, access: ChainAccess) -> tuple[NonceRow, ...]:
        """Give the nonces that were bound for wallets that are low; trouble with that stops no payment.

        At most one for each is open at a time: a run that overtakes another finds the treasury's next
        nonce taken.
        """
        amount = access.settings.top_up_wei
        low = [wallet.address for wallet in pool if purse.is_low(wallet)]
        try:
            treasury = self.signer.treasury() if amount and low else None
            if treasury is None or amount is None:
                return ()
            return self._bound(self.binder.wallet(treasury, access), low, amount, purse, access)
        except (ChainUnreachableError, SignerUnavailableError, StoreUnavailableError) as error:
            self.log.warning("not topped up", wallets=low, cause=str(error))
        except StaleRowError:
            self.log.info("another run tops up", wallets=low)
        return ()

    def _bound(
        self, treasury: Wallet, low: Sequence[Address], amount: Wei, purse: Purse, access: ChainAccess
    ) -> tuple[NonceRow, ...]:
        under_way = {row.transfer_to for row in self.wallets.open_nonces(treasury)}
        needy = [address for address in low if address not in under_way]
        if not needy:
            return ()
        # Balances after what is open: a transfer that has just been settled is in them.
        calls = [Call(address, NO_DATA, amount) for address in needy]
        payers = [treasury.address, *needy]
        seen = access.chain.simulate(calls, sender=treasury.address, payers=payers)
        still = replace(purse, balances=seen.balances)
        known = self.wallets.wallets_at(treasury.chain_id, needy)
        chosen = [wallet.address for wallet in known if still.is_low(wallet)]
        data_fee = kept_data_fee(data_fees([_NO_BYTES], access)[_NO_BYTES], access.settings)
        rows = self._affordable(treasury, chosen, amount, seen, purse, data_fee)
        if not rows:
            return ()
        bindings = [Binding(changes=(), nonce_row=row) for row in rows]
        self.wallets.bind(treasury, bindings, window=treasury.limit)
        for row in rows:
            said = {"chain_id": row.chain_id, "treasury": row.wallet, "nonce": row.nonce}
            self.log.warning("topping up", wallet=row.transfer_to, wei=str(amount), **said)
        return rows

    def _affordable(
        self,
        treasury: Wallet,
        needy: Sequence[Address],
        amount: Wei,
        seen: Simulation,
        purse: Purse,
        data_fee: Wei,
    ) -> tuple[NonceRow, ...]:
        """Give rows of as many transfers as the treasury has window and coin for, and its day allows."""
        settings, rows = purse.settings, list[NonceRow]()
        limit = settings.top_up_daily_wei
        estimates = [gas for gas in seen.outcomes if isinstance(gas, int)]
        if not estimates or not needy:
            return ()
        offered = price_up_to(
            seen.fee_history,
            Tier.NORMAL,
            min_tip=settings.min_priority_fee_wei,
            cap=settings.fee_cap(Tier.NORMAL),
        )
        gas_limit = with_headroom(Gas(max(estimates)))
        cost = reserved_cost(gas_limit, offered.max_fee_per_gas, settings, value=amount, data_fee=data_fee)
        coin = seen.balances.get(treasury.address, _NOTHING) - treasury.committed
        sent = treasury.sent_on(purse.day)
        for address in needy[: treasury.free(treasury.limit)]:
            count = len(rows) + 1
            if count * cost > coin or (limit is not None and sent + count * amount > limit):
                self.log.warning("the treasury cannot top up", wallet=address, sent_today=str(sent))
                break
            row = NonceRow(
                chain_id=treasury.chain_id,
                wallet=treasury.address,
                nonce=treasury.nonce_after(len(rows)),
                intents=(),
                gas_limit=gas_limit,
                bound_at=self.clock.now(),
                reserved_cost=cost,
                data_fee=data_fee or None,
                transfer_to=address,
                transfer_wei=amount,
            )
            rows.append(row)
        return tuple(rows)
