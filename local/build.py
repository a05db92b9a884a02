"""Build the template as `sam build` does, then drop what no function runs and add bytecode.

`python -m local.build` builds a release for AWS; the local stack builds for the interpreter at hand, and
only when a source has changed.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from local.errors import LocalStackError, last_lines
from local.paths import BUILD, FUNCTIONS, LAYERS, LOGS, ROOT, TEMPLATE

LOCAL_RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
AWS_RUNTIME = "python3.13"
_FINGERPRINT = BUILD.parent / "build.sha256"
_BUILT_LAYERS = (BUILD / "DependenciesLayer" / "python", BUILD / "FerrymanLayer" / "python")
_PACKAGES = (*_BUILT_LAYERS, BUILD / "SigninFunction")
"""Folders with third-party code; the other functions are a file each."""
_UNUSED_FOLDERS = frozenset({"tests", "SelfTest", "docs"})
_UNUSED_SUFFIXES = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})


def build(runtime: str) -> bool:
    """Build for a Lambda runtime unless the last build had the same sources; True if it had to."""
    fingerprint = _fingerprint(runtime)
    if BUILD.joinpath("template.yaml").exists() and _last_fingerprint() == fingerprint:
        return False
    # Removed first: a build that fails halfway must not count as done.
    _FINGERPRINT.unlink(missing_ok=True)
    run_tool("sam", "build", "--cached", "--parallel", "--parameter-overrides", f"PythonRuntime={runtime}")
    for folder in _PACKAGES:
        _prune(folder)
    _compile(runtime)
    _FINGERPRINT.write_text(fingerprint)
    return True


def run_tool(
    name: str, *arguments: str, log_name: str = "", environment: Mapping[str, str] | None = None
) -> None:
    """Run one of the tools installed beside this interpreter, with its output in `.local/logs/`.

    Raises:
        LocalStackError: it failed; the message has the end of its output.

    """
    LOGS.mkdir(parents=True, exist_ok=True)
    shown = log_name or f"{name} {arguments[0]}"
    log = LOGS / f"{shown.replace(' ', '-')}.log"
    with log.open("wb") as output:
        ended = subprocess.run(
            [name, *arguments],
            cwd=ROOT,
            env=tool_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if ended.returncode != 0:
        raise LocalStackError(f"{shown} failed; the end of {log} says:\n{last_lines(log)}")


def tool_environment() -> dict[str, str]:
    """Our environment with this interpreter's tools first; sam looks for `python3.x` on PATH too."""
    own_tools = str(Path(sys.executable).parent)
    path = os.pathsep.join([own_tools, os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}


def mark_release(template: Path, name: str) -> None:
    """Write a release into a built template, as a tag of every function.

    SAM publishes a version when a property of a function changes, or a layer, but not when only the value
    of a template parameter does: without this a new `Chains` alone would never reach the alias `live`.

    Raises:
        LocalStackError: the template has no place for it.

    """
    text = template.read_text()
    marked, count = re.subn(r"^( +release: ).*$", rf"\g<1>{name}", text, flags=re.MULTILINE)
    if count == 0:
        raise LocalStackError(f"{template} has no tag `release`")
    template.write_text(marked)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.build", description=__doc__)
    parser.add_argument("--runtime", default=AWS_RUNTIME, help=f"Lambda runtime (default {AWS_RUNTIME})")
    release = f"{datetime.now(UTC):%Y-%m-%dT%H.%M.%SZ}"
    try:
        was_needed = build(parser.parse_args().runtime)
        mark_release(BUILD / "template.yaml", release)
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{'built' if was_needed else 'unchanged:'} {BUILD.relative_to(ROOT)}, release {release}")
    return 0


def _compile(runtime: str) -> None:
    # Lambda mounts code read-only, so what is not compiled here is compiled again at every cold start.
    folders = map(str, _PACKAGES)
    options = ("-q", "--invalidation-mode", "unchecked-hash")
    run_tool(runtime, "-m", "compileall", *options, *folders, log_name="compileall")


def _prune(folder: Path) -> None:
    """Remove packages' own tests, type stubs and C sources: a cold start unpacks every file."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and path.name in _UNUSED_FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in _UNUSED_SUFFIXES:
            path.unlink()


def _fingerprint(runtime: str) -> str:
    digest = hashlib.sha256(runtime.encode())
    for path in _sources():
        digest.update(str(path.relative_to(ROOT)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield TEMPLATE
    for folder in (FUNCTIONS, LAYERS):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not _is_metadata(path):
                yield path


def _is_metadata(path: Path) -> bool:
    return any(part.endswith(".egg-info") for part in path.parts)


def _last_fingerprint() -> str:
    return _FINGERPRINT.read_text() if _FINGERPRINT.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
