"""The MetaTxRelay on the chain in memory: its rules, its fee, and a target that trusts it."""

from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.abi import words
from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain, typed_data_digest
from ferryman.domain.eip1559 import Call
from ferryman.domain.relaying import RelaySettings
from ferryman.domain.signatures import SignatureFormatError, recover
from ferryman.domain.units import Address, Gas, Instant, Seconds, TokenUnits, checked_address
from ferryman.intents.erc5267 import EIP712_DOMAIN
from ferryman.intents.meta_transaction import aggregator, relay
from ferryman.ports import Read, Reverted
from tests.fakes.calldata import decode
from tests.fakes.calls import REQUEST
from tests.fakes.tokens import TokenState, Told

GAS_PRICE: Final = 10**9
"""Wei per gas that everything on the chain pays."""
_AUTHORIZATION: Final = "(address,uint256,uint256,bytes)"
_RECEIVE_TYPE_HASH: Final = keccak(relay.RECEIVE_TYPE.encode())
_RECEIVE: Final = [
    "address",
    "address",
    "uint256",
    "uint256",
    "uint256",
    "bytes32",
    "uint8",
    "bytes32",
    "bytes32",
]


@dataclass(slots=True)
class RelayState:
    """What the relay knows; copied for every block."""

    used: set[tuple[str, int]] = field(default_factory=set)
    """(user, nonce)."""

    def copy(self) -> "RelayState":
        """Give a copy that later blocks do not change."""
        return RelayState(set(self.used))


