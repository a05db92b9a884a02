"""Permit2 and x402's exact proxy on the chain in memory: bitmaps, allowances, and the transfer."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import decode, encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import Permit2Settings
from ferryman.domain.units import Address, Instant
from ferryman.intents import eip3009
from ferryman.intents.permit_transfer import permit2
from ferryman.ports import Read, Reverted
from tests.fakes.calls import PERMIT
from tests.fakes.tokens import TokenState, Told

NOT_TAKEN: Final = Reverted(
    keccak(b"Error(string)")[:4] + encode(["string"], ["TRANSFER_FROM_FAILED"]),
    "execution reverted: TRANSFER_FROM_FAILED",
)
"""What Permit2 says whatever the token has against it."""


@dataclass(frozen=True, slots=True)
class PermittedTransfer:
    """A decoded `settle` of the proxy; whose signature it carries is not looked at."""

    token: Address
    payer: Address
    payee: Address
    units: int
    nonce: int
    deadline: int
    valid_after: int

    @classmethod
    def of(cls, data: bytes) -> "PermittedTransfer":
        """Read calldata."""
        (permitted, nonce, deadline), payer, (payee, valid_after), _signature = decode(PERMIT, data[4:])
        token, payer, payee = (
            Address(to_checksum_address(address)) for address in (permitted[0], payer, payee)
        )
        return cls(token, payer, payee, permitted[1], nonce, deadline, valid_after)

    def run(self, state: TokenState, now: Instant) -> "Reverted | list[Told]":
        """Move the money, or say why not; give what the token tells."""
        if now // 1000 < self.valid_after:
            return _revert("PaymentTooEarly()")
        if now // 1000 > self.deadline:
            return _revert("SignatureExpired(uint256)", self.deadline)
        key, used = (self.token.lower(), self.payer.lower()), (self.payer.lower(), self.nonce)
        if used in state.permits:
            return _revert("InvalidNonce()")
        if min(state.balances.get(key, 0), state.allowed(*key)) < self.units:
            return NOT_TAKEN
        state.permits.add(used)
        there = (self.token.lower(), self.payee.lower())
        state.balances[key] -= self.units
        state.balances[there] = state.balances.get(there, 0) + self.units
        moved = (eip3009.TRANSFERRED, _word(self.payer), _word(self.payee))
        return [(self.token, moved, encode(["uint256"], [self.units]))]


def is_permit(data: bytes) -> bool:
    """Whether calldata is for the proxy."""
    return data[:4] == permit2.SETTLE


def permit2_view(
    read: Read, state: TokenState, settings: ChainSettings, now: Instant
) -> bytes | Reverted | None:
    """Answer what Permit2, the proxy, or a token is asked about them; None: it is somebody else's."""
    ours, selector, given = settings.permit2, read.data[:4], read.data[4:]
    if ours is None:
        return None
    if read.to == ours.address:
        return _of_permit2(read, state, settings, ours)
    if read.to == ours.proxy:
        return _of_proxy(read, state, ours, now)
    if read.to in ours.tokens and selector == permit2.ALLOWANCE:
        owner, _spender = decode(["address", "address"], given)
        return encode(["uint256"], [state.allowed(read.to.lower(), owner)])
    if read.to in ours.tokens and selector == eip3009.BALANCE_OF:
        (holder,) = decode(["address"], given)
        return encode(["uint256"], [state.balances.get((read.to.lower(), holder), 0)])
    return None


def _of_permit2(read: Read, state: TokenState, settings: ChainSettings, ours: Permit2Settings) -> bytes:
    if read.data[:4] == permit2.DOMAIN_SEPARATOR:
        return permit2.separator(settings.chain_id, ours.address)
    owner, place = decode(["address", "uint256"], read.data[4:])
    bits = (1 << (nonce & 0xFF) for one, nonce in state.permits if (one, nonce >> 8) == (owner, place))
    return encode(["uint256"], [sum(bits)])


def _of_proxy(read: Read, state: TokenState, ours: Permit2Settings, now: Instant) -> bytes | Reverted:
    if read.data == permit2.PROXY_PERMIT2:
        return _word(ours.address)
    if read.data == permit2.PROXY_WITNESS:
        return permit2.WITNESS_HASH
    ran = PermittedTransfer.of(read.data).run(state.copy(), now)
    return ran if isinstance(ran, Reverted) else b""


def _revert(error: str, *values: int) -> Reverted:
    data = keccak(error.encode())[:4] + encode(["uint256"] * len(values), values)
    return Reverted(data, f"execution reverted: {error}")


def _word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
