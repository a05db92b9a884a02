"""The sweep: who is hinted, and who has been already."""

from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.units import Milliseconds, TransactionId
from ferryman.ports import TransactionHint
from ferryman.services.sweeping import SENT_AHEAD_MS
from tests.fakes.settled import MemoryWorld, memory_world


def hinted(memory: MemoryWorld, *, freed: int) -> list[TransactionId]:
    """Sweep once, and give whom the new messages name; nobody takes them."""
    before = set(memory.world.queue.everything())
    memory.world.sweep(freed=freed)
    sent = [hint for hint in memory.world.queue.everything() if hint not in before]
    return [hint.transaction_id for hint in sent if isinstance(hint, TransactionHint)]


def test_what_was_hinted_and_not_taken_yet_is_not_hinted_again_for_a_freed_nonce() -> None:
    """When submit is slow, each freed nonce would only make its queue longer."""
    memory = memory_world()
    names = {
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline())).transaction.transaction_id
        for _ in "12"
    }
    memory.world.queue.lose()
    memory.clock.sleep(Milliseconds(11_000))

    first = hinted(memory, freed=0)
    again = [hinted(memory, freed=5) for _ in range(3)]
    memory.clock.sleep(Milliseconds(SENT_AHEAD_MS))
    late = hinted(memory, freed=0)

    assert set(first) == set(late) == names
    assert again == [[], [], []]


def test_what_waits_for_a_nonce_is_hinted_as_soon_as_one_is_free() -> None:
    """It need not wait for its time, which is there in case that no nonce is freed."""
    memory = memory_world(wallets=1, window=1, batch_size=0)
    memory.chain.is_mining = False
    for _ in range(3):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
    while memory.world.deliver():
        pass

    assert hinted(memory, freed=0) == []
    assert len(hinted(memory, freed=1)) == 1


def test_a_free_nonce_brings_on_as_many_as_share_a_transaction() -> None:
    """With a hint for each nonce most of a backlog would wait for a block more."""
    memory = memory_world(wallets=1, window=1, batch_size=8)
    memory.chain.is_mining = False
    for _ in range(11):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
        while memory.world.deliver():
            pass

    assert len(hinted(memory, freed=1)) == 8


def test_a_free_nonce_brings_on_nothing_that_does_not_wait_for_one() -> None:
    """What was just accepted has its message, and what is paused is not asked about at each block."""
    memory = memory_world(batch_size=0)
    pause = Pause(scope=Scope(), by="an operator", note="upgrade", since=memory.clock.now())
    DynamoPauses(memory.world.tables).put(pause)
    for is_taken in (True, False):
        memory.world.post(memory.payers[0].pay(1, deadline=memory.deadline()))
        while is_taken and memory.world.deliver():
            pass

    assert hinted(memory, freed=9) == []
