"""Where the emulator unpacks functions: memory, while there is enough of it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from local import scratch
from local.scratch import fresh_scratch_folder, remove_scratch_folder, scratch_folder


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file system in memory, and a stack's state elsewhere."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(scratch, "_MEMORY", folder)
    monkeypatch.setattr(scratch, "STATE", tmp_path / "state")
    return folder


def free(monkeypatch: pytest.MonkeyPatch, gigabytes: int) -> None:
    """Have so much of it free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=gigabytes * 2**30))


def test_a_folder_that_has_filled_the_memory_is_still_the_one_in_use_and_is_removed(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty gigabytes would stay in memory, and an emulator that goes on would not find what it saved."""
    free(monkeypatch, 20)
    folder = fresh_scratch_folder()
    free(monkeypatch, 1)

    in_use = scratch_folder()
    remove_scratch_folder()

    assert in_use == folder
    assert not list(memory.iterdir())


def test_without_plenty_of_memory_functions_are_unpacked_on_disk(
    memory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every worker unpacks all layers: fifty megabytes."""
    free(monkeypatch, 1)

    folder = fresh_scratch_folder()

    assert folder == tmp_path / "state" / "ministack"
    assert folder.is_dir()
    assert not list(memory.iterdir())


def test_a_folder_on_disk_stays_the_one_in_use_when_there_is_plenty_of_memory_again(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emulator that goes on finds what it saved."""
    free(monkeypatch, 1)
    folder = fresh_scratch_folder()
    free(monkeypatch, 20)

    assert scratch_folder() == folder
    assert memory not in folder.parents
