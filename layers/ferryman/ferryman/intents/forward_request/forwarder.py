"""OpenZeppelin's ERC2771Forwarder: what we encode for it, and decode of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from ferryman.domain.abi import words
from ferryman.domain.eip712 import typed_data_digest
from ferryman.domain.units import Address, Gas, Seconds, Wei

FORWARD_REQUEST_TYPE: Final = (
    "ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,"
    "bytes data)"
)
_TYPE_HASH: Final = keccak(FORWARD_REQUEST_TYPE.encode())
_INSIDE: Final = FORWARD_REQUEST_TYPE[FORWARD_REQUEST_TYPE.index("(") + 1 : -1]
MEMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {name: type_ for type_, name in map(str.split, _INSIDE.split(","))}
)
"""The message's members in the order they are signed: name -> Solidity type."""
_REQUEST: Final = "(address,address,uint256,uint256,uint48,bytes,bytes)"
"""What is called with: the members without the nonce, which the forwarder knows, and the signature."""


def _selector(signature: str) -> bytes:
    return keccak(signature.encode())[:4]


EXECUTE: Final = _selector(f"execute({_REQUEST})")
VERIFY: Final = _selector(f"verify({_REQUEST})")
NONCES: Final = _selector("nonces(address)")
IS_TRUSTED_FORWARDER: Final = _selector("isTrustedForwarder(address)")
ADDRESS_BYTES: Final = 20
"""What is appended to a call."""
EXECUTED: Final = keccak(b"ExecutedForwardRequest(address,uint256,bool)")
"""First topic of what it tells of each request; the second is who signed it."""
INVALID_SIGNER: Final = f"0x{_selector('ERC2771ForwarderInvalidSigner(address,address)').hex()}"
"""It recovers the signer over the next nonce: so it says this of every request with another one."""
PERMANENT_ERRORS: Final[Mapping[str, str]] = MappingProxyType(
    {f"0x{_selector('ERC2771ForwarderExpiredRequest(uint48)').hex()}": "deadline_passed"}
)
"""Reverts that time does not heal."""
PASSING_ERRORS: Final = frozenset(
    (INVALID_SIGNER, f"0x{_selector('ERC2771UntrustfulTarget(address,address)').hex()}")
)
"""Reverts that wait for somebody: for the requests before, or for whoever runs the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardRequest:
    """The EIP-712 message."""

    signer: Address
    target: Address
    value: Wei
    gas: Gas
    nonce: int
    deadline_seconds: Seconds
    data: bytes

    def members(self) -> dict[str, int | str | bytes]:
        """Members in the order they are signed, by their names."""
        return {
            "from": self.signer,
            "to": self.target,
            "value": self.value,
            "gas": self.gas,
            "nonce": self.nonce,
            "deadline": self.deadline_seconds,
            "data": self.data,
        }

    def digest(self, separator: bytes) -> bytes:
        """What the user signs, 32 bytes."""
        members = self.members() | {"data": keccak(self.data)}
        return typed_data_digest(separator, keccak(words([_TYPE_HASH, *members.values()])))

    def execute(self, signature: bytes) -> bytes:
        """Calldata of `execute`."""
        return EXECUTE + self._encoded(signature)

    def verify(self, signature: bytes) -> bytes:
        """Calldata of `verify`."""
        return VERIFY + self._encoded(signature)

    def appended(self) -> bytes:
        """What the forwarder sends to the target."""
        return appended(self.data, self.signer)

    def _encoded(self, signature: bytes) -> bytes:
        request = (
            self.signer,
            self.target,
            self.value,
            self.gas,
            self.deadline_seconds,
            self.data,
            signature,
        )
        return bytes(encode([_REQUEST], [request]))


def appended(data: bytes, signer: Address) -> bytes:
    """What the forwarder sends to a target: the call, and on whose behalf it is made (ERC-2771)."""
    return data + bytes.fromhex(signer[2:])


def nonces(signer: Address) -> bytes:
    """Calldata of `nonces`."""
    return NONCES + words([signer])


def is_trusted_forwarder(forwarder: Address) -> bytes:
    """Calldata of a target's `isTrustedForwarder`."""
    return IS_TRUSTED_FORWARDER + words([forwarder])


def number(answer: bytes) -> int:
    """Decode an answer that is one word: a uint256, or a bool as 0 and 1."""
    return int.from_bytes(answer)


def executed(data: bytes) -> tuple[int, bool]:
    """Decode what `ExecutedForwardRequest` does not index: the nonce, and whether the target did it."""
    nonce, succeeded = decode(["uint256", "bool"], data)
    return nonce, succeeded
