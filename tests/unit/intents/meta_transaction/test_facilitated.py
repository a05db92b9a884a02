"""What CroGas' clients read: the requirement's own shape, of whatever became of the record."""

from typing import Any, Final

import pytest

from ferryman.domain.chain import ChainSettings
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address
from ferryman.intents.meta_transaction.facilitated import facilitated
from ferryman.services.awaiting import Awaiting
from ferryman.services.completing import Completing
from tests.fakes.chain import GAS_USED, FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.market import PATIENCE_MS, WorkingClock
from tests.fakes.relay import FakeRelay
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.meta_transactions import (
    SELECTOR,
    TARGET,
    UNITS_PER_NATIVE,
    relay_settings,
    signed_meta_transaction,
)
from tests.support.payments import NOW_SECONDS, PAYER
from tests.support.settlements import ASSET

SETTINGS: Final[ChainSettings] = relay_settings(explorer_url="https://cronoscan.com")


class Office:
    """A deployment with a relay, whose other functions work while somebody waits."""

    def __init__(self) -> None:
        clock = FakeClock(NOW_SECONDS * 1_000)
        self.chain = FakeChain(SETTINGS, clock)
        self.chain.give(ASSET, PAYER.address, 1_000_000)
        self.relay.allowed.add((Address(TARGET), SELECTOR))
        self.world = World(SETTINGS, self.chain, FakeSigner([b"\x07" * 32]), clock)
        self.others = WorkingClock(self.world, clock)
        self.complete = Completing(
            ingest=self.world.ingest,
            awaiting=Awaiting(
                store=self.world.store,
                chains=self.world.ingest.chains,
                clock=self.others,
                patience_ms=PATIENCE_MS,
            ),
            clock=clock,
        )

    @property
    def relay(self) -> FakeRelay:
        """The relay on the chain."""
        assert self.chain.metatx
        return self.chain.metatx

    def row(self) -> Transaction:
        """Its row."""
        (row,) = self.world.rows()
        return row

    def told(self) -> dict[str, Any]:
        """What is answered of it."""
        return facilitated(self.row(), SETTINGS)


@pytest.fixture
def office() -> Office:
    """Build one."""
    return Office()


@pytest.fixture
def accepted(office: Office) -> Office:
    """Have it accept one."""
    office.world.ingest("meta-transaction", signed_meta_transaction())
    return office


def test_one_that_is_confirmed_is_told_as_the_requirement_has_it(accepted: Office) -> None:
    """Every member of its answer, and no other but the id."""
    accepted.world.settle()

    told, row = accepted.told(), accepted.row()

    assert told == {
        "success": True,
        "id": row.transaction_id,
        "transaction": {
            "txHash": row.hash,
            "explorerUrl": f"https://cronoscan.com/tx/{row.hash}",
            "status": "confirmed",
            "blockNumber": row.block_number,
        },
        "execution": {"target": TARGET, "gasUsed": GAS_USED, "gasPrice": str(10**9)},
        "payment": {
            "amount": "0.121200",
            "currency": "USDC",
            "breakdown": {"baseGasCost": "0.120000", "facilitatorFee": "0.001200"},
        },
    }
    assert GAS_USED * 10**9 * UNITS_PER_NATIVE // 10**18 == 120_000


def test_one_that_is_not_over_is_pending_with_its_id(accepted: Office) -> None:
    """Nothing is paid yet, and nothing is claimed."""
    told = accepted.told()

    assert (told["success"], told["id"], told["payment"]) == (False, accepted.row().transaction_id, None)
    assert told["transaction"] == {
        "txHash": None,
        "explorerUrl": None,
        "status": "pending",
        "blockNumber": None,
    }


def test_one_whose_target_failed_says_so_and_what_it_cost(accepted: Office) -> None:
    """It was mined, and paid for."""
    accepted.relay.target_reverts = True
    accepted.world.settle()

    told = accepted.told()

    assert (told["success"], told["error"]) == (False, "call_reverted")
    assert told["transaction"]["status"] == "failed"
    assert told["payment"]["amount"] == "0.121200"


def test_whoever_waits_is_answered_when_it_is_over(office: Office) -> None:
    """In one request; and the same again is answered at once."""
    row, chain = office.complete("meta-transaction", signed_meta_transaction())
    began = office.others.now()
    again, _ = office.complete("meta-transaction", signed_meta_transaction())

    assert facilitated(row, chain)["transaction"]["status"] == "confirmed"
    assert facilitated(again, chain) == facilitated(row, chain)
    assert office.others.now() == began
    assert len(office.chain.state.executed) == 1


def test_whoever_waits_too_long_is_told_that_it_is_pending(office: Office) -> None:
    """Before the gateway gives up; its record goes on by itself."""
    office.others.is_working = False
    began = office.others.now()

    row, chain = office.complete("meta-transaction", signed_meta_transaction())

    assert facilitated(row, chain)["transaction"]["status"] == "pending"
    assert office.others.now() - began == PATIENCE_MS
    office.world.settle()
    assert office.told()["success"]
