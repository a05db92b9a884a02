"""Amounts of the fee token as people read them."""

from ferryman.domain.relaying import RelaySettings
from ferryman.domain.units import TokenUnits


def decimal(units: TokenUnits, ours: RelaySettings) -> str:
    """Write units with the token's decimal places: 394660 of six is 0.394660."""
    if not ours.fee_decimals:
        return str(units)
    whole, part = divmod(units, 10**ours.fee_decimals)
    return f"{whole}.{part:0{ours.fee_decimals}d}"


def breakdown_of(base: TokenUnits, total: TokenUnits, ours: RelaySettings) -> dict[str, str]:
    """Write what of a fee is the cost of gas, and what the facilitator's percent."""
    return {
        "baseGasCost": decimal(base, ours),
        "facilitatorFee": decimal(TokenUnits(total - base), ours),
    }
