"""What every way to do things side by side must do, in threads or one after the other."""

from collections.abc import Callable
from functools import partial

import pytest

from ferryman.adapters.workers import ThreadWorkers
from ferryman.ports import Workers
from tests.fakes.workers import OneByOne


@pytest.fixture(params=["threads", "memory"])
def workers(request: pytest.FixtureRequest) -> Workers:
    """Give workers of each sort."""
    return ThreadWorkers(3) if request.param == "threads" else OneByOne()


def failing(error: Exception) -> None:
    """Fail."""
    raise error


def test_each_queue_is_worked_off_in_its_order(workers: Workers) -> None:
    """More queues than there are hands."""
    done: list[tuple[int, int]] = []
    tasks = [(queue, number) for queue in range(10) for number in range(5)]

    def queue_of(queue: int) -> list[Callable[[], None]]:
        return [partial(done.append, task) for task in tasks if task[0] == queue]

    workers.work_off([queue_of(queue) for queue in range(10)])

    assert sorted(done) == tasks
    assert all([number for of, number in done if of == queue] == [0, 1, 2, 3, 4] for queue in range(10))


def test_an_error_ends_its_own_queue_and_is_raised_when_the_others_are_done(workers: Workers) -> None:
    """What was written of others stays written."""
    done: list[str] = []
    bad = [partial(failing, ValueError("first")), partial(done.append, "never")]
    worse = [partial(failing, KeyError("second"))]

    with pytest.raises(ValueError, match="first"):
        workers.work_off([[partial(done.append, "a")], bad, worse, [partial(done.append, "b")]])

    assert sorted(done) == ["a", "b"]


def test_nothing_to_do_is_done(workers: Workers) -> None:
    """Neither no queue nor an empty one is an error, nor does it keep what is beside it from being done."""
    done: list[str] = []

    workers.work_off([])
    workers.work_off([[]])
    workers.work_off([[], [partial(done.append, "a")], []])

    assert done == ["a"]
