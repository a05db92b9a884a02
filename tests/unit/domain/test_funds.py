"""Gas money: what a wallet must have for a nonce, and when it has too little."""

from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.funds import is_low, kept_data_fee, reserved_cost
from ferryman.domain.units import Gas, Wei
from tests.support.payments import chain_settings

GWEI = 10**9


def test_a_nonce_is_kept_twice_what_its_first_bytes_offer() -> None:
    """They may have to be replaced by dearer ones; the rest is exact."""
    settings = chain_settings()

    assert reserved_cost(Gas(100_000), Wei(GWEI), settings) == 2 * 100_000 * GWEI
    data_fee = kept_data_fee(Wei(7), settings)
    assert reserved_cost(Gas(100_000), Wei(GWEI), settings, value=Wei(5), data_fee=data_fee) == (
        2 * 100_000 * GWEI + 5 + 14
    )


@given(offered=st.integers(1, 10**12), reserve=st.integers(10_000, 100_000))
def test_no_more_is_kept_than_the_cap_lets_it_cost_and_no_less_than_is_offered(
    offered: int, reserve: int
) -> None:
    """Above the cap nothing is ever signed; below the first offer the node itself would refuse."""
    settings = chain_settings(reserve_bps=reserve)
    cap = settings.max_fee_per_gas_cap_wei

    kept = reserved_cost(Gas(1), Wei(min(offered, cap)), settings)

    assert min(offered, cap) <= kept <= cap


def test_a_wallet_that_was_low_comes_back_with_a_quarter_more() -> None:
    """Or one payment more or less would take it out and in again."""
    low = Wei(1_000)

    assert is_low(Wei(999), was_low=False, low_balance=low)
    assert not is_low(Wei(1_000), was_low=False, low_balance=low)
    assert is_low(Wei(1_249), was_low=True, low_balance=low)
    assert not is_low(Wei(1_250), was_low=True, low_balance=low)


def test_without_a_setting_no_wallet_is_low() -> None:
    """Also an empty one: it is passed over because it cannot pay."""
    assert not is_low(Wei(0), was_low=True, low_balance=Wei(0))
