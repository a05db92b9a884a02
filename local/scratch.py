"""Where the emulator unpacks functions: memory if there is plenty, since every worker unpacks all layers."""

import hashlib
import shutil
from pathlib import Path

from local.paths import STATE

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of this project's own is made in it
_PLENTY_BYTES = 4 * 2**30


def scratch_folder() -> Path:
    """Give the folder of one stack's state: the one that there is, or else where there is room for it now."""
    in_memory, on_disk = _folders()
    if in_memory.exists():
        return in_memory
    if not on_disk.exists() and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _PLENTY_BYTES:
        return in_memory
    return on_disk


def fresh_scratch_folder() -> Path:
    """Make the folder, empty."""
    remove_scratch_folder()
    folder = scratch_folder()
    folder.mkdir(parents=True)
    return folder


def remove_scratch_folder() -> None:
    """Remove the folder and what is in it, wherever it was made: memory is everybody's."""
    for folder in _folders():
        shutil.rmtree(folder, ignore_errors=True)


def _folders() -> tuple[Path, Path]:
    """In memory, and on disk."""
    name = f"ferryman-{hashlib.sha256(str(STATE).encode()).hexdigest()[:12]}"
    return _MEMORY / name, STATE / "ministack"
