"""EIP-3009, transfers that a token's holder signed: what we encode for such a token and decode of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from ferryman.domain.abi import WORD, padded, words
from ferryman.domain.eip712 import typed_data_digest
from ferryman.domain.units import MONEY_LIMIT, Address, Seconds, TokenUnits
from ferryman.ports import EventLog

AUTHORIZATION_TYPE: Final = (
    "TransferWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
TYPE_NAME: Final = AUTHORIZATION_TYPE.split("(", 1)[0]
_TYPE_HASH: Final = keccak(AUTHORIZATION_TYPE.encode())
MEMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {name: kind for kind, name in map(str.split, AUTHORIZATION_TYPE[len(TYPE_NAME) + 1 : -1].split(","))}
)
"""The message's members in the order they are signed: name -> Solidity type."""
_MEMBERS: Final = ",".join(MEMBERS.values())
_HEAD: Final = WORD * (len(MEMBERS) + 1)
"""Where the signature begins, after the six members and its own offset."""
KEY_SIGNATURE_BYTES: Final = 65


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


TRANSFER: Final = _selector(f"transferWithAuthorization({_MEMBERS},uint8,bytes32,bytes32)")
TRANSFER_BY_BYTES: Final = _selector(f"transferWithAuthorization({_MEMBERS},bytes)")
BALANCE_OF: Final = _selector("balanceOf(address)")
AUTHORIZATION_STATE: Final = _selector("authorizationState(address,bytes32)")
DOMAIN_SEPARATOR: Final = _selector("DOMAIN_SEPARATOR()")

AUTHORIZATION_USED: Final = keccak(b"AuthorizationUsed(address,bytes32)")
TRANSFERRED: Final = keccak(b"Transfer(address,address,uint256)")
"""First topics of what a token tells of a settlement, the one right after the other."""

_ERROR: Final = _selector("Error(string)")
_REASONS: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        _selector(signature): reason
        for signature, reason in {
            "ERC3009InvalidSignature()": "signature_invalid",
            "ERC3009UsedAuthorization(address,bytes32)": "nonce_used",
            "ERC20InsufficientBalance(address,uint256,uint256)": "insufficient_funds",
            "ERC20InvalidReceiver(address)": "recipient_invalid",
        }.items()
    }
)
"""OpenZeppelin's errors."""
_INVALID_TIME: Final = _selector("ERC3009InvalidAuthorizationTime(uint256,uint256)")
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "authorization is expired": "deadline_passed",
        "authorization is used": "nonce_used",
        "invalid signature": "signature_invalid",
        "transfer amount exceeds balance": "insufficient_funds",
        "account is blacklisted": "account_blocked",
        "transfer to the zero address": "recipient_invalid",
    }
)
"""What Circle's USDC and its kin say, in words -> our reason."""
_PASSING_WORDS: Final = ("paused", "authorization is not yet valid")
_PAUSED: Final = _selector("EnforcedPause()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The EIP-712 message."""

    payer: Address
    payee: Address
    value: TokenUnits
    valid_after: Seconds
    """Unix time that has to have passed."""
    valid_before: Seconds
    """Unix time that must not have come."""
    nonce: bytes
    """32 bytes that the payer has not used with this token."""

    def members(self) -> tuple[int | str | bytes, ...]:
        """Members in the order they are signed."""
        return self.payer, self.payee, self.value, self.valid_after, self.valid_before, self.nonce

    def digest(self, separator: bytes) -> bytes:
        """What the payer signs, 32 bytes."""
        return typed_data_digest(separator, keccak(words([_TYPE_HASH, *self.members()])))


def transfer_with_authorization(authorization: Authorization, signature: bytes) -> bytes:
    """Calldata of `transferWithAuthorization`: v, r, s where the signature has the length of a key's."""
    if len(signature) == KEY_SIGNATURE_BYTES:
        r, s, v = signature[:WORD], signature[WORD : 2 * WORD], signature[-1]
        return TRANSFER + words([*authorization.members(), v, r, s])
    return TRANSFER_BY_BYTES + words([*authorization.members(), _HEAD]) + padded(signature)


def balance_call(account: Address) -> bytes:
    """Calldata of `balanceOf`."""
    return BALANCE_OF + words([account])


def state_call(authorization: Authorization) -> bytes:
    """Calldata of `authorizationState`."""
    return AUTHORIZATION_STATE + words([authorization.payer, authorization.nonce])


def balance(answer: bytes) -> TokenUnits:
    """Decode a balance; a token may claim more than there can be."""
    return TokenUnits(min(int.from_bytes(answer[:WORD]), MONEY_LIMIT - 1))


def is_used(answer: bytes) -> bool:
    """Decode an authorization's state: also a cancelled one counts as used."""
    return any(answer)


def reason_of(revert: bytes) -> str | None:
    """Give our reason for a revert that time does not heal."""
    if revert[:4] == _INVALID_TIME:
        return None  # too early as well as too late: the row's own deadline knows which
    said = _said(revert)
    found = (reason for text, reason in _WORDS.items() if text in said)
    return _REASONS.get(revert[:4]) or next(found, None)


def is_passing(revert: bytes) -> bool:
    """Whether a revert passes: a pause, or a time that has not come by the newest block's clock."""
    said = _said(revert)
    return revert[:4] in {_PAUSED, _INVALID_TIME} or any(text in said for text in _PASSING_WORDS)


def _said(revert: bytes) -> str:
    """Decode the words of `Error(string)`, in lower case; "" for any other revert."""
    if revert[:4] != _ERROR:
        return ""
    try:
        (text,) = decode(["string"], revert[4:])
    except (DecodingError, UnicodeDecodeError):
        return ""
    return str(text).lower()


def is_carried_out(authorization: Authorization, token: Address, logs: Sequence[EventLog]) -> bool:
    """Whether a transaction's logs say that this very authorization moved the money.

    Its nonce may be used by another authorization of the payer, or be cancelled. So the token has to tell of
    the nonce, and right afterwards of the transfer that was signed: one transfer never counts for two nonces.
    """
    told = [log for log in logs if log.contract == token]
    used = (AUTHORIZATION_USED, words([authorization.payer]), authorization.nonce)
    moved = (TRANSFERRED, words([authorization.payer]), words([authorization.payee]))
    return any(
        first.topics == used and then.topics == moved and int.from_bytes(then.data) == authorization.value
        for first, then in pairwise(told)
    )


def is_nonce_used(authorization: Authorization, token: Address, logs: Sequence[EventLog]) -> bool:
    """Whether a transaction's logs say that the nonce was used, for whatever."""
    used = (AUTHORIZATION_USED, words([authorization.payer]), authorization.nonce)
    return any(log.contract == token and log.topics == used for log in logs)
