"""Pin the Python packages: `python -m local.lock` writes the lock files, `--check` only compares.

`local/requirements.txt` holds everything a developer needs, with hashes, for `pip install --no-deps`.
`layers/dependencies/requirements.txt` holds what the functions need, at the same versions; boto3 stays out
of it because the Lambda runtime has it. `functions/signin/requirements.txt` holds what that one function
needs besides: its library asks for web3 7 while the tools have web3 8, so it is resolved by itself, and what
a developer has not yet of it is pinned at the end of the first file.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.paths import FUNCTIONS, LAYERS, ROOT

PYPROJECT = ROOT / "pyproject.toml"
DEVELOPMENT_LOCK = ROOT / "local" / "requirements.txt"
LAYER_LOCK = LAYERS / "dependencies" / "requirements.txt"
SIGNIN_LOCK = FUNCTIONS / "signin" / "requirements.txt"
SIGNIN_EXTRA = "signin"
IN_THE_RUNTIME = frozenset({"boto3"})
NEVER_IN_THE_LAYER = frozenset({"boto3", "botocore", "s3transfer", "web3", "eth-account"})

_DEVELOPMENT_HEADER = """\
# Everything a developer needs, pinned from pyproject.toml by `make lock`.
# Install with `pip install --no-deps --require-hashes -r`.
"""
_LAYER_HEADER = """\
# What the functions need, pinned from pyproject.toml by `make lock`.
# boto3 is not here: the Lambda runtime has it. Nor are web3 and eth-account: only tests and tools use them.
"""
_SIGNIN_HEADER = """\
# What signin needs, pinned from pyproject.toml by `make lock`; packages of the layer are at its versions.
"""
_APART_HEADER = """
# What signin needs besides, resolved by itself: its library is declared for web3 7, and runs with the above.
"""
# The project's files name no registry: whoever installs uses the one they have configured.
_PIP_COMPILE = (
    "piptools",
    "compile",
    "--quiet",
    "--strip-extras",
    "--allow-unsafe",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--no-emit-find-links",
    "--no-emit-options",
)


def layer_requirements() -> list[Requirement]:
    """Read what the layer must hold: the project's dependencies without what the runtime brings."""
    return [each for each in _project_requirements() if canonicalize_name(each.name) not in IN_THE_RUNTIME]


def development_requirements() -> list[Requirement]:
    """Read the project's dependencies and its extras, but for signin's and for references to itself."""
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    extras = project["optional-dependencies"].items()
    lines = [line for name, lines in extras if name != SIGNIN_EXTRA for line in lines]
    wanted = [Requirement(line) for line in lines]
    return _project_requirements() + [each for each in wanted if each.name != project["name"]]


def signin_requirements() -> list[Requirement]:
    """Read what signin needs besides the layer."""
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    return [Requirement(line) for line in extras[SIGNIN_EXTRA]]


def pinned_versions(lock: Path) -> dict[str, str]:
    """Read `name==version` lines; hashes and comments are skipped."""
    lines = (line.removesuffix("\\").strip() for line in lock.read_text().splitlines())
    pins = (Requirement(line) for line in lines if "==" in line and not line.startswith(("#", "--")))
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in pins}


def disagreements() -> list[str]:
    """Compare the locks with pyproject.toml and with each other; an empty list means they agree."""
    layer, development = pinned_versions(LAYER_LOCK), pinned_versions(DEVELOPMENT_LOCK)
    signin = pinned_versions(SIGNIN_LOCK)
    return [
        *_unmet(layer_requirements(), layer, LAYER_LOCK),
        *_unmet(development_requirements(), development, DEVELOPMENT_LOCK),
        *_unmet(signin_requirements(), signin, SIGNIN_LOCK),
        *_unmet(signin_requirements(), development, DEVELOPMENT_LOCK),
        *(f"{name} is not there for developers" for name in sorted(signin.keys() - development.keys())),
        *(
            f"{name} is {version} in the layer but {signin[name]} in signin"
            for name, version in layer.items()
            if signin.get(name, version) != version
        ),
        *(f"{name} does not belong in the layer" for name in sorted(NEVER_IN_THE_LAYER & layer.keys())),
        *(
            f"{name} is {version} in the layer but {development.get(name)} for developers"
            for name, version in layer.items()
            if development.get(name) != version
        ),
    ]


def write_locks() -> None:
    """Resolve pyproject.toml anew and write the lock files."""
    development = _compiled(development_requirements(), "--generate-hashes")
    DEVELOPMENT_LOCK.write_text(_DEVELOPMENT_HEADER + development)
    layer = _compiled(layer_requirements(), "--constraint", str(DEVELOPMENT_LOCK))
    LAYER_LOCK.write_text(_LAYER_HEADER + layer)
    signin = _pins(_compiled(signin_requirements(), "--constraint", str(LAYER_LOCK), "--generate-hashes"))
    SIGNIN_LOCK.write_text(_SIGNIN_HEADER + "".join(pin.split()[0] + "\n" for pin in signin.values()))
    there = pinned_versions(DEVELOPMENT_LOCK)
    apart = "".join(pin for name, pin in signin.items() if name not in there)
    DEVELOPMENT_LOCK.write_text(_DEVELOPMENT_HEADER + development + _APART_HEADER + apart)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m local.lock", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a lock is out of date")
    if not parser.parse_args().check:
        write_locks()
    problems = disagreements()
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _project_requirements() -> list[Requirement]:
    return [Requirement(line) for line in tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"]]


def _unmet(requirements: Iterable[Requirement], pins: dict[str, str], lock: Path) -> list[str]:
    pinned = ((requirement, pins.get(canonicalize_name(requirement.name))) for requirement in requirements)
    return [
        f"{lock.relative_to(ROOT)}: {requirement} is not met by {version}"
        for requirement, version in pinned
        if version is None or version not in requirement.specifier
    ]


def _pins(lock: str) -> dict[str, str]:
    """Take a lock with hashes apart: package -> its lines."""
    pins = re.split(r"^(?=\S)", lock, flags=re.MULTILINE)
    return {canonicalize_name(pin.partition("==")[0]): pin for pin in pins if "==" in pin}


def _compiled(requirements: Iterable[Requirement], *options: str) -> str:
    command = [sys.executable, "-m", *_PIP_COMPILE, *options, "--output-file", "-", "-"]
    source = "\n".join(str(each) for each in requirements)
    return subprocess.run(command, input=source, text=True, check=True, stdout=subprocess.PIPE).stdout


if __name__ == "__main__":
    sys.exit(main())
