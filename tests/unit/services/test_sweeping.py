"""The sweep: who is hinted, and who has been already."""

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
