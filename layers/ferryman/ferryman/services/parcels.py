"""Parcels: what goes into one chain transaction."""

from collections.abc import Collection
from dataclasses import dataclass

from ferryman.domain.fees import Tier, fastest
from ferryman.domain.lanes import express_from
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Gas, Instant, TransactionId
from ferryman.services.chains import ChainAccess


@dataclass(frozen=True, slots=True)
class Ready:
    """A transaction that passed its simulation, with the gas it may use."""

    row: Transaction
    gas_limit: Gas | None
    """None: it was only tried together with others, and has no limit of its own."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes into one chain transaction: nearly always one intent."""

    ready: tuple[Ready, ...]
    gas_limit: Gas

    @classmethod
    def of(cls, one: Ready) -> "Parcel":
        """Send an intent of known gas alone."""
        if one.gas_limit is None:  # only what is divisible is divided
            raise AssertionError
        return cls((one,), one.gas_limit)

    def without(self, gone: Collection[TransactionId]) -> "Parcel | None":
        """Leave some out; None if nothing is left."""
        left = tuple(one for one in self.ready if one.row.transaction_id not in gone)
        if len(left) == len(self.ready):
            return self
        if len(left) == 1:
            # What was enough for it and others is enough for it alone.
            return Parcel(left, left[0].gas_limit or self.gas_limit)
        return Parcel(left, self.gas_limit) if left else None

    @property
    def is_divisible(self) -> bool:
        """Whether each of several intents could go alone: what was only tried has no limit for that."""
        return len(self.ready) > 1 and all(one.gas_limit is not None for one in self.ready)

    def apart(self) -> "list[Parcel]":
        """Send each of its intents alone."""
        return [Parcel.of(one) for one in self.ready]

    @property
    def tier(self) -> Tier:
        """Give the fastest of its intents' tiers: what shares a transaction shares its fees."""
        return fastest(one.row.priority for one in self.ready)

    def urgent_from(self, access: ChainAccess) -> Instant:
        """Say when the first of its intents becomes urgent."""
        return min(
            express_from(one.row.priority, one.row.deadline_seconds, access.settings) for one in self.ready
        )
