"""Tokens with EIP-3009 on the chain in memory: balances, authorizations, and what they tell."""

from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain
from ferryman.domain.units import Address, Instant
from ferryman.intents import eip3009
from ferryman.intents.faucet import kind as faucet
from ferryman.ports import Read, Reverted
from tests.fakes.calldata import decode
from tests.fakes.calls import AUTHORIZATION, legs_of

Told = tuple[Address, tuple[bytes, ...], bytes]
"""Contract, topics and data of an event."""
_NOBODY: Final = "0x" + "00" * 20
_WORDS: Final = "Pausable: paused"
PAUSED: Final = Reverted(
    keccak(b"Error(string)")[:4] + encode(["string"], [_WORDS]), f"execution reverted: {_WORDS}"
)
"""What Circle's USDC says while its owner has paused it."""


@dataclass(slots=True)
class TokenState:
    """What the tokens know; copied for every block."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    """(token, holder) -> units."""
    used: set[tuple[str, str, bytes]] = field(default_factory=set)
    """(token, holder, nonce)."""
    permits: set[tuple[str, int]] = field(default_factory=set)
    """(holder, nonce) that Permit2 has seen."""
    approved: dict[tuple[str, str], int] = field(default_factory=dict)
    """(token, holder) -> the most that Permit2 may take, where its holder has not approved everything."""

    def copy(self) -> "TokenState":
        """Give a copy that later blocks do not change."""
        return TokenState(dict(self.balances), set(self.used), set(self.permits), dict(self.approved))

    def allowed(self, token_address: str, holder: str) -> int:
        """Give how much Permit2 may take."""
        return self.approved.get((token_address, holder), 2**256 - 1)


@dataclass(frozen=True, slots=True)
class Transfer:
    """A decoded `transferWithAuthorization`."""

    token: Address
    payer: Address
    payee: Address
    value: int
    valid_after: int
    valid_before: int
    nonce: bytes

    @classmethod
    def of(cls, to: Address, data: bytes) -> "Transfer":
        """Read calldata of either overload; whose signature it carries is not looked at."""
        payer, payee, value, after, before, nonce = decode(AUTHORIZATION, data[4:196])
        return cls(to, _checksummed(payer), _checksummed(payee), value, after, before, nonce)

    def run(self, state: TokenState, now: Instant) -> "Reverted | list[Told]":
        """Move the money, or say why not; give what the token tells."""
        if now // 1000 <= self.valid_after or now // 1000 >= self.valid_before:
            error = "ERC3009InvalidAuthorizationTime(uint256,uint256)"
            return _revert(error, self.valid_after, self.valid_before)
        key = (self.token.lower(), self.payer.lower())
        if (*key, self.nonce) in state.used:
            return _revert("ERC3009UsedAuthorization(address,bytes32)", int(self.payer, 16), 0)
        if state.balances.get(key, 0) < self.value:
            error = "ERC20InsufficientBalance(address,uint256,uint256)"
            return _revert(error, int(self.payer, 16), state.balances.get(key, 0), self.value)
        state.used.add((*key, self.nonce))
        there = (self.token.lower(), self.payee.lower())
        state.balances[key] -= self.value
        state.balances[there] = state.balances.get(there, 0) + self.value
        used = (eip3009.AUTHORIZATION_USED, _word(self.payer), self.nonce)
        moved = (eip3009.TRANSFERRED, _word(self.payer), _word(self.payee))
        return [(self.token, used, b""), (self.token, moved, encode(["uint256"], [self.value]))]


@dataclass(frozen=True, slots=True)
class Gift:
    """A decoded `mint`, or a `transfer` by whoever sends it."""

    token: Address
    giver: Address | None
    """None: nobody loses what is given."""
    to: Address
    units: int

    @classmethod
    def of(cls, contract: Address, data: bytes, sender: Address) -> "Gift":
        """Read calldata of either."""
        to, units = decode(["address", "uint256"], data[4:])
        return cls(contract, None if data[:4] == faucet.MINT else sender, _checksummed(to), units)

    def run(self, state: TokenState) -> "Reverted | list[Told]":
        """Give, or say why not."""
        if self.giver is not None:
            held = state.balances.get((self.token.lower(), self.giver.lower()), 0)
            if held < self.units:
                error = "ERC20InsufficientBalance(address,uint256,uint256)"
                return _revert(error, int(self.giver, 16), held, self.units)
            state.balances[self.token.lower(), self.giver.lower()] = held - self.units
        there = (self.token.lower(), self.to.lower())
        state.balances[there] = state.balances.get(there, 0) + self.units
        moved = (eip3009.TRANSFERRED, _word(self.giver or _NOBODY), _word(self.to))
        return [(self.token, moved, encode(["uint256"], [self.units]))]


def transfers_of(data: bytes) -> list[Transfer]:
    """Read what the BatchSettler is to do."""
    token_address, legs = legs_of(data)
    asset = _checksummed(token_address)
    return [Transfer(asset, _checksummed(leg[0]), _checksummed(leg[1]), *leg[2:6]) for leg in legs]


def token_view(read: Read, state: TokenState, settings: ChainSettings, now: Instant) -> bytes | Reverted:
    """Answer what a token is asked; nothing, if it is none that the chain has."""
    domain = settings.authorized_tokens.get(read.to)
    if domain is None:
        return b""
    selector, given = read.data[:4], read.data[4:]
    if selector == eip3009.DOMAIN_SEPARATOR:
        return Eip712Domain(domain.name, domain.version, settings.chain_id, read.to).separator()
    if selector == eip3009.BALANCE_OF:
        (holder,) = decode(["address"], given)
        return encode(["uint256"], [state.balances.get((read.to.lower(), holder.lower()), 0)])
    if selector == eip3009.AUTHORIZATION_STATE:
        holder, nonce = decode(["address", "bytes32"], given)
        return encode(["bool"], [(read.to.lower(), holder, nonce) in state.used])
    ran = Transfer.of(read.to, read.data).run(state.copy(), now)
    return ran if isinstance(ran, Reverted) else b""


def _revert(error: str, *values: int) -> Reverted:
    data = keccak(error.encode())[:4] + encode(["uint256"] * len(values), values)
    return Reverted(data, f"execution reverted: {error}")


def _checksummed(address: Any) -> Address:  # noqa: ANN401 (as eth_abi gives it)
    return Address(to_checksum_address(address))


def _word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
