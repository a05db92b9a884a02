"""Quantities and identifiers: one name per unit, so that a wei never passes for a second."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, NewType

from eth_hash.auto import keccak

ChainId = NewType("ChainId", int)
"""EIP-155 chain id."""
Wei = NewType("Wei", int)
"""10^-18 of a chain's native coin."""
Gas = NewType("Gas", int)
TokenUnits = NewType("TokenUnits", int)
"""The smallest unit of an ERC-20 token (10^-6 USDC, say)."""
BlockNumber = NewType("BlockNumber", int)
WalletNonce = NewType("WalletNonce", int)
"""A relayer wallet's transaction count, not the nonce inside a user's message."""
Seconds = NewType("Seconds", int)
"""A duration, or Unix time where the name says `deadline`."""
Milliseconds = NewType("Milliseconds", int)
"""A duration."""
Instant = NewType("Instant", int)
"""A moment: milliseconds since the Unix epoch."""

Address = NewType("Address", str)
"""0x and 40 hex digits with the EIP-55 checksum."""
TxHash = NewType("TxHash", str)
"""0x and 64 lower-case hex digits."""
BlockHash = NewType("BlockHash", str)
"""0x and 64 lower-case hex digits."""
TransactionId = NewType("TransactionId", str)
"""The EIP-712 digest of a signed message: 0x and 64 lower-case hex digits."""
CorrelationId = NewType("CorrelationId", str)
"""Names a request in every log line about what came of it."""

UINT256_MAX: Final = 2**256 - 1
MONEY_LIMIT: Final = 10**36
"""Amounts stay below this, so that sums of them fit the 38 digits of a DynamoDB number."""
ADDRESS_DIGITS: Final = 40
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")


def checked_address(text: str) -> Address:
    """Read an address: all lower case, or with a right EIP-55 checksum.

    Raises:
        ValueError: it is not 0x and 40 hex digits, or its mixed case is not its checksum.

    """
    digits = text.removeprefix("0x")
    if len(digits) != ADDRESS_DIGITS or len(text) == len(digits) or not _is_hex(digits):
        msg = "must be 0x followed by 40 hex digits"
        raise ValueError(msg)
    address = checksummed(bytes.fromhex(digits))
    if digits != digits.lower() and text != address:
        msg = "has a wrong EIP-55 checksum; check the address, or send it in lower case"
        raise ValueError(msg)
    return address


@lru_cache(maxsize=4096)
def checksummed(address: bytes) -> Address:
    """Write an address of 20 bytes with its checksum (EIP-55).

    Tokens, escrows, wallets and most payers come again and again.
    """
    digits = address.hex()
    hashed = keccak(digits.encode()).hex()
    return Address(
        "0x"
        + "".join(
            digit.upper() if nibble > "7" else digit for digit, nibble in zip(digits, hashed, strict=False)
        )
    )


def hex_bytes(text: str) -> bytes:
    """Bytes of a 0x string.

    Raises:
        ValueError: it has no 0x, an odd count of digits, or something that is no hex digit.

    """
    digits = text.removeprefix("0x")
    if len(text) == len(digits) or len(digits) % 2 or not _is_hex(digits):
        msg = "must be 0x followed by an even number of hex digits"
        raise ValueError(msg)
    return bytes.fromhex(digits)


def decimal(units: TokenUnits, places: int) -> str:
    """Write units with a token's decimal places: 394660 of six is 0.394660."""
    if not places:
        return str(units)
    whole, part = divmod(units, 10**places)
    return f"{whole}.{part:0{places}d}"


def rfc3339(moment: Instant) -> str:
    """Write a moment for people and clients: UTC, to the millisecond."""
    text = datetime.fromtimestamp(moment // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment % 1000:03d}Z"


def _is_hex(digits: str) -> bool:
    return _HEX_DIGITS.issuperset(digits)
