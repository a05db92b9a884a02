"""The flood's queue: it serves several consumers as SQS does."""

from ferryman.domain.units import Address, ChainId, TransactionId
from ferryman.ports import Hint, TransactionHint
from local.bench.fifo import FifoQueue
from tests.fakes.queue import MOST_RECEIVES


def hint(number: int, sender: str) -> Hint:
    """Name the transaction of a sender."""
    name = TransactionId(f"0x{number:064x}")
    return TransactionHint(transaction_id=name, chain_id=ChainId(1), sender=Address(sender), version=1)


def test_a_group_is_one_consumers_until_it_settles() -> None:
    """Two processes never have messages of one sender in hand, and what they do not have goes on."""
    queue = FifoQueue()
    queue.send([hint(1, "0xA"), hint(2, "0xB")])
    first = queue.receive()
    queue.send([hint(3, "0xA"), hint(4, "0xC")])

    second = queue.receive()
    queue.settle(first, ())
    third = queue.receive()

    assert first == [hint(1, "0xA"), hint(2, "0xB")]
    assert second == [hint(4, "0xC")]
    assert third == [hint(3, "0xA")]


def test_what_failed_comes_again_until_it_is_given_up() -> None:
    """A message that nobody can handle ends among the dead, and not among those that were handled."""
    queue = FifoQueue()
    queue.send([hint(1, "0xA")])

    for _ in range(MOST_RECEIVES):
        received = queue.receive()
        queue.settle(received, received)

    assert received != [hint(1, "0xA")], "it does not say that it comes again"
    assert queue.dead == [hint(1, "0xA")]
    assert len(queue) == 0
