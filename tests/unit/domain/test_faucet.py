"""Faucets: where there may be one, and who counts as the same."""

import pytest
from pydantic import ValidationError

from ferryman.domain.faucet import TEST_CHAINS, source_of
from ferryman.domain.units import Instant
from tests.support.faucets import faucet_settings
from tests.support.payments import chain_settings
from tests.support.settlements import ASSET


@pytest.mark.parametrize("chain_id", [1, 10, 25, 56, 100, 137, 1329, 1514, 8453, 42161, 42220, 43114])
def test_no_chain_whose_coin_is_worth_something_has_a_faucet(chain_id: int) -> None:
    """Neither by the list nor by an operator's slip of the pen: the function does not start."""
    assert chain_id not in TEST_CHAINS
    with pytest.raises(ValidationError, match="faucet is for test chains"):
        chain_settings(chain_id=chain_id, faucet={"token": ASSET, "units": 1})


def test_a_faucet_gives_something() -> None:
    """An account would be told that it has had its part, of nothing."""
    with pytest.raises(ValidationError, match="units"):
        faucet_settings(units=0)


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
    ],
)
def test_a_customers_whole_network_is_one_source(address: str, source: str) -> None:
    """Of IPv6 anybody has more addresses than there are accounts."""
    assert source_of(address) == source


def test_spans_of_time_follow_each_other() -> None:
    """A moment is in one, which ends where the next begins."""
    faucet = faucet_settings(window_seconds=3_600).faucet
    assert faucet

    assert faucet.window(Instant(7_199_999)) == 1
    assert faucet.window(Instant(7_200_000)) == 2
    assert faucet.end_of(1) == 7_200
