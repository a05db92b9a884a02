"""Coverage: what a nonce's bytes may cost is kept for it before they are signed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.fees import Eip1559Fees
from ferryman.domain.nonces import NonceRow
from ferryman.domain.units import Address, Gas, Wei
from ferryman.ports import Log, WalletStore
from ferryman.services.chains import ChainAccess

Priced = Callable[[Wei], Eip1559Fees]
"""What bytes offer, up to a maximum fee, wei per gas."""
_NOTHING: Final = Wei(0)


@dataclass(slots=True, kw_only=True)
class Coverage:
    """One run's look at what wallets have besides what they keep for open nonces.

    Mostly what was kept at the bind is enough, and nothing is read.
    """

    access: ChainAccess
    wallets: WalletStore
    log: Log
    _room: dict[Address, Wei] = field(default_factory=dict)

    def __call__(
        self, row: NonceRow, gas_limit: Gas, priced: Priced, *, cap: Wei
    ) -> tuple[NonceRow, Eip1559Fees]:
        """Price bytes, and keep for their nonce what they may cost.

        Where the wallet has no more coin, they offer what it can pay for, and the wallet takes nothing new
        until it has what they lack.

        Args:
            row: the nonce.
            gas_limit: of the bytes.
            priced: gives what they offer.
            cap: the most that the operator lets them offer, wei per gas.

        Returns:
            The nonce with what is kept for it, and the fees.

        Raises:
            FeeCapExceededError: as `priced`; nothing that nodes would take can be paid for.
            ChainUnreachableError, StoreUnavailableError: as its ports say.

        """
        fees = priced(cap)
        cost = row.cost_of(gas_limit, fees)
        if cost <= row.reserved_cost:
            return row, fees
        room = self._room_of(row, lacking=Wei(cost - row.reserved_cost))
        if cost > row.reserved_cost + room:
            fixed = row.cost_of(Gas(0), fees)
            fees = priced(Wei(min(cap, max(row.reserved_cost + room - fixed, 0) // gas_limit)))
            cost = row.cost_of(gas_limit, fees)
        covered = row.covering(cost)
        self._room[row.wallet] = Wei(max(room - (covered.reserved_cost - row.reserved_cost), 0))
        return covered, fees

    def _room_of(self, row: NonceRow, *, lacking: Wei) -> Wei:
        """Give what a wallet has to spare; where that is too little, write down what it should have."""
        room = self._room.get(row.wallet)
        if room is not None and lacking <= room:
            return room
        wallet = self.wallets.wallet(row.chain_id, row.wallet)
        (balance,) = self.access.chain.balances([row.wallet])
        committed = wallet.committed if wallet else _NOTHING
        if room is None:
            room = Wei(max(balance - committed, 0))
        needed = Wei(committed + lacking)
        if wallet and lacking > room and needed > wallet.needed_balance:
            self.wallets.note_needed(wallet, needed)
            said = {"chain_id": row.chain_id, "wallet": row.wallet, "nonce": row.nonce}
            self.log.warning("no coin to offer more", balance=str(balance), needed=str(needed), **said)
        return room
