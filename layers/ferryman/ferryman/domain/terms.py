"""Terms: how fast a nonce should be mined, and what may be offered for that."""

from dataclasses import dataclass

from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import Tier
from ferryman.domain.nonces import NonceRow, Purpose
from ferryman.domain.units import Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator allows an attempt to offer."""

    tier: Tier
    min_tip: Wei
    """The least tip, wei per gas."""
    cap: Wei
    """The most in all, wei per gas."""


def terms_of(row: NonceRow, purpose: Purpose, settings: ChainSettings) -> Terms:
    """Give the terms of an attempt; a fill may cost more, as it frees all nonces above it."""
    is_fill = purpose is Purpose.FILL
    return Terms(
        tier=Tier.FAST if is_fill else row.tier,
        min_tip=settings.min_priority_fee_wei,
        cap=settings.fill_cap if is_fill else settings.fee_cap(row.tier),
    )
