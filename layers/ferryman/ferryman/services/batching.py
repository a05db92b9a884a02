"""Batching: intents that are ready at the same moment share a chain transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import Call
from ferryman.domain.events import Step
from ferryman.domain.lanes import Lane, lane_of
from ferryman.domain.signatures import SignatureFormatError, recover
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, Gas, Instant, hex_bytes
from ferryman.intents.kind import IntentKind
from ferryman.services.chains import ChainAccess
from ferryman.services.parcels import Parcel, Ready
from ferryman.services.simulating import with_headroom


def parcels_of(
    ready: Sequence[Ready],
    access: ChainAccess,
    *,
    kinds: Mapping[str, IntentKind],
    sender: Address,
    now: Instant,
) -> list[Parcel]:
    """Put intents into chain transactions: together where there are many, each alone where not.

    A batch is simulated as a whole as well: what it needs is more than the sum of its parts, since the
    contract keeps gas back for each. One that would not go through is taken apart again.

    Raises:
        ChainUnreachableError: as `Chain.simulate`.

    """
    settings = access.settings
    groups = _groups(ready, access, now) if settings.batch_size >= settings.batch_min <= len(ready) else []
    chunks = [chunk for group in groups for chunk in _chunks(group, settings.batch_size)]
    calls = {number: call for number, chunk in enumerate(chunks) if (call := _call(chunk, kinds, settings))}
    simulation = access.chain.simulate(list(calls.values()), sender=sender) if calls else None
    outcomes = dict(zip(calls, simulation.outcomes if simulation else (), strict=True))
    together: list[Parcel] = []
    for number, chunk in enumerate(chunks):
        gas = outcomes.get(number)
        if isinstance(gas, int) and gas <= settings.gas_limit_cap * len(chunk):
            together.append(Parcel(tuple(chunk), with_headroom(Gas(gas))))
    taken = {one.row.transaction_id for parcel in together for one in parcel.ready}
    return [*together, *(Parcel.of(one) for one in ready if one.row.transaction_id not in taken)]


def _groups(ready: Sequence[Ready], access: ChainAccess, now: Instant) -> list[list[Ready]]:
    """Group what may share a transaction: of a kind and a lane, and of known cost.

    A contract that vouches for a signature may burn gas when it is asked again, and one that was left out
    of a batch before may be left out again: both go alone.
    """
    groups: defaultdict[tuple[str, Lane], list[Ready]] = defaultdict(list)
    for one in ready:
        if Step.RETURNED.value not in one.row.reached and (one.row.assured or _is_by_key(one.row)):
            groups[one.row.kind, lane_of(one.row, access.settings, now)].append(one)
    return [group for group in groups.values() if len(group) >= access.settings.batch_min]


def _is_by_key(row: Transaction) -> bool:
    """Whether the sender's own key signed, though nothing is assured: its funds are not locked.

    The id is the digest that was signed.
    """
    try:
        signer = recover(hex_bytes(row.transaction_id), hex_bytes(str(row.payload["signature"])))
    except SignatureFormatError:
        return False
    return signer == row.sender


def _chunks(group: Sequence[Ready], most: int) -> list[Sequence[Ready]]:
    """Cut a group into as few parts as possible, of nearly the same size."""
    count = -(-len(group) // most)
    bounds = [len(group) * number // count for number in range(count + 1)]
    return [group[start:end] for start, end in pairwise(bounds)]


def _call(chunk: Sequence[Ready], kinds: Mapping[str, IntentKind], settings: ChainSettings) -> Call | None:
    return kinds[chunk[0].row.kind].to_batch_call([one.row.payload for one in chunk], settings)
