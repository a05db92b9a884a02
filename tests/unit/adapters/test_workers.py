"""Threads: as many at once as were allowed."""

import threading
import time

from ferryman.adapters.workers import ThreadWorkers

_LONGEST_SECONDS = 10.0


def test_queues_are_worked_off_at_the_same_time() -> None:
    """Each waits for the others: one after the other they would wait for ever."""
    together = threading.Barrier(3)

    def meet() -> None:
        together.wait(_LONGEST_SECONDS)

    ThreadWorkers(3).work_off([[meet]] * 3)

    assert not together.broken


def test_no_more_threads_are_used_than_were_allowed() -> None:
    """They would only wait for a connection."""
    turn, at_once, most = threading.Lock(), 0, 0

    def work() -> None:
        nonlocal at_once, most
        with turn:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.002)
        with turn:
            at_once -= 1

    ThreadWorkers(2).work_off([[work]] * 8)

    assert most == 2
