"""What was measured on: without it a number means nothing."""

import datetime as dt
import os
import platform
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from local.bench.report import ResultTable
from local.paths import ROOT
from local.progress import console

_PACKAGES = ("ministack", "boto3", "pydantic", "urllib3", "coincurve", "eth-abi", "aws-lambda-powertools")
_QUIET_LOAD = 1.0


def warn_if_busy() -> None:
    """Say so if others work on this machine: then every number is too high."""
    load = os.getloadavg()[0]
    if load > _QUIET_LOAD:
        console.print(f"The machine is busy (load {load:.1f}): measure again when it is not.", style="yellow")


def machine_table(command: str, load_before: float) -> ResultTable:
    """Describe machine, versions, moment and command."""
    rows = (
        ("Command", f"`{command}`"),
        ("Date", dt.datetime.now(tz=dt.UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Commit", _commit()),
        ("Machine", f"{os.cpu_count()} x {_processor()}, {_memory_gigabytes():.0f} GB"),
        ("System", f"{platform.system()} {platform.release()}, Python {platform.python_version()}"),
        ("Versions", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        ("Load before, after", f"{load_before:.2f}, {os.getloadavg()[0]:.2f}"),
    )
    return ResultTable("Measured on", ("", ""), rows)


def _commit() -> str:
    name = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "layers", "functions", "template.yaml", "local")
    return f"{name}, with changes not committed" if changed else name


def _git(*arguments: str) -> str:
    asked = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _processor() -> str:
    return next(_field(Path("/proc/cpuinfo"), "model name"), platform.processor() or platform.machine())


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _field(path: Path, name: str) -> Iterator[str]:
    if path.exists():
        for line in path.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == name:
                yield value.strip()
