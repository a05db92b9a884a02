"""Permit2, x402's proxies and our settler on the chain in memory: bitmaps, allowances, and the transfer."""

from dataclasses import dataclass
from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import Permit2Settings
from ferryman.domain.units import Address, Instant
from ferryman.intents import eip3009, permit2
from ferryman.ports import Read, Reverted
from tests.fakes.calldata import decode
from tests.fakes.calls import PERMIT, UPTO_PERMIT
from tests.fakes.tokens import TokenState, Told

NOT_TAKEN: Final = Reverted(
    keccak(b"Error(string)")[:4] + encode(["string"], ["TRANSFER_FROM_FAILED"]),
    "execution reverted: TRANSFER_FROM_FAILED",
)
"""What Permit2 says whatever the token has against it."""


@dataclass(frozen=True, slots=True)
class PermittedTransfer:
    """A decoded `settle` of a proxy; whose signature it carries is not looked at."""

    token: Address
    payer: Address
    payee: Address
    units: int
    nonce: int
    deadline: int
    valid_after: int
    maximum: int
    facilitator: Address | None
    """Who may say how much it is; None: all of it is taken, and anybody may say so."""

    @classmethod
    def of(cls, data: bytes) -> "PermittedTransfer":
        """Read calldata."""
        if data[:4] == permit2.UPTO_SETTLE:
            (permitted, nonce, deadline), units, payer, witness, _ = decode(UPTO_PERMIT, data[4:])
            payee, facilitator, valid_after = witness
        else:
            (permitted, nonce, deadline), payer, (payee, valid_after), _ = decode(PERMIT, data[4:])
            units, facilitator = permitted[1], None
        return cls(
            token=_checksummed(permitted[0]),
            payer=_checksummed(payer),
            payee=_checksummed(payee),
            units=units,
            nonce=nonce,
            deadline=deadline,
            valid_after=valid_after,
            maximum=permitted[1],
            facilitator=_checksummed(facilitator) if facilitator else None,
        )

    def run(self, state: TokenState, now: Instant, *, by: Address | None) -> "Reverted | list[Told]":
        """Move the money for whoever calls the proxy, or say why not; give what the token tells."""
        key, used = (self.token.lower(), self.payer.lower()), (self.payer.lower(), self.nonce)
        if refused := self._refused(used in state.permits, now, by):
            return refused
        if min(state.balances.get(key, 0), state.allowed(*key)) < self.units:
            return NOT_TAKEN
        state.permits.add(used)
        there = (self.token.lower(), self.payee.lower())
        state.balances[key] -= self.units
        state.balances[there] = state.balances.get(there, 0) + self.units
        moved = (eip3009.TRANSFERRED, _word(self.payer), _word(self.payee))
        return [(self.token, moved, encode(["uint256"], [self.units]))]

    def _refused(self, is_used: bool, now: Instant, by: Address | None) -> Reverted | None:  # noqa: FBT001 (a fact)
        seconds = now // 1000
        reverts = {
            "AmountExceedsPermitted()": self.units > self.maximum,
            "UnauthorizedFacilitator()": self.facilitator not in {None, by},
            "PaymentTooEarly()": seconds < self.valid_after,
            "SignatureExpired(uint256)": seconds > self.deadline,
            "InvalidNonce()": is_used,
        }
        error = next((error for error, is_so in reverts.items() if is_so), None)
        return _revert(error, *([self.deadline] if "(uint256)" in error else [])) if error else None


def is_permit(data: bytes) -> bool:
    """Whether calldata is for a proxy, or for our settler."""
    return data[:4] in {permit2.SETTLE, permit2.UPTO_SETTLE}


def permit2_view(
    read: Read, state: TokenState, settings: ChainSettings, now: Instant
) -> bytes | Reverted | None:
    """Answer what Permit2, a proxy, or a token is asked about them; None: it is somebody else's."""
    ours = settings.permit2
    if ours is None:
        return None
    if read.to == ours.address:
        return _of_permit2(read, state, settings, ours)
    if read.to in ours.tokens:
        return _of_token(read, state)
    witnesses = {ours.proxy: permit2.WITNESS_HASH}
    if ours.upto:
        witnesses[ours.upto.proxy] = permit2.UPTO_WITNESS_HASH
        if (read.to, read.data) == (ours.upto.settler, permit2.SETTLER_PROXY):
            return _word(ours.upto.proxy)
    witness = witnesses.get(read.to)
    return _of_proxy(read, state, ours, now, witness=witness) if witness else None


def _of_token(read: Read, state: TokenState) -> bytes | None:
    selector, given = read.data[:4], read.data[4:]
    if selector == permit2.ALLOWANCE:
        owner, _spender = decode(["address", "address"], given)
        return encode(["uint256"], [state.allowed(read.to.lower(), owner)])
    if selector == eip3009.BALANCE_OF:
        (holder,) = decode(["address"], given)
        return encode(["uint256"], [state.balances.get((read.to.lower(), holder), 0)])
    return None


def _of_permit2(read: Read, state: TokenState, settings: ChainSettings, ours: Permit2Settings) -> bytes:
    if read.data[:4] == permit2.DOMAIN_SEPARATOR:
        return permit2.separator(settings.chain_id, ours.address)
    owner, place = decode(["address", "uint256"], read.data[4:])
    bits = (1 << (nonce & 0xFF) for one, nonce in state.permits if (one, nonce >> 8) == (owner, place))
    return encode(["uint256"], [sum(bits)])


def _of_proxy(
    read: Read, state: TokenState, ours: Permit2Settings, now: Instant, *, witness: bytes
) -> bytes | Reverted:
    if read.data == permit2.PROXY_PERMIT2:
        return _word(ours.address)
    if read.data == permit2.PROXY_WITNESS:
        return witness
    ran = PermittedTransfer.of(read.data).run(state.copy(), now, by=read.sender)
    return ran if isinstance(ran, Reverted) else b""


def _revert(error: str, *values: int) -> Reverted:
    data = keccak(error.encode())[:4] + encode(["uint256"] * len(values), values)
    return Reverted(data, f"execution reverted: {error}")


def _checksummed(address: str) -> Address:
    return Address(to_checksum_address(address))


def _word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
