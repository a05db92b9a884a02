"""The purse of a run: what its chain's wallets have, what a nonce may cost them, and who can pay."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import FeeHistory, price_up_to
from ferryman.domain.funds import is_low, kept_data_fee, reserved_cost
from ferryman.domain.nonces import Wallet
from ferryman.domain.units import Address, Wei
from ferryman.services.parcels import Parcel
from ferryman.services.waiting import NO_FUNDS, OVER_BUDGET

_NOTHING: Final = Wei(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """Balances and prices as a run's simulation saw them."""

    settings: ChainSettings
    market: FeeHistory
    balances: Mapping[Address, Wei]
    day: int
    """Today, in days since the Unix epoch (UTC)."""
    data_fees: Mapping[str, Wei]
    """What the chain takes for the data of an intent, by its kind."""

    def cost(self, parcel: Parcel) -> Wei:
        """Give what a wallet must have for a parcel."""
        settings = self.settings
        cap, min_tip = settings.fee_cap(parcel.tier), settings.min_priority_fee_wei
        offered = price_up_to(self.market, parcel.tier, min_tip=min_tip, cap=cap).max_fee_per_gas
        return reserved_cost(parcel.gas_limit, offered, settings, data_fee=self.data_fee(parcel))

    def data_fee(self, parcel: Parcel) -> Wei:
        """Give what of that is for its data on L1: of each intent as if it went alone, which is no less."""
        expected = sum(self.data_fees[one.row.kind] for one in parcel.ready)
        return kept_data_fee(Wei(expected), self.settings)

    def room(self, wallet: Wallet) -> Wei:
        """Give what a wallet may still bind: of its balance and its day's budget, less what is open."""
        return Wei(max(min(self._usable(wallet), self._left_of_day(wallet)) - wallet.committed, 0))

    def is_low(self, wallet: Wallet) -> bool:
        """Say whether a wallet has too little to be used."""
        balance = self.balances.get(wallet.address, _NOTHING)
        low = self.settings.low_balance_wei
        return is_low(balance, was_low=wallet.is_low, low_balance=low, needed=wallet.needed_balance)

    def lacks(self, wallets: Iterable[Wallet], parcel: Parcel) -> str:
        """Say what a parcel waits for that no wallet can take: money, or only the next day."""
        cost = self.cost(parcel)
        has_money = any(self._usable(wallet) - wallet.committed >= cost for wallet in wallets)
        return OVER_BUDGET if has_money else NO_FUNDS

    def _usable(self, wallet: Wallet) -> Wei:
        """Give a wallet's balance; nothing if it is low."""
        balance = self.balances.get(wallet.address, _NOTHING)
        return _NOTHING if self.is_low(wallet) else balance

    def _left_of_day(self, wallet: Wallet) -> Wei:
        budget = self.settings.wallet_daily_gas_wei
        return self._usable(wallet) if budget is None else Wei(budget - wallet.spent_on(self.day))
