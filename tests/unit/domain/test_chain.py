"""Settings of a chain: what must hold between them for acceptance to be sound."""

import pytest
from pydantic import ValidationError

from ferryman.domain.fees import Tier
from ferryman.domain.units import BlockNumber
from tests.support.payments import chain_settings


def test_the_confirmed_block_is_as_deep_as_required() -> None:
    """The newest block counts as one confirmation."""
    settings = chain_settings(required_confirmations=3)

    assert settings.confirmed_block(BlockNumber(10)) == 8
    assert settings.confirmed_block(BlockNumber(1)) == 0


def test_a_grace_period_must_leave_time_for_a_payment() -> None:
    """Otherwise no deadline could ever be right."""
    chain_settings(grace_seconds=3_631, withdrawal_margin_seconds=3_600, inclusion_seconds=30)

    with pytest.raises(ValidationError, match="grace_seconds"):
        chain_settings(grace_seconds=3_630, withdrawal_margin_seconds=3_600, inclusion_seconds=30)


def test_a_withdrawal_cannot_be_claimed_within_the_blocks_that_funds_are_read_back_over() -> None:
    """Or an old balance could hold funds that are gone, without any withdrawal to be seen."""
    chain_settings(required_confirmations=200, block_time_ms=12_000)

    with pytest.raises(ValidationError, match="withdrawal_margin_seconds"):
        chain_settings(required_confirmations=292, block_time_ms=12_000)


@pytest.mark.parametrize(("block_time_ms", "seconds"), [(250, 11), (1_000, 13), (2_000, 16), (12_000, 46)])
def test_the_time_to_be_mined_in_follows_the_blocks(block_time_ms: int, seconds: int) -> None:
    """Two seconds a block, and nobody has to sign for half a minute; twelve, and less would be a gamble."""
    assert chain_settings(block_time_ms=block_time_ms).inclusion_seconds == seconds
    assert chain_settings(block_time_ms=block_time_ms, inclusion_seconds=30).inclusion_seconds == 30


def test_the_time_to_be_mined_in_is_never_negative() -> None:
    """It would let in what is over already."""
    with pytest.raises(ValidationError, match="inclusion_seconds"):
        chain_settings(inclusion_seconds=-1)


def test_caps_of_tiers_rise_with_speed_up_to_the_cap_of_all() -> None:
    """A fast payment that waits at a lower price than a slow one would be a slip of the pen."""
    settings = chain_settings(max_fee_per_gas_cap_wei=100, tier_caps_wei={"slow": 40})

    assert [settings.fee_cap(tier) for tier in (Tier.SLOW, Tier.NORMAL, Tier.FAST)] == [40, 100, 100]
    assert settings.fill_cap == 200
    for caps in ({"fast": 99}, {"slow": 101}, {"slow": 50, "normal": 40}, {"slow": 0}):
        with pytest.raises(ValidationError, match="tier_caps_wei"):
            chain_settings(max_fee_per_gas_cap_wei=100, tier_caps_wei=caps)
