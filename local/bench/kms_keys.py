"""Keys in memory behind the two calls of KMS that the signer makes; answers are shaped as KMS gives them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ferryman.adapters.kms import KmsSigner

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsKeys:
    """What of a boto3 client the signer uses: DER signatures without a parity, and public keys in SPKI."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {name: PrivateKey(key) for name, key in keys.items()}

    def sign(self, *, KeyId: str, Message: bytes, **_: str) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        """Sign a digest."""
        return {"Signature": self._keys[KeyId].sign(Message, hasher=None)}

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:  # noqa: N803 (boto3's names)
        """Give the public half of a key."""
        number = int.from_bytes(self._keys[KeyId].secret)
        public = ec.derive_private_key(number, ec.SECP256K1()).public_key()
        return {"PublicKey": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)}


def kms_signer(keys: Sequence[bytes]) -> KmsSigner:
    """Build the real signer over keys in memory."""
    named = {f"key-{number}": key for number, key in enumerate(keys)}
    return KmsSigner(cast("KMSClient", KmsKeys(named)), list(named))
