"""A child process of the local stack: its log, its start, and its end by process id."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from local.errors import NotReadyError, ProcessEndedError
from local.paths import LOGS

_STOP_SECONDS = 2.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class ChildProcess:
    """A running child in a process group of its own, so that its own children end with it."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, name: str, command: Sequence[str | Path], environment: Mapping[str, str]) -> Self:
        """Start `command` with its output in `.local/logs/<name>.log`."""
        LOGS.mkdir(parents=True, exist_ok=True)
        log = LOGS / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches the stack only, which then stops its children in order.
                start_new_session=True,
            )
        return cls(name, popen, log)

    @property
    def pid(self) -> int:
        """The process id, which is the id of its group too."""
        return self.popen.pid

    def wait_until(self, is_ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Wait until `is_ready` says so.

        Raises:
            ProcessEndedError: the process ended first.
            NotReadyError: it took longer than `timeout_seconds`.

        """
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise NotReadyError(self.name, timeout_seconds, self.log)
            time.sleep(_POLL_SECONDS)

    def check(self) -> None:
        """Make sure that the process still runs.

        Raises:
            ProcessEndedError: it does not.

        """
        if self.popen.poll() is not None:
            raise ProcessEndedError(self.name, self.log)

    def stop(self) -> None:
        """End the process and whatever it started."""
        end_group(self.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):  # Then SIGKILL it is.
            self.popen.wait(_STOP_SECONDS)
        end_group(self.pid, signal.SIGKILL)
        self.popen.wait()


def end_group(process_id: int, signal_number: int) -> bool:
    """Send a signal to a process group; False if nobody is left in it."""
    try:
        os.killpg(process_id, signal_number)
    except ProcessLookupError:
        return False
    return True
