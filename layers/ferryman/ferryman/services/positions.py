"""Positions: how far the chain and a mempool have come with the nonces of each wallet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.nonces import NonceRow
from ferryman.domain.units import Address, WalletNonce
from ferryman.ports import Chain, Clock, Counted, Log

_LATE_BLOCKS: Final = 2
_LEAST_LATE_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Position:
    """How far one wallet has come."""

    mined: WalletNonce
    """Nonces below are used up."""
    waiting: WalletNonce
    """Nonces below are used up, or wait in the endpoint's mempool."""
    has_fallen: bool
    """Whether fewer wait than when this run looked last, or it never looked: a mempool may be lost."""


@dataclass(slots=True, kw_only=True)
class Positions:
    """What one run knows of the wallets whose transactions are late; of others nothing is asked."""

    settings: ChainSettings
    chain: Chain
    clock: Clock
    log: Log
    _waiting: dict[Address, WalletNonce] = field(default_factory=dict)

    def __call__(self, unmined: Sequence[NonceRow], *, is_first: bool) -> Mapping[Address, Position]:
        """Ask for the positions of wallets that have something late, in one batch.

        Args:
            unmined: the nonces that nothing is mined with, as far as is known.
            is_first: whether nothing is known of the time just before this look.

        Returns:
            Their positions; none without an answer: then what is late is seen to as if nobody could be asked.

        """
        before, self._waiting = {} if is_first else self._waiting, {}
        late = sorted({row.wallet for row in unmined if self._is_late(row)})
        asked = [(wallet, counted) for wallet in late for counted in (Counted.LATEST, Counted.PENDING)]
        try:
            counts = self.chain.transaction_counts(asked) if asked else ()
        except ChainUnreachableError as error:
            self.log.warning("counts of wallets not read", wallets=late, cause=str(error))
            return {}
        found = {
            wallet: Position(mined, max(mined, waiting), wallet not in before or waiting < before[wallet])
            for wallet, mined, waiting in zip(late, counts[::2], counts[1::2], strict=True)
        }
        self._waiting = {wallet: position.waiting for wallet, position in found.items()}
        return found

    def is_forgotten(self, row: NonceRow, positions: Mapping[Address, Position]) -> bool:
        """Whether a mempool that had a nonce's bytes seems to have lost them.

        A mempool that refuses them does not have them either: each time they were asked for, longer is
        waited, and what it refused at its price has a pace of its own.
        """
        position = positions.get(row.wallet)
        if position is None or not position.has_fallen or not row.attempts or row.is_outbid:
            return False
        return row.nonce >= position.waiting and self._is_late(row, times=1 << row.sends_wanted)

    def _is_late(self, row: NonceRow, *, times: int = 1) -> bool:
        """Whether a nonce could be in a block by now."""
        pause = max(_LATE_BLOCKS * self.settings.block_time_ms, _LEAST_LATE_MS)
        return self.clock.now() - row.last_touched() >= pause * times
