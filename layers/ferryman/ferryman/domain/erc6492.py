"""ERC-6492: signatures of contract wallets that are not deployed yet."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from ferryman.domain.signatures import SignatureFormatError
from ferryman.domain.units import Address, Gas, checked_address

_MAGIC_SUFFIX: Final = bytes.fromhex("6492" * 16)
DEPLOYMENT_GAS: Final = Gas(500_000)
"""A factory is foreign code: what a deployment may take when it is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """A signature of a wallet that is not there, and how it would be deployed."""

    factory: Address
    calldata: bytes
    """What the factory is called with."""
    signature: bytes
    """What the wallet takes (ERC-1271), once it is there."""

    @classmethod
    def of(cls, signature: bytes) -> "Counterfactual":
        """Read a signature for which `is_of_undeployed_wallet` is true.

        Raises:
            SignatureFormatError: the suffix is there, and the rest is not as it should be.

        """
        try:
            factory, calldata, inner = decode(["address", "bytes", "bytes"], signature[: -len(_MAGIC_SUFFIX)])
        except DecodingError as error:
            msg = "must be a factory, its calldata and a signature before the suffix (ERC-6492)"
            raise SignatureFormatError(msg) from error
        return cls(factory=Address(checked_address(factory)), calldata=calldata, signature=inner)


def is_of_undeployed_wallet(signature: bytes) -> bool:
    """Whether a signature says how its wallet would have to be deployed first."""
    return signature.endswith(_MAGIC_SUFFIX)
