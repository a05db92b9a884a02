"""The MetaTxRelay's interface: what we encode for it and its fee token, and decode of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from ferryman.domain.abi import words
from ferryman.domain.eip712 import Eip712Domain, typed_data_digest
from ferryman.domain.units import Address, ChainId, Gas, Seconds, TokenUnits, checksummed

META_TRANSACTION_TYPE: Final = (
    "MetaTransaction(address user,address target,bytes data,string gasLevel,uint256 gasLimit,uint256 maxFee,"
    "uint256 nonce,uint256 deadline)"
)
RECEIVE_TYPE: Final = (
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,"
    "bytes32 nonce)"
)
_TYPE_HASH: Final = keccak(META_TRANSACTION_TYPE.encode())


def _members(type_: str) -> Mapping[str, str]:
    inside = type_[type_.index("(") + 1 : -1]
    return MappingProxyType({name: kind for kind, name in map(str.split, inside.split(","))})


MEMBERS: Final = _members(META_TRANSACTION_TYPE)
RECEIVE_MEMBERS: Final = _members(RECEIVE_TYPE)
"""The messages' members in the order they are signed: name -> Solidity type."""
_TUPLE: Final = f"({','.join(MEMBERS.values())})"
_AUTHORIZATION: Final = "(address,uint256,uint256,bytes)"
_EXECUTION: Final = (_TUPLE, "bytes", _AUTHORIZATION, "uint256")


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


EXECUTE: Final = _selector(f"executeMetaTx({','.join(_EXECUTION)})")
IS_NONCE_USED: Final = _selector("isNonceUsed(address,uint256)")
NEXT_NONCE: Final = _selector("nextNonce(address)")
IS_TARGET_ALLOWED: Final = _selector("isTargetAllowed(address,bytes4)")
FEE_TERMS: Final = _selector("feeTerms(address)")
AUTHORIZATION_STATE: Final = _selector("authorizationState(address,bytes32)")
RECEIVE: Final = _selector(
    "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
)
RECEIVE_BYTES: Final = _selector(
    "receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
)

ADDRESS_BYTES: Final = 20
"""What is appended to a call."""

EXECUTED: Final = keccak(
    b"MetaTxExecuted(bytes32,address,address,uint256,bool,address,uint256,uint256,bytes)"
)
"""First topic of what the relay tells of each request; the second is the request's digest."""

PERMANENT_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {
        f"0x{_selector(signature).hex()}": reason
        for signature, reason in {
            "MetaTxExpired(uint256)": "deadline_passed",
            "MetaTxNonceUsed(address,uint256)": "nonce_used",
            "MetaTxSignatureInvalid(address)": "signature_invalid",
            "MetaTxSelectorMissing(uint256)": "selector_missing",
            "MetaTxTargetForbidden(address)": "target_forbidden",
        }.items()
    }
)
"""Reverts of the relay that time does not heal."""
PASSING_ERRORS: Final = frozenset(
    f"0x{_selector(signature).hex()}"
    for signature in (
        "EnforcedPause()",
        "AccessControlUnauthorizedAccount(address,bytes32)",
        "MetaTxTargetNotAllowed(address,bytes4)",
        "MetaTxFeeTokenRefused(address)",
        "MetaTxPriceTooHigh(uint256,uint256)",
        "MetaTxPriceStale(address,uint256)",
        "MetaTxPriceInvalid(address,int256)",
    )
)
"""Reverts of the relay that wait for somebody: an operator, or a price that comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaTransaction:
    """The EIP-712 message."""

    user: Address
    target: Address
    data: bytes
    gas_level: str
    gas_limit: Gas
    max_fee: TokenUnits
    nonce: int
    deadline_seconds: Seconds

    def members(self) -> tuple[int | str | bytes, ...]:
        """Members in the order of the contract's struct."""
        return (
            self.user,
            self.target,
            self.data,
            self.gas_level,
            self.gas_limit,
            self.max_fee,
            self.nonce,
            self.deadline_seconds,
        )

    def hashed(self) -> bytes:
        """`hashStruct` of EIP-712, 32 bytes: also the nonce of the authorization that pays for it."""
        return keccak(
            words(
                [
                    _TYPE_HASH,
                    self.user,
                    self.target,
                    keccak(self.data),
                    keccak(self.gas_level.encode()),
                    self.gas_limit,
                    self.max_fee,
                    self.nonce,
                    self.deadline_seconds,
                ]
            )
        )

    def digest(self, separator: bytes) -> bytes:
        """What the user signs, 32 bytes."""
        return typed_data_digest(separator, self.hashed())


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeAuthorization:
    """The user's ERC-3009 *receive* authorization: value and nonce are the request's own."""

    token: Address
    valid_after: Seconds
    valid_before: Seconds
    signature: bytes

    def receive(self, request: MetaTransaction, relay: Address) -> bytes:
        """Calldata of the `receiveWithAuthorization` that the relay calls."""
        members = self._members(request, relay)
        if len(self.signature) == _KEY_SIGNATURE:
            r, s, v = self.signature[:32], self.signature[32:64], self.signature[64]
            return RECEIVE + words([*members, v, r, s])
        return RECEIVE_BYTES + encode([*RECEIVE_MEMBERS.values(), "bytes"], [*members, self.signature])

    def _members(self, request: MetaTransaction, relay: Address) -> tuple[int | str | bytes, ...]:
        return (
            request.user,
            relay,
            request.max_fee,
            self.valid_after,
            self.valid_before,
            request.hashed(),
        )


