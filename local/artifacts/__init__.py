"""Contracts that only local chains have, exported by `make artifacts`, beside those of the package."""

from functools import cache
from pathlib import Path

import ferryman.contracts
from ferryman.contracts import Artifact, artifact_of

_DIRECTORY = Path(__file__).parent


@cache
def load(name: str) -> Artifact:
    """Load the artifact of the contract called `name`, from here or from the package.

    Raises:
        FileNotFoundError: no contract of that name is exported.

    """
    path = _DIRECTORY / f"{name}.json"
    if not path.exists():
        return ferryman.contracts.load(name)
    return artifact_of(path.read_text(encoding="utf-8"))
