"""Real servers, each started once and stopped at the end."""

from collections.abc import Iterator
from typing import Final

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.support.anvil import Node, anvil
from tests.support.ministack import ministack
from tests.support.payments import PAYER

WALLET: Final[LocalAccount] = Account.from_key("0x" + "77" * 32)
"""A relayer wallet with gas money and the relayer role."""


@pytest.fixture(scope="session")
def chain_with_funds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Run anvil with a funded payer and a relayer wallet."""
    with anvil(tmp_path_factory.mktemp("anvil") / "anvil.log") as node:
        node.lock(PAYER)
        node.allow(WALLET.address)
        yield node


@pytest.fixture
def node(chain_with_funds: Node) -> Iterator[Node]:
    """Give the chain; what a test does to it is undone."""
    with chain_with_funds.rewound():
        yield chain_with_funds


@pytest.fixture
def wallet() -> LocalAccount:
    """Give the relayer wallet."""
    return WALLET


@pytest.fixture(scope="session")
def aws_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run MiniStack."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url
