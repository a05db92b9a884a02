"""`.local/stack.json`: what others need to know of the running stack, there only while it runs."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from eth_typing import ChecksumAddress

from local.errors import LocalStackError
from local.paths import STACK_FILE


@dataclass(frozen=True, kw_only=True)
class ChainDescription:
    """A chain with the contracts on it."""

    chain_id: int
    rpc_url: str
    block_time_ms: int
    contracts: dict[str, ChecksumAddress]
    """Name of each contract and its address."""


@dataclass(frozen=True, kw_only=True)
class StackDescription:
    """Addresses of everything that a client, a test or a benchmark talks to."""

    api_url: str
    websocket_url: str
    chain_id: int
    """Of the first chain, as its address and contracts here are."""
    rpc_url: str
    aws_endpoint_url: str
    stack_name: str
    contracts: dict[str, ChecksumAddress]
    """Name of each contract and its address."""
    chains: list[ChainDescription]
    """All chains, the first one included."""
    wallets: list[ChecksumAddress]
    """The relayers."""
    treasury: ChecksumAddress
    """Tops the relayers up when they are low."""
    accounts: list[ChecksumAddress]
    """Funded test accounts, in the order of the public development keys."""
    reader_key: str
    """An API key that may read every sender's lists; it opens nothing but this stack."""
    service_key: str
    """One of a seller whom this stack's operator knows."""

    @classmethod
    def parse(cls, text: str) -> "StackDescription":
        """Read a description as it was written."""
        members = json.loads(text)
        chains = [ChainDescription(**one) for one in members.pop("chains")]
        return cls(**members, chains=chains)

    def by_chain(self) -> list["StackDescription"]:
        """Give the description as each chain's payers see it: with that chain's address and contracts."""
        return [
            replace(self, chain_id=one.chain_id, rpc_url=one.rpc_url, contracts=one.contracts)
            for one in self.chains
        ]

    def write(self) -> None:
        """Publish the description at once: a reader never sees half of it."""
        write_json(STACK_FILE, asdict(self))

    @classmethod
    def read(cls) -> "StackDescription":
        """Read the running stack's description.

        Raises:
            LocalStackError: no stack is running.

        """
        try:
            return cls.parse(STACK_FILE.read_text())
        except FileNotFoundError:
            raise LocalStackError("no local stack is running; `make up` starts one") from None


def write_json(path: Path, content: object) -> None:
    """Replace a JSON file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=2) + "\n")
    unfinished.replace(path)
