"""Permit2 on a chain, as its operator configured it."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.configured import ConfiguredAddress
from ferryman.domain.units import Address

CANONICAL: Final = Address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
"""Where Uniswap deployed Permit2 on nearly every chain."""
CANONICAL_PROXY: Final = Address("0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
"""Where x402's x402ExactPermit2Proxy is, wherever somebody has deployed it."""

CANONICAL_UPTO_PROXY: Final = Address("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002")
"""Where x402's x402UptoPermit2Proxy is, wherever somebody has deployed it."""


class UptoSettings(BaseModel):
    """What takes a part of a signed maximum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settler: ConfiguredAddress
    """Our UptoSettler: the facilitator that payers sign for, of which all wallets have the relayer role."""
    proxy: ConfiguredAddress = CANONICAL_UPTO_PROXY
    """The spender they sign for."""


class Permit2Settings(BaseModel):
    """Which tokens are settled by Permit2, and through which contracts.

    x402's packages sign for the canonical addresses only: others are for chains that have none there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: tuple[ConfiguredAddress, ...] = Field(min_length=1)
    """A token is foreign code, and we pay its gas."""
    address: ConfiguredAddress = CANONICAL
    """Permit2 itself, which payers approve."""
    proxy: ConfiguredAddress = CANONICAL_PROXY
    """The spender they sign for: it pays nobody but whom they named."""
    upto: UptoSettings | None = None
    """Also up to a maximum, of which a seller names the part (x402's scheme `upto`); None: exactly only."""
