"""OpenZeppelin's ERC2771Forwarder on the chain in memory: its rules, and targets that trust it."""

from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain
from ferryman.domain.eip1559 import Call
from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.signatures import SignatureFormatError, recover
from ferryman.domain.units import Address, Gas, Instant, Seconds, Wei, checked_address
from ferryman.intents.erc5267 import EIP712_DOMAIN
from ferryman.intents.forward_request import forwarder
from ferryman.ports import Read, Reverted
from tests.fakes.calldata import decode
from tests.fakes.calls import FORWARDED
from tests.fakes.tokens import Told

_INTRINSIC_GAS: Final = 21_000
_NOBODY: Final = Address("0x" + "00" * 20)


@dataclass(slots=True)
class ForwarderState:
    """What the forwarder knows; copied for every block."""

    nonces: dict[Address, int] = field(default_factory=dict)
    """The next one of each signer."""

    def copy(self) -> "ForwarderState":
        """Give a copy that later blocks do not change."""
        return ForwarderState(dict(self.nonces))


@dataclass(slots=True)
class FakeForwarder:
    """One forwarder, and the contracts that it calls."""

    chain: ChainSettings
    settings: ForwarderSettings
    target_reverts: bool = False
    target_gas: int = 0
    """What a target needs."""
    is_trusted: bool = True
    """Whether targets trust it."""

    def is_concerned(self, contract: Address) -> bool:
        """Whether a contract is the forwarder itself, or one that it calls."""
        return contract in {self.settings.address, *(one.target for one in self.settings.allowed)}

    def view(self, read: Read, state: ForwarderState, now: Instant) -> bytes | Reverted | None:
        """Answer what the forwarder or a target is asked; None, if it is not for them."""
        if not self.is_concerned(read.to):
            return None
        if read.to == self.settings.address:
            return self._view(read, state, now)
        if read.data[:4] == forwarder.IS_TRUSTED_FORWARDER:
            return encode(["bool"], [self.is_trusted])
        if self.target_reverts:
            return _revert("NotNow()")
        has_enough = (
            read.gas is None or read.gas - _INTRINSIC_GAS - _calldata_gas(read.data) >= self.target_gas
        )
        return encode(["uint256"], [1]) if has_enough else Reverted(b"", "out of gas")

    def run(self, call: Call, state: ForwarderState, now: Instant) -> Reverted | list[Told]:
        """Carry a request out, or say why not; give what the forwarder tells."""
        (given,) = decode([FORWARDED], call.data[4:])
        request, signature = _request(given, state), given[-1]
        if not self.is_trusted:
            return _revert("ERC2771UntrustfulTarget(address,address)", int(request.target, 16), 0)
        if request.deadline_seconds < now // 1000:
            return _revert("ERC2771ForwarderExpiredRequest(uint48)", request.deadline_seconds)
        if (signer := self._signer(request, signature)) != request.signer:
            name = "ERC2771ForwarderInvalidSigner(address,address)"
            return _revert(name, int(signer, 16), int(request.signer, 16))
        if self.target_reverts or request.gas < self.target_gas:
            return _revert("FailedCall()")
        state.nonces[request.signer] = request.nonce + 1
        topics = (forwarder.EXECUTED, bytes.fromhex(request.signer[2:]).rjust(32, b"\0"))
        return [(self.settings.address, topics, encode(["uint256", "bool"], [request.nonce, True]))]

    def _view(self, read: Read, state: ForwarderState, now: Instant) -> bytes:
        if read.data[:4] == EIP712_DOMAIN:
            return encode(
                ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"],
                [
                    b"\x0f",
                    self.settings.name,
                    self.settings.version,
                    self.chain.chain_id,
                    self.settings.address,
                    bytes(32),
                    [],
                ],
            )
        if read.data[:4] == forwarder.NONCES:
            (signer,) = decode(["address"], read.data[4:])
            return encode(["uint256"], [state.nonces.get(checked_address(signer), 0)])
        (given,) = decode([FORWARDED], read.data[4:])
        request = _request(given, state)
        is_active = request.deadline_seconds >= now // 1000
        is_by = self._signer(request, given[-1]) == request.signer
        return encode(["bool"], [self.is_trusted and is_active and is_by])

    def _signer(self, request: forwarder.ForwardRequest, signature: bytes) -> Address:
        ours = self.settings
        domain = Eip712Domain(ours.name, ours.version, self.chain.chain_id, ours.address)
        try:
            return recover(request.digest(domain.separator()), signature)
        except SignatureFormatError:
            return _NOBODY


def _calldata_gas(data: bytes) -> int:
    return sum(16 if byte else 4 for byte in data)


def _request(given: tuple[Any, ...], state: ForwarderState) -> forwarder.ForwardRequest:
    """Read a request as the contract does: its nonce is the next one."""
    signer, target, value, gas, deadline, data, _signature = given
    return forwarder.ForwardRequest(
        signer=checked_address(signer),
        target=checked_address(target),
        value=Wei(value),
        gas=Gas(gas),
        nonce=state.nonces.get(checked_address(signer), 0),
        deadline_seconds=Seconds(deadline),
        data=data,
    )


def _revert(error: str, *values: int) -> Reverted:
    data = keccak(error.encode())[:4] + encode(["uint256"] * len(values), values)
    return Reverted(data, f"execution reverted: {error}")
