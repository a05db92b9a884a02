"""Gaps: nonces that the chain waits for and nobody holds, as after a restore of the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import StaleRowError
from ferryman.domain.nonces import FILL_GAS, NonceRow, Wallet
from ferryman.domain.units import Address, WalletNonce
from ferryman.ports import Clock, Log, WalletStore
from ferryman.services.positions import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Gives nonces without a row one, so that they are filled."""

    settings: ChainSettings
    wallets: WalletStore
    clock: Clock
    log: Log

    def __call__(
        self, wallets: Mapping[Wallet, Sequence[NonceRow]], positions: Mapping[Address, Position]
    ) -> frozenset[Wallet]:
        """Open the nonces that hold others up.

        More of them than a window has do not come of a lost row, but of a wrong counter: that is for an
        operator to judge (`ferryman wallets reset`).

        Args:
            wallets: as they were read, with all their open nonces.
            positions: how far those have come that have something late.

        Returns:
            The wallets that are not as they were read any more.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        late = {wallet: rows for wallet, rows in wallets.items() if rows and wallet.address in positions}
        missing = {wallet: self._missing(rows, positions[wallet.address]) for wallet, rows in late.items()}
        return frozenset(
            wallet for wallet, nonces in missing.items() if nonces and self._opened(wallet, nonces)
        )

    def _missing(self, rows: Sequence[NonceRow], position: Position) -> list[WalletNonce]:
        held, most = {row.nonce for row in rows}, self.settings.widest_window
        below = range(position.mined, min(max(held), position.mined + most + 1))
        return [WalletNonce(nonce) for nonce in below if nonce not in held]

    def _opened(self, wallet: Wallet, nonces: Sequence[WalletNonce]) -> bool:
        """Open nonces of a wallet; give whether any needed it: an endpoint may be behind what is settled."""
        if len(nonces) > self.settings.widest_window:
            self.log.error("a wallet's counter is wrong: reset it", wallet=wallet.address, mined=nonces[0])
            return False
        now = wallet
        try:
            for nonce in nonces:
                if self.wallets.nonce_row(wallet.chain_id, wallet.address, nonce) is None:
                    now = self.wallets.open_gap(now, self._row(wallet, nonce))
                    self.log.error(
                        "a nonce without a row, it will be filled", wallet=wallet.address, nonce=nonce
                    )
        except StaleRowError:
            return True  # somebody binds nonces of it: the next look goes on
        return now is not wallet

    def _row(self, wallet: Wallet, nonce: WalletNonce) -> NonceRow:
        return NonceRow(
            chain_id=wallet.chain_id,
            wallet=wallet.address,
            nonce=nonce,
            intents=(),
            gas_limit=FILL_GAS,
            bound_at=self.clock.now(),
        )
