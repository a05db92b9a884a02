"""Which processes the local stack consists of, so that a later command can stop them by their ids."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from local.description import write_json
from local.paths import PROCESSES_FILE, STACK_FILE
from local.process import ChildProcess, end_group

_STOP_SECONDS = 30.0
_POLL_SECONDS = 0.1
# A zombie has ended and only waits for its parent to notice.
_ENDED = ("", "Z", "X")


@dataclass(frozen=True)
class KnownProcess:
    """A process as it was when it was written down."""

    name: str
    pid: int
    started_at: str
    """When the system says it started: a reused id has another start."""

    @classmethod
    def of(cls, name: str, pid: int) -> "KnownProcess":
        """Describe a running process."""
        return cls(name, pid, _start_of(pid))

    def is_running(self) -> bool:
        """Say whether this very process still runs."""
        return self.started_at != "" and _start_of(self.pid) == self.started_at


def write_down(children: list[ChildProcess]) -> None:
    """Record the stack's own process, which supervises, and its children."""
    _write(
        [
            KnownProcess.of("stack", os.getpid()),
            *(KnownProcess.of(each.name, each.pid) for each in children),
        ]
    )


def written_down() -> list[KnownProcess]:
    """Give the processes of the stack, its supervisor first, whether they still run or not."""
    if not PROCESSES_FILE.exists():
        return []
    return [KnownProcess(**each) for each in json.loads(PROCESSES_FILE.read_text())]


def leave_alone(process: KnownProcess) -> None:
    """Have the supervisor no longer mind whether a process runs."""
    _write([each for each in written_down() if each != process])


def take_over(child: ChildProcess) -> None:
    """Let a process that somebody else started end with the stack."""
    _write([*written_down(), KnownProcess.of(child.name, child.pid)])


def forget() -> None:
    """Remove the records of a stack that has ended."""
    STACK_FILE.unlink(missing_ok=True)
    PROCESSES_FILE.unlink(missing_ok=True)


def running_processes() -> list[KnownProcess]:
    """Find what still runs of the last stack, its supervisor first."""
    return [each for each in written_down() if each.is_running()]


def stop_taken_over() -> None:
    """Stop what others started for the stack of this process."""
    for process in running_processes():
        if process.pid != os.getpid():
            end_group(process.pid, signal.SIGTERM)
            _wait_for_end(process)


def stop_running() -> list[str]:
    """Stop what still runs of the last stack and return the names."""
    found = running_processes()
    for process in found:
        if not process.is_running():
            continue  # The supervisor, stopped first, stops its children.
        if process.name == "stack":
            os.kill(process.pid, signal.SIGTERM)
        else:
            end_group(process.pid, signal.SIGTERM)
        _wait_for_end(process)
    forget()
    return [process.name for process in found]


def _write(known: Sequence[KnownProcess]) -> None:
    write_json(PROCESSES_FILE, [asdict(each) for each in known])


def _wait_for_end(process: KnownProcess) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while process.is_running():
        if time.monotonic() > deadline:
            os.kill(process.pid, signal.SIGKILL)
            return
        time.sleep(_POLL_SECONDS)


def _start_of(pid: int) -> str:
    """Ask when a process started; nothing if it has ended."""
    process = Path("/proc", str(pid), "stat")
    return _start_in_proc(process) if Path("/proc/self/stat").exists() else _start_by_ps(pid)


def _start_in_proc(process: Path) -> str:
    try:
        # The name in parentheses may hold spaces; state and start time are the 3rd and the 22nd field.
        fields = process.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in _ENDED else fields[19]


def _start_by_ps(pid: int) -> str:
    asked = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = asked.stdout.strip().partition(" ")
    return "" if state[:1] in _ENDED else start
