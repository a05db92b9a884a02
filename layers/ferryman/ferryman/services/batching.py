"""Batching: intents that are ready at the same moment share a chain transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from ferryman.domain.eip1559 import Call
from ferryman.domain.events import Step
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.signatures import SignatureFormatError, recover
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, ChainId, Gas, hex_bytes
from ferryman.intents.kind import IntentKind
from ferryman.ports import Clock, Simulation, Trial
from ferryman.services.batch_gas import BatchGas, tried_with
from ferryman.services.chains import ChainAccess
from ferryman.services.crowds import Crowd
from ferryman.services.parcels import Parcel, Ready
from ferryman.services.simulating import Verdicts, simulate, too_dear, with_headroom
from ferryman.services.waiting import NO_WINDOW

_Chunk = Sequence[Transaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """Rows that might share a transaction."""

    rows: _Chunk
    call: Call
    gas: Gas
    """What their like was estimated to need."""

    def trials(self, kinds: Mapping[str, IntentKind], cap: Gas) -> list[Trial]:
        """Run each of its calls alone, and all together: a batch leaves out in silence what fails in it."""
        alone = [Trial(kinds[row.kind].to_call(row.payload), cap) for row in self.rows]
        return [*alone, Trial(self.call, tried_with(self.gas))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """Puts intents that go through into chain transactions: together where there are many, else each alone.

    What goes through need not be estimated if its like was a moment ago: to run it once is enough, and an
    estimate runs it many times over. Whatever does not go through so is estimated, and judged by that.
    """

    kinds: Mapping[str, IntentKind]
    known: BatchGas
    clock: Clock

    def __call__(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        *,
        sender: Address,
        payers: Sequence[Address],
        crowd: Crowd,
    ) -> tuple[list[Parcel], Verdicts]:
        """Simulate rows, and give parcels of those that go through, with verdicts on the others.

        Args:
            rows: what might go on, at least one.
            access: its chain.
            sender: the wallet it is simulated for.
            payers: accounts whose native coin is read along the way.
            crowd: how many came at once, and how few nonces there are.

        Raises:
            ChainUnreachableError: as `Chain.simulate`.

        """
        least = crowd.least(access.settings)
        tried, seen = self._tried(rows, access, sender, payers, least)
        through = {one.row.transaction_id for parcel in tried for one in parcel.ready}
        left = [row for row in rows if row.transaction_id not in through]
        if seen and not left:
            return tried, Verdicts.of(seen)
        verdicts = simulate(left, access, kinds=self.kinds, sender=sender, payers=payers)
        return [*tried, *self._estimated(verdicts.ready, access, sender, least)], verdicts

    def _tried(
        self,
        rows: Sequence[Transaction],
        access: ChainAccess,
        sender: Address,
        payers: Sequence[Address],
        least: int,
    ) -> tuple[list[Parcel], Simulation | None]:
        """Give batches that went through as they are, and the simulation, if anything was worth a try.

        What has waited for more than a nonce has had trouble, and its own gas may have to be known.
        """
        untroubled = [row for row in rows if row.last_error in {None, NO_WINDOW}]
        chunks = self._chunks(untroubled, access, least)
        batches = [batch for chunk in chunks if (batch := self._batch(chunk, access))]
        if not batches:
            return [], None
        trials = [batch.trials(self.kinds, access.settings.gas_limit_cap) for batch in batches]
        asked = [trial for some in trials for trial in some]
        simulation = access.chain.simulate([], sender=sender, payers=payers, trials=asked)
        passed = iter(simulation.passed)
        answers = [tuple(islice(passed, len(some))) for some in trials]
        parcels = [
            Parcel(tuple(Ready(row, None) for row in batch.rows), with_headroom(batch.gas))
            for batch, went_through in zip(batches, answers, strict=True)
            if all(went_through) and not any(too_dear(row, simulation, access) for row in batch.rows)
        ]
        return parcels, simulation

    def _batch(self, chunk: _Chunk, access: ChainAccess) -> _Batch | None:
        """Give a batch whose gas is known; None if it has to be estimated, or is too much."""
        gas = self.known.enough(self._like(chunk[0]), len(chunk))
        call = self._call(chunk, access) if gas else None
        if gas is None or call is None or gas > access.settings.gas_limit_cap * len(chunk):
            return None
        return _Batch(rows=chunk, call=call, gas=gas)

    def _estimated(
        self, ready: Sequence[Ready], access: ChainAccess, sender: Address, least: int
    ) -> list[Parcel]:
        """Put what is ready into parcels, and learn what batches need.

        A batch is estimated as a whole as well: what it needs is more than the sum of its parts, since the
        contract keeps gas back for each. One that would not go through is taken apart again.
        """
        by_id = {one.row.transaction_id: one for one in ready}
        chunks = self._chunks([one.row for one in ready], access, least)
        calls = {number: call for number, chunk in enumerate(chunks) if (call := self._call(chunk, access))}
        simulation = access.chain.simulate(list(calls.values()), sender=sender) if calls else None
        outcomes = dict(zip(calls, simulation.outcomes if simulation else (), strict=True))
        together: list[Parcel] = []
        for number, chunk in enumerate(chunks):
            gas = outcomes.get(number)
            if isinstance(gas, int) and gas <= access.settings.gas_limit_cap * len(chunk):
                self.known.learn(self._like(chunk[0]), len(chunk), gas)
                parts = tuple(by_id.pop(row.transaction_id) for row in chunk)
                together.append(Parcel(parts, with_headroom(gas)))
        return [*together, *map(Parcel.of, by_id.values())]

    def _chunks(self, rows: Sequence[Transaction], access: ChainAccess, least: int) -> list[_Chunk]:
        """Give rows that may share a transaction: of a kind, a contract and a lane, and of known cost.

        A contract that vouches for a signature may burn gas when it is asked again, and one that was left
        out of a batch before may be left out again: both go alone.
        """
        settings, now = access.settings, self.clock.now()
        groups: defaultdict[tuple[str, Address, Lane], list[Transaction]] = defaultdict(list)
        for row in rows:
            if Step.RETURNED.value not in row.reached and (row.assured or _is_by_key(row)):
                _, kind, contract = self._like(row)
                groups[kind, contract, lane_of(row, settings, now)].append(row)
        crowds = [group for group in groups.values() if len(group) >= least]
        return [
            chunk
            for crowd in crowds
            if settings.batch_size >= settings.batch_min
            for chunk in _evenly(crowd, settings.batch_size)
        ]

    def _like(self, row: Transaction) -> tuple[ChainId, str, Address]:
        """Say with what a row may share a transaction, and whose gas says something about its own."""
        return row.chain_id, row.kind, self.kinds[row.kind].marker(row.payload).contract

    def _call(self, chunk: _Chunk, access: ChainAccess) -> Call | None:
        return self.kinds[chunk[0].kind].to_batch_call([row.payload for row in chunk], access.settings)


def _is_by_key(row: Transaction) -> bool:
    """Whether the sender's own key signed, though nothing is assured: its funds are not locked.

    The id is the digest that was signed.
    """
    if "signature" not in row.payload:
        return False  # nobody signed
    try:
        signer = recover(hex_bytes(row.transaction_id), hex_bytes(str(row.payload["signature"])))
    except SignatureFormatError:
        return False
    return signer == row.sender


def _evenly(crowd: _Chunk, most: int) -> list[_Chunk]:
    """Cut a crowd into as few parts as possible, of nearly the same size."""
    count = -(-len(crowd) // most)
    bounds = [len(crowd) * number // count for number in range(count + 1)]
    return [crowd[start:end] for start, end in pairwise(bounds)]
