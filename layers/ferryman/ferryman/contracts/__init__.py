"""Our contracts as the package needs them: ABI and bytecode, exported by `make artifacts`."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """What is needed to deploy a contract and to talk to it."""

    contract_name: str
    abi: list[dict[str, Any]]
    """The contract's functions, events and errors, as in the Solidity ABI's JSON form."""
    bytecode: str
    """Creation code as 0x-prefixed hex; the encoded constructor arguments are appended to it."""


@cache
def load(name: str) -> Artifact:
    """Load the artifact of the contract called `name`.

    Raises:
        FileNotFoundError: no contract of that name is exported.

    """
    return artifact_of(files(__name__).joinpath(f"{name}.json").read_text(encoding="utf-8"))


def artifact_of(text: str) -> Artifact:
    """Read an exported artifact."""
    exported = json.loads(text)
    return Artifact(
        contract_name=exported["contractName"],
        abi=exported["abi"],
        bytecode=exported["bytecode"],
    )
