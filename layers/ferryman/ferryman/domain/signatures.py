"""secp256k1: who signed a digest, and the form in which Ethereum wants a signature."""

from dataclasses import dataclass
from typing import Final

from coincurve import PublicKey
from coincurve.ecdsa import der_to_cdata, serialize_compact, signature_normalize
from eth_hash.auto import keccak

from ferryman.domain.errors import FerrymanError, SignatureMismatchError
from ferryman.domain.units import Address, checksummed

CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_HALF_ORDER: Final = CURVE_ORDER // 2
_LENGTH: Final = 65
_UNCOMPRESSED_POINT: Final = 65


class SignatureFormatError(FerrymanError):
    """Bytes that are no canonical ECDSA signature, whoever signed."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A low-s signature with the parity that lets the signer be recovered (EIP-2)."""

    r: int
    s: int
    y_parity: int


def recover(digest: bytes, signature: bytes) -> Address:
    """Recover who signed a digest.

    Args:
        digest: 32 bytes.
        signature: r ‖ s ‖ v, 65 bytes, v 27 or 28, s in the lower half (EIP-2), as
            OpenZeppelin's ECDSA demands on chain.

    Raises:
        SignatureFormatError: it is of another form, or recovers to nobody.

    """
    if len(signature) != _LENGTH:
        msg = f"must be 65 bytes (r, s, v), not {len(signature)}"
        raise SignatureFormatError(msg)
    r, s, v = int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]
    if v not in {27, 28}:
        msg = f"v must be 27 or 28, not {v}"
        raise SignatureFormatError(msg)
    if s > _HALF_ORDER:
        msg = "s must be in the lower half of the curve order (EIP-2); the contract refuses the other"
        raise SignatureFormatError(msg)
    if not 0 < r < CURVE_ORDER or s == 0:
        msg = "r and s must be between 1 and the curve order"
        raise SignatureFormatError(msg)
    try:
        return _recover(digest, signature[:64], v - 27)
    except ValueError as error:
        msg = "recovers to no account"
        raise SignatureFormatError(msg) from error


def from_der(der: bytes, digest: bytes, signer: Address) -> Signature:
    """Turn a DER signature, as KMS gives it, into Ethereum's form.

    Half of all signatures have a high s, which Ethereum refuses (EIP-2): s becomes n - s. The
    parity is not in DER; it is the one that recovers to `signer`.

    Raises:
        SignatureMismatchError: neither parity recovers to `signer`.

    """
    _, low_s = signature_normalize(der_to_cdata(der))
    compact = serialize_compact(low_s)
    for y_parity in (0, 1):
        try:
            recovered = _recover(digest, compact, y_parity)
        except ValueError:  # this parity has no point on the curve; the other may
            continue
        if recovered == signer:
            return Signature(int.from_bytes(compact[:32]), int.from_bytes(compact[32:]), y_parity)
    raise SignatureMismatchError(signer)


def address_of_spki(subject_public_key_info: bytes) -> Address:
    """Address of a public key in DER SubjectPublicKeyInfo (RFC 5480), as KMS gives it."""
    return _address(PublicKey(subject_public_key_info[-_UNCOMPRESSED_POINT:]))


def _recover(digest: bytes, compact: bytes, y_parity: int) -> Address:
    return _address(PublicKey.from_signature_and_message(compact + bytes([y_parity]), digest, hasher=None))


def _address(key: PublicKey) -> Address:
    """Last 20 bytes of keccak256 of the uncompressed point without its prefix."""
    return checksummed(keccak(key.format(compressed=False)[1:])[-20:])
