"""Relayer keys in KMS: the private half never leaves it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import SignerUnavailableError
from ferryman.domain.signatures import Signature, address_of_spki, from_der
from ferryman.domain.units import Address

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_OUT_OF_USE: Final = frozenset({"DisabledException", "KMSInvalidStateException", "NotFoundException"})
"""What KMS says of a key that is disabled, scheduled for deletion, or deleted."""


class KmsSigner:
    """The Signer port over asymmetric KMS keys (ECC_SECG_P256K1, SIGN_VERIFY).

    Args:
        client: a boto3 client.
        key_ids: ids or ARNs of the wallets' keys.
        treasury_key_id: the same of the treasury's key; empty if there is none.

    """

    def __init__(self, client: "KMSClient", key_ids: Sequence[str], treasury_key_id: str = "") -> None:
        self._client = client
        self._key_ids = tuple(key_ids)
        self._treasury_key_id = treasury_key_id
        self._keys: dict[Address, str] = {}

    def wallets(self) -> tuple[Address, ...]:
        """Addresses of all wallets whose keys can be used; each is asked for once."""
        gone = [cause for key_id in self._key_ids if (cause := self._learnt(key_id))]
        found = tuple(address for address, key_id in self._keys.items() if key_id in self._key_ids)
        if not found:
            raise SignerUnavailableError(", ".join(gone))
        return found

    def treasury(self) -> Address | None:
        """Address of the treasury's key, if there is one that can be used."""
        if not self._treasury_key_id or self._learnt(self._treasury_key_id):
            return None
        return next(address for address, key in self._keys.items() if key == self._treasury_key_id)

    def sign(self, wallet: Address, digest: bytes) -> Signature:
        """Sign a digest and turn KMS's DER into Ethereum's form."""
        if wallet not in self._keys and wallet not in (*self.wallets(), self.treasury()):
            msg = f"KMS gave no signature: {wallet} has no key here that can be used"
            raise SignerUnavailableError(msg)
        try:
            answer = self._client.sign(
                KeyId=self._keys[wallet],
                Message=digest,
                MessageType="DIGEST",
                SigningAlgorithm="ECDSA_SHA_256",
            )
        except (ClientError, BotoCoreError) as error:
            raise SignerUnavailableError(_cause(error)) from error
        return from_der(answer["Signature"], digest, wallet)

    def _learnt(self, key_id: str) -> str | None:
        """Learn a key's address, unless it is known; give why it cannot be used, if it cannot.

        A key that was taken out of use must not stop the others. Whatever else goes wrong, such as a
        permission that is missing, concerns them all.
        """
        if key_id in self._keys.values():
            return None
        try:
            answer = self._client.get_public_key(KeyId=key_id)
        except (ClientError, BotoCoreError) as error:
            cause = _cause(error)
            if code_of(error) in _OUT_OF_USE:
                return cause
            raise SignerUnavailableError(cause) from error
        self._keys[address_of_spki(answer["PublicKey"])] = key_id
        return None


def _cause(error: ClientError | BotoCoreError) -> str:
    return f"KMS gave no signature or key: {code_of(error)}"
