"""What a mined transaction cost us and earned us."""

from dataclasses import asdict, dataclass

from ferryman.domain.fees import BPS
from ferryman.domain.pricing import FeeSchedule, in_units
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Gas, TokenUnits, Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a chain transaction cost, and which part of it one of its intents bears."""

    gas_used: Gas
    gas_price: Wei
    l1_fee: Wei
    position: int = 0
    """The intent's place in its batch, from 0."""
    size: int = 1

    @property
    def cost(self) -> Wei:
        """The intent's part, in wei: all equal, but the first bear what does not divide; they add up."""
        total = self.gas_used * self.gas_price + self.l1_fee
        return Wei(total // self.size + (self.position < total % self.size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The money side of one transaction, once it is over."""

    gas_cost: Wei | None
    """Gas and L1 fee, or a share of them; None: just gas times price, which need not be kept."""
    fee_taken: TokenUnits | None
    """What went to the treasury, if anything did."""
    margin: TokenUnits | None
    """`fee_taken` less `gas_cost` in token units, rounded against us; None where gas is not priced."""
    cost_error_bps: int | None
    """How far the cost was above its prediction at acceptance (below: negative), rounded down."""

    def facts(self) -> dict[str, object]:
        """Give what an event says of it; what is not known is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def outcome_of(
    schedule: FeeSchedule, *, fee_taken: TokenUnits, bill: Bill, predicted_cost: Wei | None
) -> Outcome:
    """Compare what came in with what went out, and that with what was expected to.

    Args:
        schedule: of the token; its price of the native coin turns one into the other.
        fee_taken: in token units.
        bill: what is paid for it.
        predicted_cost: in wei, if it was predicted.

    """
    gas_cost, margin = bill.cost, None
    if schedule.follows_market:
        margin = TokenUnits(fee_taken - in_units(gas_cost, schedule.units_per_native))
    error = (gas_cost - predicted_cost) * BPS // predicted_cost if predicted_cost else None
    return Outcome(
        gas_cost=None if gas_cost == bill.gas_used * bill.gas_price else gas_cost,
        fee_taken=fee_taken or None,
        margin=margin,
        cost_error_bps=error,
    )


def gas_cost_of(row: Transaction) -> Wei | None:
    """Give what a transaction cost us, once that is final; only what is not gas times price is stored."""
    if row.gas_cost is not None or not row.is_settled:
        return row.gas_cost
    return Wei((row.gas_used or 0) * (row.effective_gas_price or 0))


def counted_gas(row: Transaction) -> Wei:
    """Give what a sender's day counts for a transaction: its prediction, and once it is over its cost.

    What ended without having been mined cost nothing.
    """
    return Wei((gas_cost_of(row) if row.status.is_terminal else row.predicted_cost) or 0)
