"""Resets: where a wallet's counter has to be, by what is stored and what the chain says."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.units import WalletNonce


@dataclass(frozen=True, slots=True)
class EndpointCounts:
    """What one endpoint says of a wallet."""

    latest: WalletNonce
    """Its mined transactions."""
    pending: WalletNonce
    """Those as well that wait behind them in the endpoint's mempool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPlan:
    """What a reset would do."""

    wallet: Wallet
    """As it would be."""
    fills: tuple[WalletNonce, ...]
    """Nonces that the chain waits for, and nobody holds, below some that are held: used up by nothing."""
    unclear: tuple[str, ...]
    """Why nothing may be done yet."""


def reset_plan(wallet: Wallet, rows: Sequence[NonceRow], told: Collection[EndpointCounts]) -> ResetPlan:
    """Say where a wallet's counter has to be: at the first nonce that is neither used nor held.

    Args:
        wallet: as it is stored.
        rows: all rows of its nonces from the chain's lowest count on, settled or not, and all open ones.
        told: what each endpoint says.

    """
    count = WalletNonce(min(one.latest for one in told))
    held = {row.nonce for row in rows}
    following = WalletNonce(max([count, *(nonce + 1 for nonce in held)]))
    fills = tuple(WalletNonce(nonce) for nonce in range(count, following) if nonce not in held)
    open_nonces = [row.nonce for row in rows if not row.is_settled]
    lowest = WalletNonce(min([following, *open_nonces, *fills]))
    return ResetPlan(
        wallet=replace(wallet, next_nonce=following, lowest_open=lowest),
        fills=fills,
        unclear=tuple(_doubts(rows, told, following)),
    )


def _doubts(rows: Sequence[NonceRow], told: Collection[EndpointCounts], following: WalletNonce) -> list[str]:
    """Say what does not fit together: whatever was done now could be wrong."""
    doubts, counts = [], sorted({one.latest for one in told})
    if len(counts) > 1:
        doubts.append(f"the endpoints count {' and '.join(map(str, counts))} mined transactions")
    undone = [row.nonce for row in rows if row.is_settled and row.nonce >= counts[0]]
    if undone:
        doubts.append(f"nonce {min(undone)} is settled here, and the chain has not used it")
    waiting = max(one.pending for one in told)
    if waiting > following:
        doubts.append(f"transactions up to nonce {waiting - 1} wait in a mempool, and we hold none of them")
    return doubts
