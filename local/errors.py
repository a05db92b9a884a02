"""What the local tools raise."""

from pathlib import Path


class LocalStackError(Exception):
    """The local stack cannot start, is not there, or did not answer; the message says what to do."""


class ProcessEndedError(LocalStackError):
    """A process of the local stack ended by itself.

    Attributes:
        name: which process.
        log: where its output is.

    """

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        super().__init__(f"{name} ended; the end of {log} says:\n{last_lines(log)}")


class NotReadyError(LocalStackError):
    """A process runs but did not answer in time.

    Attributes:
        name: which process.
        waited_seconds: how long it was waited for.
        log: where its output is.

    """

    def __init__(self, name: str, waited_seconds: float, log: Path) -> None:
        self.name = name
        self.waited_seconds = waited_seconds
        self.log = log
        super().__init__(f"{name} is not ready after {waited_seconds:.0f} s; {log} says:\n{last_lines(log)}")


def last_lines(log: Path, *, count: int = 15) -> str:
    """Read the end of a log, as far as there is one."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