_KEY_SIGNATURE: Final = 65
"""Bytes: r, s, v."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What the relay tells of a request that it carried out."""

    succeeded: bool
    """Whether the target did what was asked."""
    token: Address
    fee: TokenUnits
    """What the user paid."""
    gas_used: Gas
    """The gas that the fee was computed of."""
    reason: bytes
    """What the target failed with, at most 256 bytes."""


def domain(chain_id: ChainId, relay: Address) -> Eip712Domain:
    """The domain of a chain's relay."""
    return Eip712Domain("CroGas", "1", chain_id, relay)


def execute(
    request: MetaTransaction, signature: bytes, authorization: FeeAuthorization, token_per_native: TokenUnits
) -> bytes:
    """Calldata of `executeMetaTx`.

    Args:
        request: what the user asks for.
        signature: of the request.
        authorization: pays for it.
        token_per_native: what 10^18 wei are worth in units of the authorization's token.

    """
    fee = (
        authorization.token,
        authorization.valid_after,
        authorization.valid_before,
        authorization.signature,
    )
    return EXECUTE + encode(_EXECUTION, [request.members(), signature, fee, token_per_native])


def appended(data: bytes, user: Address) -> bytes:
    """What the relay sends to a target: the call, and on whose behalf it is made (ERC-2771)."""
    return data + bytes.fromhex(user[2:])


def is_nonce_used(user: Address, nonce: int) -> bytes:
    """Calldata of `isNonceUsed`."""
    return IS_NONCE_USED + words([user, nonce])


def next_nonce(user: Address) -> bytes:
    """Calldata of `nextNonce`."""
    return NEXT_NONCE + words([user])


def is_target_allowed(target: Address, selector: bytes) -> bytes:
    """Calldata of `isTargetAllowed`."""
    return IS_TARGET_ALLOWED + words([target]) + selector.ljust(32, b"\0")


def fee_terms(token: Address) -> bytes:
    """Calldata of `feeTerms`."""
    return FEE_TERMS + words([token])


def authorization_state(authorizer: Address, nonce: bytes) -> bytes:
    """Calldata of the token's `authorizationState`."""
    return AUTHORIZATION_STATE + words([authorizer, nonce])


def executed(data: bytes) -> Executed:
    """Decode what `MetaTxExecuted` does not index."""
    _nonce, succeeded, token, fee, gas_used, reason = decode(
        ["uint256", "bool", "address", "uint256", "uint256", "bytes"], data
    )
    return Executed(
        succeeded=succeeded,
        token=checksummed(bytes.fromhex(token[2:])),
        fee=TokenUnits(fee),
        gas_used=Gas(gas_used),
        reason=bytes(reason),
    )


def number(answer: bytes) -> int:
    """Decode an answer that is one word: a uint256, or a bool as 0 and 1."""
    (value,) = decode(["uint256"], answer)
    return int(value)


def is_token_taken(answer: bytes) -> bool:
    """Decode whether `feeTerms` accepts the token."""
    accepted, _terms = decode(["bool", "(address,uint32,uint16,uint32)"], answer)
    return bool(accepted)
