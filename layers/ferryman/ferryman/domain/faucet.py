"""A chain's faucet: tokens of a test chain for whoever asks, so much for each and no more."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.configured import ConfiguredAddress, ConfiguredUnits
from ferryman.domain.errors import FieldProblem, RequestError
from ferryman.domain.quotas import Limit
from ferryman.domain.units import ChainId, Instant, Seconds, rfc3339

TEST_CHAINS: Final = frozenset(
    {
        1337,  # ganache and geth --dev
        31337,  # anvil and Hardhat
        31338,  # the local stack's others
        31339,
        31340,
        338,  # Cronos
        240,  # Cronos zkEVM
        1328,  # Sei
        1315,  # Story Aeneid
        2201,  # Stable
        10143,  # Monad
        10200,  # Gnosis Chiado
        11124,  # Abstract
        43113,  # Avalanche Fuji
        59141,  # Linea Sepolia
        80002,  # Polygon Amoy
        84532,  # Base Sepolia
        421614,  # Arbitrum Sepolia
        534351,  # Scroll Sepolia
        560048,  # Ethereum Hoodi
        11142220,  # Celo Sepolia
        11155111,  # Ethereum Sepolia
        11155420,  # OP Sepolia
        324705682,  # SKALE Base Sepolia
    }
)
"""Ids of chains whose tokens are worth nothing; no configuration makes a faucet of any other."""
_IPV6_PREFIX: Final = 64
"""Bits that a customer gets at least: within them addresses cost nothing."""


class FaucetSettings(BaseModel):
    """What the faucet of a chain gives, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: ConfiguredAddress
    """What is given."""
    units: ConfiguredUnits = Field(gt=0)
    """How much of it, each time."""
    mint: bool = False
    """Whether the token makes it for whoever asks, as mocks do; else each wallet gives of its own."""
    window_seconds: Seconds = Field(default=Seconds(86_400), ge=60)
    """An account gets it once in each such span of time, counted from the Unix epoch."""
    per_source: int = Field(default=20, ge=1)
    """How many accounts may get it within one span, asked for from one IP address."""
    currency: str = Field(default="USDC", min_length=1, max_length=16)
    """What the token is called."""
    decimals: int = Field(default=6, ge=0, le=36)
    """Decimal places of its units."""

    def window(self, now: Instant) -> int:
        """Number the span of time that a moment is in."""
        return now // 1000 // self.window_seconds

    def end_of(self, window: int) -> Seconds:
        """Give when a span ends, Unix time."""
        return Seconds((window + 1) * self.window_seconds)


class FaucetLimitedError(RequestError):
    """The account was given its part, or the address has asked for too many."""

    code = "faucet_limited"
    is_transient = True

    def __init__(self, limit: Limit, problem: FieldProblem, *, again_at: Seconds, now: Instant) -> None:
        when = rfc3339(Instant(again_at * 1000))
        super().__init__(f"The faucet gives again at {when}.", problem)
        self.limit = limit
        self.retry_after_seconds = Seconds(max(again_at - now // 1000, 1))


def source_of(address: str) -> str:
    """Name whoever sends from an IP address: of IPv6 the network, which is one customer's.

    Raises:
        ValueError: it is none.

    """
    parsed = ip_address(address)
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((parsed, _IPV6_PREFIX), strict=False))


def is_test_chain(chain_id: ChainId | int) -> bool:
    """Whether a chain is known to be one whose tokens are worth nothing."""
    return chain_id in TEST_CHAINS
