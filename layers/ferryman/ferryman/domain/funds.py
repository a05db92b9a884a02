"""Gas money: what a nonce may cost, and whether a wallet has enough for it."""

from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import BPS
from ferryman.domain.units import Gas, Wei

_NOTHING: Final = Wei(0)
_ENOUGH_BPS: Final = 12_500
"""What a wallet that was low must have to be used again, of what makes it low: it must not flicker."""


def reserved_cost(
    gas_limit: Gas,
    max_fee_per_gas: Wei,
    settings: ChainSettings,
    *,
    value: Wei = _NOTHING,
    data_fee: Wei = _NOTHING,
) -> Wei:
    """Give what a wallet must have for a nonce before it is bound.

    More than its first bytes offer, since they may have to be replaced by dearer ones; never more than
    the cap on fees lets it cost.

    Args:
        gas_limit: of its call.
        max_fee_per_gas: what its first bytes will offer, wei per gas.
        settings: the chain's; `reserve_bps` says how much more.
        value: native coin that the call moves, wei.
        data_fee: what is kept for its data on L1 (`kept_data_fee`), wei.

    """
    price = min(_part(max_fee_per_gas, settings.reserve_bps), settings.max_fee_per_gas_cap_wei)
    return Wei(gas_limit * price + value + data_fee)


def kept_data_fee(expected: Wei, settings: ChainSettings) -> Wei:
    """Give what is kept where a chain takes so much for data now, wei: L1 has a market of its own."""
    return Wei(_part(expected, settings.reserve_bps))


def is_low(balance: Wei, *, was_low: bool, low_balance: Wei, needed: Wei = _NOTHING) -> bool:
    """Say whether a wallet has too little to be used; one that was low needs a quarter more to come back.

    Args:
        balance: what it has, wei.
        was_low: whether it had too little when it was looked at before.
        low_balance: with less, it is low.
        needed: what it must have to finish what it has begun, if that is known to be more.

    """
    return balance < max(_part(low_balance, _ENOUGH_BPS) if was_low else low_balance, needed)


def _part(value: int, bps: int) -> int:
    """Multiply by basis points, rounded up."""
    return -(-value * bps // BPS)
