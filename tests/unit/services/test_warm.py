"""A function's process lives on between its runs: it must not keep what it has done."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from ferryman.domain.units import Milliseconds
from tests.fakes.settled import MemoryWorld, memory_world


def kept_by(thing: Any, seen: set[int]) -> int:  # noqa: ANN401 (whatever services are made of)
    """Count the members of all containers that a service holds, however deep; not what fakes hold."""
    if id(thing) in seen or isinstance(thing, str | bytes | int | float):
        return 0
    seen.add(id(thing))
    if isinstance(thing, Mapping):
        return len(thing) + sum(kept_by(one, seen) for pair in thing.items() for one in pair)
    if isinstance(thing, list | tuple | AbstractSet):
        return len(thing) + sum(kept_by(one, seen) for one in thing)
    if not type(thing).__module__.startswith("ferryman."):
        return 0
    return sum(kept_by(one, seen) for one in _fields_of(thing))


def _fields_of(thing: Any) -> Iterator[Any]:  # noqa: ANN401 (any object)
    yield from vars(thing).values() if hasattr(thing, "__dict__") else ()
    for kind in type(thing).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield getattr(thing, name)


def kept(memory: MemoryWorld) -> int:
    """Count what the processes of all functions on a payment's way keep."""
    world, seen = memory.world, set[int]()
    services = (world.ingest, world.submit, world.confirm, world.watch, world.gauging, world.deadletter)
    return sum(kept_by(service, seen) for service in services)


def lived(memory: MemoryWorld) -> None:
    """Pay 21 times, in batches and alone, and follow it to the end."""
    for number in range(21):
        payer = memory.payers[number % len(memory.payers)]
        memory.world.post(payer.pay(1, deadline=memory.deadline()))
        if number % 7 == 0:
            memory.world.settle()
    memory.world.settle()
    memory.world.watch_once()
    memory.world.gauge()
    memory.clock.sleep(Milliseconds(60_000))


def test_a_warm_process_keeps_nothing_of_the_payments_that_went_through_it() -> None:
    """What it remembers is of chains, contracts and wallets: once that is known, it grows no more."""
    memory = memory_world(payers=5, batch_min=2, wallets=1)
    lived(memory)
    lived(memory)
    before = kept(memory)

    lived(memory)
    lived(memory)

    assert len(memory.world.rows()) == 84
    assert 0 < before == kept(memory)
