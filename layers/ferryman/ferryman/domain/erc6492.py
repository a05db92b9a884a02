"""ERC-6492: signatures of contract wallets that are not deployed yet."""

from typing import Final

_MAGIC_SUFFIX: Final = bytes.fromhex("6492" * 16)


def is_of_undeployed_wallet(signature: bytes) -> bool:
    """Whether a signature says how its wallet would have to be deployed first."""
    return signature.endswith(_MAGIC_SUFFIX)
