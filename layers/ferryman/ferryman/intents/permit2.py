"""Permit2 and x402's proxies in front of it: what we encode for them and decode of them.

https://github.com/Uniswap/permit2 (SignatureTransfer), and x402's specs/schemes/exact/scheme_exact_evm.md and
specs/schemes/upto/scheme_upto_evm.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from eth_hash.auto import keccak

from ferryman.domain.abi import WORD, padded, words
from ferryman.domain.eip712 import Eip712Domain, typed_data_digest
from ferryman.domain.units import Address, ChainId, Seconds, TokenUnits
from ferryman.intents import eip3009
from ferryman.ports import EventLog

TYPE_NAME: Final = "PermitWitnessTransferFrom"
Types = Mapping[str, Mapping[str, str]]
"""A message's structs, members in the order they are signed: name -> Solidity type."""


def _types(witness: Mapping[str, str]) -> Types:
    """Give the message's structs, with the witness of one proxy."""
    return MappingProxyType(
        {
            TYPE_NAME: {
                "permitted": "TokenPermissions",
                "spender": "address",
                "nonce": "uint256",
                "deadline": "uint256",
                "witness": "Witness",
            },
            "TokenPermissions": {"token": "address", "amount": "uint256"},
            "Witness": witness,
        }
    )


TYPES: Final = _types({"to": "address", "validAfter": "uint256"})
"""For the exact proxy."""
UPTO_TYPES: Final = _types({"to": "address", "facilitator": "address", "validAfter": "uint256"})
"""For the upto proxy."""


def _hash(types: Types, name: str, *others: str) -> bytes:
    """Hash a struct's type: itself, and then those that it is made of."""
    return keccak("".join(_encoded(types, one) for one in (name, *others)).encode())


def _encoded(types: Types, name: str) -> str:
    return f"{name}({','.join(f'{type_} {member}' for member, type_ in types[name].items())})"


_PERMISSIONS_HASH: Final = _hash(TYPES, "TokenPermissions")
WITNESS_HASH: Final = _hash(TYPES, "Witness")
UPTO_WITNESS_HASH: Final = _hash(UPTO_TYPES, "Witness")
_TYPE_HASH: Final = _hash(TYPES, *TYPES)
_UPTO_TYPE_HASH: Final = _hash(UPTO_TYPES, *UPTO_TYPES)
_NAME: Final = "Permit2"


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


SETTLE: Final = _selector("settle(((address,uint256),uint256,uint256),address,(address,uint256),bytes)")
_HEAD: Final = 8 * WORD
"""Where the signature begins, after the permit's four words, owner, the witness' two and its own offset."""
CALL_BYTES: Final = 4 + _HEAD + WORD + 3 * WORD
"""With a key's signature: r, s, v."""
UPTO_SETTLE: Final = _selector(
    "settle(((address,uint256),uint256,uint256),uint256,address,(address,address,uint256),bytes)"
)
"""Of the proxy, and of our settler in front of it."""
_UPTO_HEAD: Final = _HEAD + 2 * WORD
"""There are the amount and the facilitator besides."""
UPTO_CALL_BYTES: Final = CALL_BYTES + 2 * WORD

PROXY_PERMIT2: Final = _selector("PERMIT2()")
PROXY_WITNESS: Final = _selector("WITNESS_TYPEHASH()")
SETTLER_PROXY: Final = _selector("PROXY()")
DOMAIN_SEPARATOR: Final = _selector("DOMAIN_SEPARATOR()")
NONCE_BITMAP: Final = _selector("nonceBitmap(address,uint256)")
ALLOWANCE: Final = _selector("allowance(address,address)")

