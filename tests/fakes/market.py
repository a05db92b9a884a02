"""A facilitator over a world in memory, whose other functions work while it waits."""

from dataclasses import dataclass, replace
from typing import Any, Final

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Instant, Milliseconds
from ferryman.ports import Clock
from ferryman.services.awaiting import Awaiting
from ferryman.services.x402 import Facilitator
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.payments import NOW_SECONDS, PAYER
from tests.support.settlements import ASSET, settlement_settings

FUNDS: Final = 10_000_000
PATIENCE_MS: Final = Milliseconds(20_000)
NOTHING_SPENT: Final = (0, 0)
"""Signatures and broadcasts of what was refused."""


@dataclass
class WorkingClock:
    """The Clock port: while somebody sleeps, submit and confirm do what there is to do."""

    world: World
    clock: Clock
    is_working: bool = True

    def now(self) -> Instant:
        """The time."""
        return self.clock.now()

    def sleep(self, duration: Milliseconds) -> None:
        """Let time pass, and the others work."""
        self.clock.sleep(duration)
        if self.is_working:
            self.world.deliver()
            self.world.follow(run_ms=0)


@dataclass
class MemoryMarket:
    """A facilitator with its fakes at hand."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock
    others: WorkingClock
    facilitator: Facilitator

    @property
    def spent(self) -> tuple[int, int]:
        """Signatures and broadcasts so far."""
        return self.signer.signatures, self.chain.sends

    def of_another_process(self) -> "MemoryMarket":
        """Give the same deployment in another process: same tables, queue, chain and keys."""
        facilitator = facilitator_over(self.world.rival(), self.others, self.facilitator.awaiting.patience_ms)
        return replace(self, facilitator=replace(facilitator, schemes=self.facilitator.schemes))

    def of_known_sellers(self) -> "MemoryMarket":
        """Give the same as sellers see it whom the operator knows."""
        return replace(self, facilitator=self.facilitator.of_known_sellers())

    def settle(self, body: object) -> dict[str, Any]:
        """Ask for a settlement."""
        return self.facilitator.settle(body)

    def verify(self, body: object) -> dict[str, Any]:
        """Ask for a verification."""
        return self.facilitator.verify(body)

    def check_refused(self, body: object, reason: str) -> None:
        """Verified or settled, it is refused by the same reason: no row, no signature, no transaction."""
        verified, settled = self.verify(body), self.settle(body)

        assert (verified["isValid"], verified["invalidReason"]) == (False, reason)
        assert (settled["success"], settled["errorReason"], settled["transaction"]) == (False, reason, "")
        assert verified["invalidMessage"] == settled["errorMessage"] != ""
        assert "should be a valid" not in verified["invalidMessage"]  # pydantic's words, with our classes
        assert not self.world.rows()
        assert (self.world.reserved(), self.spent) == (0, NOTHING_SPENT)

    def settle_beside_burnt(self, burnt: object, sold: object) -> None:
        """Settle one permit while another, of nonce 1, waits for the sweep until its payer burns it."""
        self.settle(burnt)
        self.world.queue.lose()
        self.settle(sold)
        self.world.deliver()
        self.clock.sleep(Milliseconds(1_000))
        self.chain.state.tokens.permits.add((PAYER.address.lower(), 1))
        self.world.settle()


def memory_market(
    settings: ChainSettings | None = None,
    *,
    funds: int = FUNDS,
    patience_ms: Milliseconds = PATIENCE_MS,
) -> MemoryMarket:
    """Build one whose payer has had its money for a while."""
    chosen, clock = settings or settlement_settings(), FakeClock(NOW_SECONDS * 1_000 - 20_000)
    chain, signer = FakeChain(chosen, clock), FakeSigner([b"\x07" * 32])
    chain.give(ASSET, PAYER.address, funds)
    clock.sleep(Milliseconds(20_000))
    world = World(chosen, chain, signer, clock)
    others = WorkingClock(world, clock)
    return MemoryMarket(world, chain, signer, clock, others, facilitator_over(world, others, patience_ms))


def facilitator_over(world: World, clock: Clock, patience_ms: Milliseconds) -> Facilitator:
    """Build a facilitator over a world."""
    return Facilitator(
        ingest=world.ingest,
        awaiting=Awaiting(
            store=world.store, chains=world.ingest.chains, clock=clock, patience_ms=patience_ms
        ),
        wallets=DynamoWallets(world.tables),
        clock=clock,
        log=world.log,
    )
