"""Wallet keys in memory."""

from collections.abc import Sequence

from coincurve import PrivateKey
from coincurve._libsecp256k1 import ffi
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.errors import SignerUnavailableError
from ferryman.domain.signatures import Signature
from ferryman.domain.units import Address


class FakeSigner:
    """The Signer port; it signs the digest itself, as KMS does with a DIGEST message.

    And as with KMS, no two signatures are alike: whoever signs again makes another transaction.
    """

    def __init__(self, keys: Sequence[bytes], *, treasury: bytes | None = None) -> None:
        self._keys = {_address(PrivateKey(key)): PrivateKey(key) for key in keys}
        self._wallets = tuple(self._keys)
        self._treasury = _address(PrivateKey(treasury)) if treasury else None
        if treasury and self._treasury:
            self._keys[self._treasury] = PrivateKey(treasury)
        self.signatures = 0
        self.is_available = True

    def wallets(self) -> tuple[Address, ...]:
        """Addresses of the keys."""
        return self._wallets

    def treasury(self) -> Address | None:
        """Address of the treasury's key, if a test gave one."""
        return self._treasury

    def sign(self, wallet: Address, digest: bytes) -> Signature:
        """Sign a digest; libsecp256k1 gives a low s."""
        if not self.is_available:
            raise SignerUnavailableError("throttled")
        self.signatures += 1
        salt = ffi.new("unsigned char[32]", self.signatures.to_bytes(32))
        signed = self._keys[wallet].sign_recoverable(digest, hasher=None, custom_nonce=(ffi.NULL, salt))
        return Signature(int.from_bytes(signed[:32]), int.from_bytes(signed[32:64]), signed[64])


def _address(key: PrivateKey) -> Address:
    return Address(to_checksum_address(keccak(key.public_key.format(compressed=False)[1:])[-20:]))
