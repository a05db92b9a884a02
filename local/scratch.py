"""Where the emulator unpacks functions: memory if there is plenty, since every worker unpacks all layers."""

import hashlib
import shutil
from pathlib import Path

from local.paths import STATE

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of this project's own is made in it
_PLENTY_BYTES = 4 * 2**30


def scratch_folder() -> Path:
    """Give the folder in use, or choose one: the same each time for one stack's state."""
    in_memory = _MEMORY / f"ferryman-{hashlib.sha256(str(STATE).encode()).hexdigest()[:12]}"
    # What is in use stays in use, though it may have filled the memory itself.
    if in_memory.is_dir():
        return in_memory
    has_plenty = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _PLENTY_BYTES
    return in_memory if has_plenty else STATE / "ministack"


def fresh_scratch_folder() -> Path:
    """Make the folder, empty."""
    remove_scratch_folder()
    folder = scratch_folder()
    folder.mkdir(parents=True)
    return folder


def remove_scratch_folder() -> None:
    """Remove the folder and what is in it."""
    shutil.rmtree(scratch_folder(), ignore_errors=True)
