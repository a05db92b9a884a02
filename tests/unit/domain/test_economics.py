"""What a mined transaction cost and earned: exact, and shared out to the last wei."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.economics import Bill, outcome_of
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import Gas, TokenUnits, Wei

AT_2000 = FeeSchedule(units_per_native=TokenUnits(2_000 * 10**6))


def bill(**changes: int) -> Bill:
    """90,000 gas at 1 gwei."""
    values = {"gas_used": 90_000, "gas_price": 10**9, "l1_fee": 0} | changes
    return Bill(**values)  # type: ignore[arg-type]


@given(
    gas=st.integers(21_000, 30_000_000),
    price=st.integers(0, 10**12),
    l1_fee=st.integers(0, 10**17),
    size=st.integers(1, 40),
)
def test_the_shares_of_a_batch_add_up_and_differ_by_a_wei_at_most(
    gas: int, price: int, l1_fee: int, size: int
) -> None:
    """Nobody's cost is lost or counted twice."""
    shares = [
        bill(gas_used=gas, gas_price=price, l1_fee=l1_fee, position=position, size=size).cost
        for position in range(size)
    ]

    assert sum(shares) == gas * price + l1_fee
    assert max(shares) - min(shares) <= 1


def test_margin_is_the_fee_less_the_cost_in_the_fees_token() -> None:
    """0.00009 coins at 2,000 are 180,000 units."""
    outcome = outcome_of(AT_2000, fee_taken=TokenUnits(200_000), bill=bill(), predicted_cost=None)

    assert (outcome.margin, outcome.fee_taken, outcome.cost_error_bps) == (20_000, 200_000, None)


def test_a_margin_may_be_a_loss_and_is_rounded_against_us() -> None:
    """A wei more is a unit less."""
    one_more = bill(l1_fee=1)

    assert outcome_of(AT_2000, fee_taken=TokenUnits(0), bill=bill(), predicted_cost=None).margin == -180_000
    assert outcome_of(AT_2000, fee_taken=TokenUnits(0), bill=one_more, predicted_cost=None).margin == -180_001


@pytest.mark.parametrize(
    ("predicted", "error"), [(90_000, 0), (100_000, -1_000), (45_000, 10_000), (89_999, 0), (90_001, -1)]
)
def test_the_prediction_is_compared_in_basis_points(predicted: int, error: int) -> None:
    """Above is positive; rounded down."""
    outcome = outcome_of(AT_2000, fee_taken=TokenUnits(1), bill=bill(), predicted_cost=Wei(predicted * 10**9))

    assert outcome.cost_error_bps == error


def test_what_a_receipt_says_by_itself_is_not_kept_twice() -> None:
    """The row stays below a kilobyte where nothing is charged."""
    outcome = outcome_of(FeeSchedule(), fee_taken=TokenUnits(0), bill=bill(), predicted_cost=None)

    assert outcome.facts() == {}


@pytest.mark.parametrize("changes", [{"l1_fee": 1}, {"size": 2}])
def test_a_cost_that_is_more_or_less_than_gas_times_price_is_kept(changes: dict[str, int]) -> None:
    """With an L1 fee, or shared."""
    one = bill(**changes)
    outcome = outcome_of(FeeSchedule(), fee_taken=TokenUnits(5), bill=one, predicted_cost=None)

    assert outcome.facts() == {"gas_cost": one.cost, "fee_taken": 5}


def test_a_free_prediction_has_no_error() -> None:
    """A chain without a price for gas: nothing to divide by."""
    outcome = outcome_of(AT_2000, fee_taken=TokenUnits(1), bill=bill(gas_used=Gas(0)), predicted_cost=Wei(0))

    assert outcome.cost_error_bps is None
