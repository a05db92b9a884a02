"""Amounts of the fee token as people read them."""

from ferryman.domain.relaying import RelaySettings
from ferryman.domain.units import TokenUnits, decimal


def breakdown_of(base: TokenUnits, total: TokenUnits, ours: RelaySettings) -> dict[str, str]:
    """Write what of a fee is the cost of gas, and what the facilitator's percent."""
    return {
        "baseGasCost": decimal(base, ours.fee_decimals),
        "facilitatorFee": decimal(TokenUnits(total - base), ours.fee_decimals),
    }
