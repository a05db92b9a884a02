"""Accounts inside a contract, and what is remembered of their state at recent blocks."""

from dataclasses import dataclass, replace

from ferryman.domain.units import Address, BlockNumber, ChainId, Instant

Values = tuple[int, ...]
"""An account's state at a block, in the terms of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractAccount:
    """What a contract keeps for one owner in one token."""

    chain_id: ChainId
    contract: Address
    token: Address
    owner: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedAccount:
    """An account's state as it was read after each block that changed it."""

    account: ContractAccount
    fork: int
    """The cursor's fork under which this was written."""
    history: tuple[tuple[BlockNumber, Values], ...]
    """The state from each of these blocks on, oldest first: never empty."""
    expires_at: Instant
    """Not used from then on, whatever the logs said: bounds what a lost log can do."""
    version: int

    def at(self, block: BlockNumber) -> Values | None:
        """Give the state at a block; None before the first block that is remembered."""
        return next((values for since, values in reversed(self.history) if since <= block), None)

    def believed_through(self, block: BlockNumber) -> "CachedAccount | None":
        """Leave out what was read of later blocks; None if nothing remains."""
        history = tuple(entry for entry in self.history if entry[0] <= block)
        return replace(self, history=history) if history else None

    def with_history(
        self, newer: tuple[tuple[BlockNumber, Values], ...], *, oldest: BlockNumber
    ) -> "CachedAccount":
        """Add the state at newer blocks, and forget what no block from `oldest` on needs."""
        first = newer[0][0]
        history = (*(entry for entry in self.history if entry[0] < first), *newer)
        base = max((since for since, _ in history if since <= oldest), default=oldest)
        return replace(self, history=tuple(entry for entry in history if entry[0] >= base))
