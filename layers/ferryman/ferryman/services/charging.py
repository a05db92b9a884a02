"""Charging senders: what each may post is counted when, and only when, something is accepted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.quotas import Charge, QuotaMovedError
from ferryman.domain.units import Wei
from ferryman.ports import Clock, Reservation, TransactionStore

_TRIES: Final = 20
"""Each try but the last one lost to another transaction of the sender that was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charging:
    """Charges senders."""

    store: TransactionStore
    clock: Clock

    def charge_for(self, spending: Reservation, settings: ChainSettings, *, field: str) -> Charge:
        """Prepare the charge of one transaction.

        Args:
            spending: what it takes.
            settings: its chain.
            field: where its request says how much that is.

        Raises:
            InvalidFieldsError: it moves more than a sender ever may in a day.
            SenderLimitedError: the sender has to wait.

        """
        charge = Charge(
            token=spending.token,
            units=spending.units,
            field=field,
            limits=settings.sender_limits,
            at=self.clock.now(),
            before=self.store.quota(spending),
        )
        charge.check()
        return charge

    def with_gas(self, charge: Charge, cost: Wei) -> Charge:
        """Add to a charge what its transaction is predicted to cost us.

        Raises:
            SenderLimitedError: the sender has used up its budget of the day, or would with this.

        """
        charge = replace(charge, gas=cost)
        charge.check()
        return charge

    def write(self, charge: Charge, accept: Callable[[Charge], None]) -> None:
        """Accept with a charge; one that others overtook is prepared again.

        Raises:
            SenderLimitedError: others have used up what was left.
            StoreUnavailableError: others were always faster.

        """
        for _ in range(_TRIES):
            try:
                return accept(charge)
            except QuotaMovedError as moved:
                charge = replace(charge, at=self.clock.now(), before=moved.quota)
                charge.check()
        msg = "other transactions of the sender were always faster"
        raise StoreUnavailableError(msg)
