"""A world in memory with funded payers: where most tests of services begin."""

from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, ChainId, Milliseconds
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.payers import Payer
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World, Wrap, unwrapped

SETTINGS: Final = ChainSettings(
    chain_id=ChainId(31337),
    block_time_ms=Milliseconds(1_000),
    required_confirmations=1,
    escrow=Address("0x5FbDB2315678afecb367f032d93F642f64180aa3"),
    tokens=(Address("0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"),),
)
LOCKED: Final = 10_000_000
_TREASURY_KEY: Final = b"\x77" * 32
_WALLET_KEYS: Final = tuple(bytes([7, number]) * 16 for number in range(1, 9))


@dataclass
class MemoryWorld:
    """A world with its fakes at hand."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock
    payers: list[Payer]
    kind: str = "payment"
    """Of its messages, where a test does not care."""

    def deadline(self, seconds: int = 3_600) -> int:
        """Unix seconds, from now."""
        return self.clock.now() // 1000 + seconds


def memory_world(
    *,
    payers: int = 2,
    wallets: int = 2,
    locked: int = LOCKED,
    wrap: Wrap = unwrapped,
    treasury: bool = False,
    **settings: Any,  # noqa: ANN401 (fields of ChainSettings)
) -> MemoryWorld:
    """Build a world whose payers have locked funds for a while already."""
    chosen = SETTINGS.model_copy(update=settings)
    clock = FakeClock()
    chain = FakeChain(chosen, clock)
    accounts = [Payer(bytes([number]) * 32, chosen) for number in range(1, payers + 1)]
    for account in accounts:
        chain.lock(chosen.tokens[0], account.address, locked)
    clock.sleep(Milliseconds(20_000))
    signer = FakeSigner(_WALLET_KEYS[:wallets], treasury=_TREASURY_KEY if treasury else None)
    world = World(chosen, chain, signer, clock, wrap=wrap)
    return MemoryWorld(world, chain, signer, clock, accounts)
