"""Servers that tests start: on a free port of 127.0.0.1, and stopped by their process id."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 5.0


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    is_ready: Callable[[], bool],
    log: Path,
) -> Iterator[None]:
    """Run a server for as long as the context lasts."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + _READY_SECONDS
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                msg = (
                    f"{command[0]} is not ready: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
                )
                raise RuntimeError(msg)
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
