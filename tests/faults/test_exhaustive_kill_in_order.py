"""Invariants 1 to 5 for what is taken in order: wherever a process dies, each message still has its turn."""

from typing import Final

from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.transaction import Status
from tests.fakes.settled import MemoryWorld, memory_world
from tests.faults.interruptions import Interruption, call_named, noted
from tests.faults.messages import Message
from tests.faults.scenarios import live
from tests.support.forward_requests import forwarder_settings, signed_forward_request
from tests.support.payments import PAYER

FORWARDER: Final = forwarder_settings().forwarder
REQUESTS: Final = 2


def laid_out(interruption: Interruption) -> tuple[MemoryWorld, list[Message]]:
    """Build a world with two wallets, and sign requests whose order matters."""
    assert isinstance(FORWARDER, ForwarderSettings)
    memory = memory_world(wrap=interruption.wrap, forwarder=FORWARDER)
    deadline = memory.deadline()
    bodies = [signed_forward_request(nonce=nonce, deadline=deadline) for nonce in range(REQUESTS)]
    key = PAYER.address.lower()
    requests = [Message("forward-request", body, (key, nonce), 0) for nonce, body in enumerate(bodies)]
    return memory, requests


def check(memory: MemoryWorld) -> None:
    """Each was mined once, in order; none was sent before its turn, so none reverted."""
    rows = sorted(memory.world.rows(), key=lambda row: int(row.payload["nonce"]))
    assert [row.status for row in rows] == [Status.CONFIRMED] * REQUESTS
    assert list(memory.chain.state.forwarder.nonces.values()) == [REQUESTS]
    assert memory.chain.reverted == []
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
    memory.world.check_nonces()


def test_each_has_its_turn_and_none_is_sent_too_early_whichever_port_call_a_process_dies_at() -> None:
    """Every call of ingest, submit and confirm; before or after it, messages kept or lost, by turns."""
    counter = Interruption()
    memory, requests = laid_out(counter)
    live(memory.world, memory.clock, requests)
    check(memory)

    assert "wallets.bind" in counter.calls
    for at in range(1, len(counter.calls) + 1):
        after = bool(at % 2)
        memory, requests = laid_out(Interruption(at, after=after))
        with noted(f"died {call_named(counter.calls, at, after=after)}"):
            live(memory.world, memory.clock, requests, messages_die=at % 4 > 1)
            check(memory)
