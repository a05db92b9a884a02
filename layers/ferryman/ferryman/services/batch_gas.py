"""Batch gas: what batches were estimated to need lately, so that the next ones are only tried."""

from dataclasses import dataclass
from typing import Final

from ferryman.domain.units import Address, ChainId, Gas, Instant, Milliseconds
from ferryman.ports import Clock

REMEMBERED_MS: Final = Milliseconds(60_000)
"""How long an estimate is gone by: what a chain charges moves, on some of them with the price of another."""
_TRIED_WITH_BPS: Final = 10_100
_BPS: Final = 10_000

_Like = tuple[ChainId, str, Address]
"""What batches have in common: chain, kind, and the contract that each message is for."""


@dataclass(frozen=True, slots=True)
class _Estimate:
    gas: Gas
    made_at: Instant


class BatchGas:
    """What a process knows of batches' gas; Lambda keeps processes from one invocation to the next.

    It is only ever a proposal: a batch goes with it if the chain has just run that batch with so much.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._estimates: dict[_Like, dict[int, _Estimate]] = {}

    def enough(self, like: _Like, size: int) -> Gas | None:
        """Give what a batch of that size or the next larger one needed; None if nothing is known of any."""
        oldest = self._clock.now() - REMEMBERED_MS
        sizes = self._estimates.get(like, {})
        fresh = {known: one.gas for known, one in sizes.items() if known >= size and one.made_at > oldest}
        return fresh[min(fresh)] if fresh else None

    def learn(self, like: _Like, size: int, estimate: Gas) -> None:
        """Remember an estimate; of two of the same size the higher one, while that is fresh."""
        now, sizes = self._clock.now(), self._estimates.setdefault(like, {})
        known = sizes.get(size)
        if known is None or known.gas <= estimate or known.made_at <= now - REMEMBERED_MS:
            sizes[size] = _Estimate(estimate, now)


def tried_with(known: Gas) -> Gas:
    """Give the gas that a batch is tried with whose like was estimated to need so much.

    No two batches need quite the same: a byte of a signature or a nonce costs a quarter as much if it is
    zero. Tried with the very estimate, every second one would be estimated again. The hundredth comes out of
    what a limit has over an estimate.
    """
    return Gas(known * _TRIED_WITH_BPS // _BPS)