@dataclass(slots=True)
class FakeRelay:
    """One relay, and the contracts that it calls."""

    chain: ChainSettings
    settings: RelaySettings
    allowed: set[tuple[Address, bytes]] = field(default_factory=set)
    """(target, selector)."""
    target_reverts: bool = False
    feed: tuple[int, int] = (0, 0)
    """The aggregator's newest answer, with eight decimal places, and the Unix time it was given at."""

    def view(
        self, read: Read, state: RelayState, tokens: TokenState, now: Instant
    ) -> bytes | Reverted | None:
        """Answer what the relay, its token or a target is asked; None, if it is not for them."""
        if read.to == self.settings.address:
            return self._view(read, state)
        if read.to == self.settings.fee_token and read.data[:4] == relay.RECEIVE:
            return self._receive_view(read, tokens, now)
        if self.settings.price_feed and read.to == self.settings.price_feed.address:
            return self._feed_view(read)
        if any(target == read.to for target, _ in self.allowed):
            return _revert("NotNow()") if self.target_reverts else encode(["uint256"], [1])
        return None

    def run(
        self, call: Call, state: RelayState, tokens: TokenState, *, now: Instant, gas_used: Gas
    ) -> Reverted | list[Told]:
        """Carry a request out, or say why not; give what the contracts tell."""
        given, signature, fee, price = decode([REQUEST, "bytes", _AUTHORIZATION, "uint256"], call.data[4:])
        request, payment = _request(given), _payment(fee)
        if revert := self._refusal(request, signature, state, now):
            return revert
        told = self._receive(request, payment, tokens, now)
        if isinstance(told, Reverted):
            return told
        state.used.add((request.user.lower(), request.nonce))
        cost = -(-gas_used * GAS_PRICE * 101 * price // (10**18 * 100))
        paid = min(cost, request.max_fee)
        _move(tokens, payment.token, self.settings.address, request.user, request.max_fee - paid)
        digest = request.digest(relay.domain(self.chain.chain_id, self.settings.address).separator())
        topics = (relay.EXECUTED, digest, _word(request.user), _word(request.target))
        data = encode(
            ["uint256", "bool", "address", "uint256", "uint256", "bytes"],
            [request.nonce, not self.target_reverts, payment.token, paid, gas_used, b""],
        )
        return [*told, (self.settings.address, topics, data)]

    def _feed_view(self, read: Read) -> bytes:
        if read.data == aggregator.DECIMALS:
            return encode(["uint8"], [8])
        answer, updated_at = self.feed
        types = ["uint80", "int256", "uint256", "uint256", "uint80"]
        return encode(types, [1, answer, updated_at, updated_at, 1])

    def _view(self, read: Read, state: RelayState) -> bytes:
        selector, given = read.data[:4], read.data[4:]
        if selector == EIP712_DOMAIN:
            ours = relay.domain(self.chain.chain_id, self.settings.address)
            return encode(
                ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"],
                [b"\x0f", ours.name, ours.version, ours.chain_id, ours.verifying_contract, b"\0" * 32, []],
            )
        if selector == relay.FEE_TERMS:
            (token,) = decode(["address"], given)
            is_ours = checked_address(token) == self.settings.fee_token
            return encode(["bool", "(address,uint32,uint16,uint32)"], [is_ours, ("0x" + "00" * 20, 0, 0, 0)])
        if selector == relay.IS_TARGET_ALLOWED:
            target, name = decode(["address", "bytes4"], given)
            return encode(["bool"], [(checked_address(target), name) in self.allowed])
        if selector == relay.NEXT_NONCE:
            (user,) = decode(["address"], given)
            free = next(nonce for nonce in range(10**6) if (user, nonce) not in state.used)
            return encode(["uint256"], [free])
        user, nonce = decode(["address", "uint256"], given)
        return encode(["bool"], [(user, nonce) in state.used])

    def _refusal(
        self, request: relay.MetaTransaction, signature: bytes, state: RelayState, now: Instant
    ) -> Reverted | None:
        """Check in the contract's order."""
        if (request.user.lower(), request.nonce) in state.used:
            return _revert("MetaTxNonceUsed(address,uint256)", int(request.user, 16), request.nonce)
        if now // 1000 > request.deadline_seconds:
            return _revert("MetaTxExpired(uint256)", request.deadline_seconds)
        if (request.target, request.data[:4]) not in self.allowed:
            return _revert("MetaTxTargetNotAllowed(address,bytes4)", int(request.target, 16), 0)
        digest = request.digest(relay.domain(self.chain.chain_id, self.settings.address).separator())
        if not _is_by(request.user, digest, signature):
            return _revert("MetaTxSignatureInvalid(address)", int(request.user, 16))
        return None

    def _receive_view(self, read: Read, tokens: TokenState, now: Instant) -> bytes | Reverted:
        user, to, value, after, before, nonce, v, r, s = decode(_RECEIVE, read.data[4:])
        if checked_address(to) != read.sender:
            return _revert("ERC20InvalidReceiver(address)", int(to, 16))
        told = self._collect(
            checked_address(user), value, after, before, nonce, r + s + bytes([v]), tokens.copy(), now
        )
        return told if isinstance(told, Reverted) else b""

    def _receive(
        self,
        request: relay.MetaTransaction,
        payment: relay.FeeAuthorization,
        tokens: TokenState,
        now: Instant,
    ) -> Reverted | list[Told]:
        return self._collect(
            request.user,
            request.max_fee,
            payment.valid_after,
            payment.valid_before,
            request.hashed(),
            payment.signature,
            tokens,
            now,
        )

    def _collect(
        self,
        user: str,
        value: int,
        after: int,
        before: int,
        nonce: bytes,
        signature: bytes,
        tokens: TokenState,
        now: Instant,
    ) -> Reverted | list[Told]:
        """Take the fee as the token does it."""
        token, ours = self.settings.fee_token, self.settings.address
        key = (token.lower(), user.lower())
        if not after < now // 1000 < before:
            return _revert("ERC3009InvalidAuthorizationTime(uint256,uint256)", after, before)
        if (*key, nonce) in tokens.used:
            return _revert("ERC3009UsedAuthorization(address,bytes32)", int(user, 16), 0)
        domain = self.chain.authorized_tokens[token]
        separator = Eip712Domain(domain.name, domain.version, self.chain.chain_id, token).separator()
        message = words([_RECEIVE_TYPE_HASH, user, ours, value, after, before, nonce])
        if not _is_by(user, typed_data_digest(separator, keccak(message)), signature):
            return _revert("ERC3009InvalidSignature()")
        if tokens.balances.get(key, 0) < value:
            return _revert("ERC20InsufficientBalance(address,uint256,uint256)", int(user, 16), 0, value)
        tokens.used.add((*key, nonce))
        _move(tokens, token, user, ours, value)
        return []


def _move(tokens: TokenState, token: str, payer: str, payee: str, units: int) -> None:
    for holder, change in ((payer, -units), (payee, units)):
        key = (token.lower(), holder.lower())
        tokens.balances[key] = tokens.balances.get(key, 0) + change


def _request(given: tuple[Any, ...]) -> relay.MetaTransaction:
    user, target, data, level, gas_limit, max_fee, nonce, deadline = given
    return relay.MetaTransaction(
        user=checked_address(user),
        target=checked_address(target),
        data=data,
        gas_level=level,
        gas_limit=Gas(gas_limit),
        max_fee=TokenUnits(max_fee),
        nonce=nonce,
        deadline_seconds=Seconds(deadline),
    )


def _payment(given: tuple[Any, ...]) -> relay.FeeAuthorization:
    token, after, before, signature = given
    return relay.FeeAuthorization(
        token=checked_address(token),
        valid_after=Seconds(after),
        valid_before=Seconds(before),
        signature=signature,
    )


def _is_by(signer: str, digest: bytes, signature: bytes) -> bool:
    try:
        return recover(digest, signature) == signer
    except SignatureFormatError:
        return False


def _revert(error: str, *values: int) -> Reverted:
    data = keccak(error.encode())[:4] + encode(["uint256"] * len(values), values)
    return Reverted(data, f"execution reverted: {error}")


def _word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
