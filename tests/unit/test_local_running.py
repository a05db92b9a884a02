"""What the local stack writes down of its processes, and what of them an outage may replace."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import running
from local.process import ChildProcess
from local.running import leave_alone, running_processes, stop_taken_over, take_over, write_down

Started = Callable[[str], ChildProcess]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Started]:
    """Start children of a stack that keeps its files in a folder of its own."""
    monkeypatch.setattr(running, "PROCESSES_FILE", tmp_path / "processes.json")
    children: list[ChildProcess] = []

    def started(name: str) -> ChildProcess:
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        popen = subprocess.Popen(command, start_new_session=True)
        children.append(ChildProcess(name, popen, tmp_path / "log"))
        return children[-1]

    yield started
    for child in children:
        child.stop()


def test_what_an_outage_replaces_is_written_down_in_the_place_of_what_it_ended(start: Started) -> None:
    """So that `make down` finds it, and the supervisor minds it no more."""
    first, second = start("anvil"), start("anvil")
    write_down([first])

    leave_alone(running_processes()[1])
    take_over(second)

    assert [process.pid for process in running_processes()] == [os.getpid(), second.pid]


def test_what_was_taken_over_ends_with_the_stack(start: Started) -> None:
    """The supervisor stops its own children, and then whatever else is written down; not itself."""
    write_down([])
    child = start("ministack")
    take_over(child)

    stop_taken_over()

    assert child.popen.wait(5) < 0
    assert [process.pid for process in running_processes()] == [os.getpid()]
