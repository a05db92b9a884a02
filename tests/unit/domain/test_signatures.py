"""secp256k1 signatures: whose they are, and which forms are refused."""

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys.exceptions import BadSignature
from eth_typing import Hash32
from hypothesis import example, given
from hypothesis import strategies as st

from ferryman.domain.errors import SignatureMismatchError
from ferryman.domain.signatures import (
    CURVE_ORDER,
    Signature,
    SignatureFormatError,
    address_of_spki,
    from_der,
    recover,
)
from tests.support.payments import address_of
from tests.support.strategies import digests, keys

SPKI_PREFIX = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200")
"""DER of SubjectPublicKeyInfo for an uncompressed secp256k1 point (RFC 5480)."""
DIGEST = bytes(range(32))
ACCOUNT: LocalAccount = Account.from_key("0x" + "42" * 32)


def rsv(account: LocalAccount, digest: bytes) -> bytes:
    """Sign as eth_account does: r, s, v."""
    return bytes(account.unsafe_sign_hash(Hash32(digest)).signature)


def der(r: int, s: int) -> bytes:
    """Write a signature in DER by hand: two integers in a sequence (RFC 3279)."""
    members = b"".join(
        b"\x02" + bytes([len(octets)]) + octets
        for octets in (number.to_bytes(number.bit_length() // 8 + 1) for number in (r, s))
    )
    return b"\x30" + bytes([len(members)]) + members


def compact(r: int, s: int, v: int) -> bytes:
    """Write r, s, v, 65 bytes."""
    return r.to_bytes(32) + s.to_bytes(32) + bytes([v])


def parts(signature: bytes) -> tuple[int, int, int]:
    """Take r, s, v apart."""
    return int.from_bytes(signature[:32]), int.from_bytes(signature[32:64]), signature[64]


@given(account=keys, digest=digests)
def test_recovery_finds_the_signer_as_eth_account_does(account: LocalAccount, digest: bytes) -> None:
    """Any key, any digest."""
    signature = rsv(account, digest)

    assert recover(digest, signature) == address_of(account)
    assert str(recover(digest, signature)) == Account._recover_hash(digest, signature=signature)


@given(account=keys, digest=digests, other=digests)
def test_a_signature_of_another_digest_is_by_somebody_else(
    account: LocalAccount, digest: bytes, other: bytes
) -> None:
    """A foreign signature recovers to a stranger, or to nobody; never to the signer."""
    try:
        signer = recover(other, rsv(account, digest))
    except SignatureFormatError:
        return

    assert (signer == address_of(account)) == (digest == other)


@given(account=keys, digest=digests, is_high=st.booleans())
def test_a_kms_signature_becomes_the_one_that_ethereum_takes(
    account: LocalAccount, digest: bytes, *, is_high: bool
) -> None:
    """KMS gives high and low s, and no parity: both come out low and recover to the wallet."""
    r, low_s, _ = parts(rsv(account, digest))
    s = CURVE_ORDER - low_s if is_high else low_s

    signature = from_der(der(r, s), digest, address_of(account))

    assert (signature.r, signature.s) == (r, low_s)
    assert signature.s <= CURVE_ORDER // 2
    as_bytes = compact(signature.r, signature.s, 27 + signature.y_parity)
    assert recover(digest, as_bytes) == address_of(account)


def test_both_parities_come_out_of_der() -> None:
    """The parity is found by recovery; over a few digests both must occur."""
    found = set()
    for number in range(32):
        digest = number.to_bytes(32)
        signature = from_der(
            PrivateKey(bytes(ACCOUNT.key)).sign(digest, hasher=None), digest, address_of(ACCOUNT)
        )
        found.add(signature.y_parity)

    assert found == {0, 1}


@given(account=keys, other=keys)
def test_a_kms_signature_by_another_key_is_refused(account: LocalAccount, other: LocalAccount) -> None:
    """A mixed-up key id must never reach the chain as a transaction from elsewhere."""
    r, s, _ = parts(rsv(other, DIGEST))

    if address_of(account) == address_of(other):
        assert isinstance(from_der(der(r, s), DIGEST, address_of(account)), Signature)
    else:
        with pytest.raises(SignatureMismatchError) as refused:
            from_der(der(r, s), DIGEST, address_of(account))
        assert refused.value.wallet == address_of(account)


def test_a_kms_signature_that_recovers_to_nobody_is_refused() -> None:
    """Not even a point of the curve: x = 5 has none, for either parity."""
    with pytest.raises(SignatureMismatchError):
        from_der(der(5, 1), DIGEST, address_of(ACCOUNT))


@given(account=keys)
def test_the_address_of_a_kms_public_key_is_the_wallets(account: LocalAccount) -> None:
    """GetPublicKey gives DER; the address is of the point in it."""
    point = PrivateKey(bytes(account.key)).public_key.format(compressed=False)

    assert address_of_spki(SPKI_PREFIX + point) == address_of(account)


@given(account=keys, digest=digests)
def test_a_high_s_is_refused(account: LocalAccount, digest: bytes) -> None:
    """It passes many checks off chain, and OpenZeppelin's ECDSA reverts on it: gas for nothing."""
    r, s, v = parts(rsv(account, digest))

    with pytest.raises(SignatureFormatError, match="lower half"):
        recover(digest, compact(r, CURVE_ORDER - s, 27 + 28 - v))


def test_half_the_curve_order_is_the_last_low_s() -> None:
    """The bound of OpenZeppelin's ECDSA, to the unit: we must not accept what the contract refuses."""
    most = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    r, _, _ = parts(rsv(ACCOUNT, DIGEST))

    assert recover(DIGEST, compact(r, most, 27))
    with pytest.raises(SignatureFormatError, match="lower half"):
        recover(DIGEST, compact(r, most + 1, 27))


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 35, 36, 255])
def test_any_v_but_27_and_28_is_refused(v: int) -> None:
    """The contract takes only these two."""
    r, s, _ = parts(rsv(ACCOUNT, DIGEST))

    with pytest.raises(SignatureFormatError, match="27 or 28"):
        recover(DIGEST, compact(r, s, v))


