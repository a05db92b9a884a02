"""Messages of each kind, as the proofs post them: how they are signed, paid for, and found on the chain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.chain import ChainSettings, TokenDomain
from ferryman.domain.forwarding import AllowedTarget, ForwarderSettings
from ferryman.domain.permit2 import Permit2Settings, UptoSettings
from ferryman.domain.relaying import RelaySettings
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, TokenUnits, hex_bytes
from ferryman.intents import KINDS
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.services.ingest import Accepted
from tests.fakes.calls import MessageKey, forwarded_key
from tests.fakes.chain import FakeChain
from tests.fakes.payers import FORWARDED, SELECTOR, TARGET, Payer
from tests.fakes.world import World

Body = dict[str, Any]
Left = Callable[[FakeChain, Address], int]
FEE: Final = 7
"""What a payment pays besides its amount."""


@dataclass(frozen=True, slots=True)
class Message:
    """What a client posts."""

    kind: str
    body: Body
    key: MessageKey
    units: int
    """The most that it takes of its signer."""

    def post(self, world: World) -> Accepted:
        """Post it."""
        return world.ingest(self.kind, dict(self.body))


def _pay(payer: Payer, units: int, *, deadline: int, priority: str) -> Body:
    return payer.pay(units - FEE, fee=FEE, deadline=deadline, priority=priority)


def _settle(payer: Payer, units: int, *, deadline: int, priority: str) -> Body:
    return payer.settle(units, deadline=deadline, priority=priority)


def _permit(payer: Payer, units: int, *, deadline: int, priority: str) -> Body:
    return payer.permit(units, deadline=deadline, priority=priority)


def _permit_upto(payer: Payer, units: int, *, deadline: int, priority: str) -> Body:
    return payer.permit_upto(2 * units, amount=units, deadline=deadline, priority=priority)


def _call(payer: Payer, units: int, *, deadline: int, priority: str) -> Body:
    return payer.call(units, deadline=deadline, priority=priority)


def _grant(payer: Payer, _units: int, *, deadline: int, **_named: str) -> Body:
    return payer.want(deadline=deadline)


def _locked(chain: FakeChain, payer: Address) -> int:
    return chain.state.balances[chain.settings.tokens[0].lower(), payer.lower()]


def _owned(chain: FakeChain, payer: Address) -> int:
    return chain.state.tokens.balances[chain.settings.tokens[0].lower(), payer.lower()]


@dataclass(frozen=True, slots=True)
class ProvenKind:
    """What the proofs have to know of a kind."""

    sign: Callable[..., Body]
    """Gives a body of a payer, for so many units, until a deadline, with a priority."""
    left: Left
    """What a payer has, of what it pays with."""
    taken: Callable[[Transaction], int]
    """What a row that is confirmed took of its payer."""


PROVEN: Final[Mapping[str, ProvenKind]] = {
    "payment": ProvenKind(
        sign=_pay, left=_locked, taken=lambda row: int(row.payload["amount"]) + int(row.payload["fee"])
    ),
    "settlement": ProvenKind(sign=_settle, left=_owned, taken=lambda row: int(row.payload["value"])),
    "permit-transfer": ProvenKind(sign=_permit, left=_owned, taken=lambda row: int(row.payload["amount"])),
    "upto-transfer": ProvenKind(sign=_permit_upto, left=_owned, taken=lambda row: int(row.payload["amount"])),
    "faucet": ProvenKind(sign=_grant, left=_owned, taken=lambda row: -int(row.payload["units"])),
    "meta-transaction": ProvenKind(sign=_call, left=_owned, taken=lambda row: row.fee_taken or 0),
}
"""By the kind's name: a new kind adds one entry here, and its contract to the chain in memory."""


def message(kind: str, payer: Payer, units: int, *, deadline: int, priority: str = "normal") -> Message:
    """Sign a message, with the payer's next nonce."""
    body = PROVEN[kind].sign(payer, units, deadline=deadline, priority=priority)
    return Message(kind, body, (payer.address.lower(), payer.nonce), units)


def forward_request(payer: Payer, nonce: int, *, gas: int, deadline: int) -> Message:
    """Sign a forward request, with a nonce that the forwarder counts."""
    body = payer.forward(nonce, gas=gas, deadline=deadline)
    return Message(FORWARD_REQUEST.name, body, key_of(FORWARD_REQUEST.name, body), 0)


def key_of(kind: str, payload: Mapping[str, str | int]) -> MessageKey:
    """Give what the contract knows a row's message by."""
    if KINDS[kind].ordered:
        return forwarded_key(str(payload["from"]), hex_bytes(str(payload["signature"])))
    marker = KINDS[kind].marker(payload)
    return marker.signer.lower(), int(marker.nonce.removeprefix("faucet#"))


def every_kind(settings: ChainSettings) -> dict[str, Any]:
    """Give fields of ChainSettings with which a chain takes all kinds."""
    (asset, *_) = settings.tokens
    return {
        "authorized_tokens": {asset: TokenDomain(name="USDC", version="2")},
        "permit2": Permit2Settings(
            tokens=(asset,), upto=UptoSettings(settler=Address("0x9A9f2CCfdE556A7E9Ff0848998Aa4a0CFD8863AE"))
        ),
        "forwarder": ForwarderSettings(
            address=Address("0xDc64a140Aa3E981100a9becA4E685f962f0cF6C9"),
            name="Ferryman Forwarder",
            allowed=(AllowedTarget(target=FORWARDED, selectors=("0x" + SELECTOR.hex(),)),),
        ),
        "settler": Address("0x" + "5E" * 20),
        "relay": RelaySettings(
            address=Address("0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"),
            fee_token=asset,
            units_per_native=TokenUnits(2_000 * 10**6),
        ),
    }


def fund(chain: FakeChain, payer: Address, units: int) -> None:
    """Give a payer what settlements and the fees of meta-transactions are paid with, and let it call."""
    chain.give(chain.settings.tokens[0], payer, units)
    if chain.metatx:
        chain.metatx.allowed.add((TARGET, SELECTOR))
