"""Workers: threads, which wait for DynamoDB at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from ferryman.ports import Workers

_Queue = Sequence[Callable[[], None]]


class ThreadWorkers(Workers):
    """The Workers port; its threads live no longer than what they do.

    Args:
        most: threads at the same time. More than a client keeps connections wait for one another.

    """

    def __init__(self, most: int) -> None:
        self._most = most

    def work_off(self, queues: Sequence[_Queue]) -> None:
        """Give each queue to a thread."""
        if not queues:
            return
        with ThreadPoolExecutor(min(self._most, len(queues))) as threads:
            worked_off = [threads.submit(_do, queue) for queue in queues]
        for one in worked_off:
            one.result()


def _do(queue: _Queue) -> None:
    for task in queue:
        task()
