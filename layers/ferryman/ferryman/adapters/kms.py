"""Relayer keys in KMS: the private half never leaves it."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.domain.errors import SignerUnavailableError
from ferryman.domain.signatures import Signature, address_of_spki, from_der
from ferryman.domain.units import Address

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsSigner:
    """The Signer port over asymmetric KMS keys (ECC_SECG_P256K1, SIGN_VERIFY).

    Args:
        client: a boto3 client.
        key_ids: ids or ARNs of the wallets' keys.

    """

    def __init__(self, client: "KMSClient", key_ids: Sequence[str]) -> None:
        self._client = client
        self._key_ids = tuple(key_ids)

    def wallets(self) -> tuple[Address, ...]:
        """Addresses of all wallets, asked for once."""
        return tuple(self._keys)

    def sign(self, wallet: Address, digest: bytes) -> Signature:
        """Sign a digest and turn KMS's DER into Ethereum's form."""
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

    @cached_property
    def _keys(self) -> dict[Address, str]:
        try:
            answers = [(key_id, self._client.get_public_key(KeyId=key_id)) for key_id in self._key_ids]
        except (ClientError, BotoCoreError) as error:
            raise SignerUnavailableError(_cause(error)) from error
        return {address_of_spki(answer["PublicKey"]): key_id for key_id, answer in answers}


def _cause(error: ClientError | BotoCoreError) -> str:
    code = error.response["Error"].get("Code", "") if isinstance(error, ClientError) else type(error).__name__
    return f"KMS gave no signature or key: {code}"
