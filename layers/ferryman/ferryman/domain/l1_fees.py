"""What OP-style chains take for a transaction's data: their GasPriceOracle's interface."""

from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.units import Wei

_UPPER_BOUND: Final = keccak(b"getL1FeeUpperBound(uint256)")[:4]
_FEE: Final = keccak(b"getL1Fee(bytes)")[:4]
_ENVELOPE_BYTES: Final = 80
"""An unsigned type-2 envelope around the calldata; the oracle adds the signature itself."""
_WORD: Final = 32


def upper_bound_call(call_bytes: int) -> bytes:
    """Calldata of `getL1FeeUpperBound`: since the Fjord upgrade, by size alone."""
    return _UPPER_BOUND + encode(["uint256"], [_ENVELOPE_BYTES + call_bytes])


def fee_call(call_bytes: int) -> bytes:
    """Calldata of `getL1Fee`, for an envelope of bytes that do not compress."""
    size = _ENVELOPE_BYTES + call_bytes
    blocks = (keccak(number.to_bytes(4)) for number in range(-(-size // _WORD)))
    return _FEE + encode(["bytes"], [b"".join(blocks)[:size]])


def l1_fee(answer: bytes) -> Wei | None:
    """Decode either answer; None if it is none."""
    return Wei(int.from_bytes(answer)) if len(answer) == _WORD else None