_REASONS: Final[Mapping[bytes, str]] = MappingProxyType(
    {
        _selector(signature): reason
        for signature, reason in {
            "InvalidNonce()": "nonce_used",
            "SignatureExpired(uint256)": "deadline_passed",
            "InvalidSigner()": "signature_invalid",
            "InvalidSignature()": "signature_invalid",
            "InvalidSignatureLength()": "signature_invalid",
            "InvalidContractSignature()": "signature_invalid",
        }.items()
    }
)
"""Permit2's errors that time does not heal. What the token says it swallows: TRANSFER_FROM_FAILED."""
_PASSING: Final = frozenset(
    _selector(error)
    for error in (
        "PaymentTooEarly()",
        # Of our own settler: a wallet that has not been given its role yet.
        "AccessControlUnauthorizedAccount(address,bytes32)",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """The EIP-712 message, with its signer and its spender."""

    payer: Address
    payee: Address
    asset: Address
    units: TokenUnits
    """That the payee gets."""
    nonce: int
    """A uint256 whose bit the payer has not used with Permit2."""
    deadline: Seconds
    """The last Unix time at which it is taken."""
    valid_after: Seconds
    """The first one."""
    spender: Address
    """The proxy."""

    @property
    def maximum(self) -> TokenUnits:
        """What is signed for: all of it is taken."""
        return self.units

    def digest(self, separator: bytes) -> bytes:
        """What the payer signs, 32 bytes."""
        return self._digest(separator, _TYPE_HASH, [WITNESS_HASH, self.payee, self.valid_after])

    def call_head(self) -> bytes:
        """Calldata of `settle` up to where the signature begins: all that was signed."""
        return SETTLE + words([*self._permitted, self.payer, self.payee, self.valid_after, _HEAD])

    @property
    def _permitted(self) -> tuple[str | int, ...]:
        return self.asset, self.maximum, self.nonce, self.deadline

    def _digest(self, separator: bytes, type_hash: bytes, witness: Sequence[bytes | str | int]) -> bytes:
        permitted = keccak(words([_PERMISSIONS_HASH, self.asset, self.maximum]))
        members = (permitted, self.spender, self.nonce, self.deadline, keccak(words(witness)))
        return typed_data_digest(separator, keccak(words([type_hash, *members])))


@dataclass(frozen=True, slots=True, kw_only=True)
class UptoPermit(Permit):
    """The message of which a part is taken: how much of it, its facilitator says later, once."""

    most: TokenUnits
    facilitator: Address

    @property
    def maximum(self) -> TokenUnits:
        """What is signed for."""
        return self.most

    def digest(self, separator: bytes) -> bytes:
        """What the payer signs, 32 bytes: not how much is taken."""
        return self._digest(
            separator, _UPTO_TYPE_HASH, [UPTO_WITNESS_HASH, self.payee, self.facilitator, self.valid_after]
        )

    def call_head(self) -> bytes:
        """Calldata of `settle` up to where the signature begins: what was signed, and how much is taken."""
        accounts = self.payer, self.payee, self.facilitator
        return UPTO_SETTLE + words([*self._permitted, self.units, *accounts, self.valid_after, _UPTO_HEAD])


def domain(chain_id: ChainId, permit2: Address) -> Eip712Domain:
    """Permit2's domain, which has no version."""
    return Eip712Domain(_NAME, None, chain_id, permit2)


@lru_cache(maxsize=64)
def separator(chain_id: ChainId, permit2: Address) -> bytes:
    """Hash of that domain."""
    return domain(chain_id, permit2).separator()


def identity(digest: bytes, payer: Address) -> bytes:
    """Name a message and its signer, 32 bytes: a permit does not say whose it is, and two may sign one."""
    return keccak(digest + words([payer]))


def settle(permit: Permit, signature: bytes) -> bytes:
    """Calldata of its proxy's `settle`."""
    return permit.call_head() + padded(signature)


def bitmap_call(payer: Address, nonce: int) -> bytes:
    """Calldata of `nonceBitmap`: the 256 nonces that share a word."""
    return NONCE_BITMAP + words([payer, nonce >> 8])


def is_used(bitmap: bytes, nonce: int) -> bool:
    """Read a nonce's bit out of its word: also one that was invalidated counts as used."""
    return bool(int.from_bytes(bitmap[:WORD]) >> (nonce & 0xFF) & 1)


def allowance_call(payer: Address, permit2: Address) -> bytes:
    """Calldata of the token's `allowance`."""
    return ALLOWANCE + words([payer, permit2])


def reason_of(revert: bytes) -> str | None:
    """Give our reason for a revert that time does not heal."""
    return _REASONS.get(revert[:4])


def is_passing(revert: bytes) -> bool:
    """Whether a revert passes: a time that has not come by the newest block's clock, or a role."""
    return revert[:4] in _PASSING


def is_paid(permit: Permit, logs: Sequence[EventLog]) -> bool:
    """Whether the token tells of the very transfer; for which nonce, no log says."""
    moved = (eip3009.TRANSFERRED, words([permit.payer]), words([permit.payee]))
    return any(
        log.contract == permit.asset and log.topics == moved and int.from_bytes(log.data) == permit.units
        for log in logs
    )
