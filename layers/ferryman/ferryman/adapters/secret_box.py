"""Secrets of webhooks, encrypted under a KMS key: whoever may seal them need not be able to read them."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsSecretBox:
    """The SecretBox port.

    Args:
        client: a boto3 client.
        key_id: id or ARN of a symmetric key.

    """

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        self._open: dict[tuple[bytes, str], str] = {}

    def seal(self, secret: str, *, webhook_id: str) -> bytes:
        """Encrypt a secret; the ciphertext opens for this webhook only."""
        try:
            answer = self._client.encrypt(
                KeyId=self._key_id, Plaintext=secret.encode(), EncryptionContext=_context(webhook_id)
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(f"KMS did not encrypt: {code_of(error)}") from error
        return answer["CiphertextBlob"]

    def unseal(self, sealed: bytes, *, webhook_id: str) -> str:
        """Decrypt a secret, once for the life of the process."""
        known = self._open.get((sealed, webhook_id))
        if known is None:
            known = self._open[sealed, webhook_id] = self._decrypted(sealed, webhook_id)
        return known

    def _decrypted(self, sealed: bytes, webhook_id: str) -> str:
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=sealed, EncryptionContext=_context(webhook_id)
            )
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailableError(f"KMS did not decrypt: {code_of(error)}") from error
        return answer["Plaintext"].decode()


def _context(webhook_id: str) -> dict[str, str]:
    return {"webhook_id": webhook_id}
