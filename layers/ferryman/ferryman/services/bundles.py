"""Bundles: which writes of what the chain did may be made with one request."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ferryman.domain.units import Address, WalletNonce
from ferryman.ports import ITEMS_TOGETHER, Funds, Recorded


def nothing_more() -> None:
    """Do nothing once it is written."""


@dataclass(frozen=True, slots=True)
class PlannedWrite:
    """One write, and whose funds it may let go: two of the same payer would be in each other's way."""

    key: tuple[Address, WalletNonce]
    """Of which nonce it is."""
    payer: Address
    carry_out: Callable[[], None]
    """By itself."""
    recorded: Recorded | None = None
    """What it is, if it may be written together with others'."""
    done: Callable[[], None] = nothing_more
    """To be called once it is written."""


def bundles(writes: Iterable[PlannedWrite]) -> list[list[PlannedWrite]]:
    """Put together what may be written with one request: no two of one ledger, and not too much."""
    alone, bundle, full = list[list[PlannedWrite]](), list[PlannedWrite](), list[list[PlannedWrite]]()
    ledgers, items = set[Funds | None](), 0
    for write in writes:
        if (recorded := write.recorded) is None:
            alone.append([write])
            continue
        ledger = _ledger_of(recorded)
        is_touched = ledger is not None and ledger in ledgers
        if bundle and (is_touched or items + recorded.items > ITEMS_TOGETHER):
            full.append(bundle)
            bundle, ledgers, items = [], set(), 0
        bundle.append(write)
        items += recorded.items
        ledgers.add(ledger)
    return [*alone, *full, *([bundle] if bundle else [])]


def _ledger_of(recorded: Recorded) -> Funds | None:
    """Say whose ledger it changes; some kinds have one for all senders."""
    if (held := recorded.release) is None:
        return None
    return Funds(chain_id=held.chain_id, escrow=held.escrow, token=held.token, payer=held.payer)
