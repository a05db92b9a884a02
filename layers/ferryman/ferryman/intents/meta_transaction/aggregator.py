"""A Chainlink-style aggregator's interface (AggregatorV3Interface): what we read of a price feed."""

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from ferryman.domain.relaying import PriceAnswer
from ferryman.domain.units import Gas, Seconds

LATEST_ROUND_DATA: Final = keccak(b"latestRoundData()")[:4]
DECIMALS: Final = keccak(b"decimals()")[:4]
GAS: Final = Gas(200_000)
"""Foreign code, behind a proxy."""
_ROUND: Final = ("uint80", "int256", "uint256", "uint256", "uint80")


def answer(latest: bytes, decimals: bytes) -> PriceAnswer | None:
    """Decode the answers to both questions; None if they are none."""
    try:
        _round, price, _started, updated_at, _answered_in = decode(_ROUND, latest)
        (places,) = decode(["uint8"], decimals)
    except DecodingError:
        return None
    return PriceAnswer(price=price, decimals=places, updated_at=Seconds(updated_at))