def test_the_other_parity_is_somebody_else() -> None:
    """A flipped v is a wrong signer, not a repaired one."""
    r, s, v = parts(rsv(ACCOUNT, DIGEST))

    assert recover(DIGEST, compact(r, s, 27 + 28 - v)) != address_of(ACCOUNT)


@pytest.mark.parametrize(
    ("r", "s"),
    [(0, 1), (1, 0), (0, 0), (CURVE_ORDER, 1), (CURVE_ORDER + 1, 1), (2**256 - 1, 1)],
)
def test_numbers_outside_the_curve_order_are_refused(r: int, s: int) -> None:
    """On chain ecrecover answers the zero address for them: recovered ≠ 0."""
    with pytest.raises(SignatureFormatError, match="between 1 and the curve order"):
        recover(DIGEST, compact(r, s, 27))


@pytest.mark.parametrize("length", [0, 1, 64, 66, 96, 130])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    """Short ones, compact ones (EIP-2098) and long ones: the contract's ECDSA takes 65 bytes."""
    with pytest.raises(SignatureFormatError, match=f"not {length}"):
        recover(DIGEST, (rsv(ACCOUNT, DIGEST) * 3)[:length])


@given(signature=st.binary(max_size=70), digest=digests)
@example(signature=compact(5, 1, 27), digest=DIGEST)  # x = 5 is not on the curve
def test_any_bytes_recover_to_an_address_or_are_refused(signature: bytes, digest: bytes) -> None:
    """A client's bytes never raise anything else."""
    try:
        signer = recover(digest, signature)
    except SignatureFormatError:
        return

    assert len(signer) == 42


@given(r=st.integers(1, CURVE_ORDER - 1), s=st.integers(1, CURVE_ORDER // 2), digest=digests)
def test_well_formed_numbers_recover_to_an_address_or_to_nobody(r: int, s: int, digest: bytes) -> None:
    """About half of all r are no x of a point."""
    signature = compact(r, s, 28)
    try:
        expected = str(Account._recover_hash(digest, signature=signature))
    except BadSignature:
        with pytest.raises(SignatureFormatError, match="no account"):
            recover(digest, signature)
        return

    assert recover(digest, signature) == expected
