"""Kinds of transfers that are signed for Permit2: what they have in common, whatever proxy is the spender."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    AllowanceRequiredError,
    FieldProblem,
    InvalidFieldsError,
    chain_not_served,
)
from ferryman.domain.fees import Tier
from ferryman.domain.permit2 import CANONICAL, Permit2Settings
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TokenUnits, TransactionId, hex_bytes
from ferryman.intents import eip3009, permit2
from ferryman.intents.fields import DeadlineField, Uint256Field, validated
from ferryman.intents.kind import Leg, QuoteRequest, SignedIntent
from ferryman.intents.transfers import (
    TRIAL_GAS,
    TransferKind,
    TransferQuoteRequest,
    TransferRequest,
    ValidAfterField,
    check_deployed,
    check_window,
    quote_request,
    reservation,
    room_beside,
)
from ferryman.intents.uncharged import Payload
from ferryman.ports import Depth, EventLog, LogFilter, NonceMarker, Read, Reservation


class PermitRequest(TransferRequest):
    """A signed `PermitWitnessTransferFrom` of Permit2 to a proxy of x402's, which pays its witness' `to`."""

    valid_after: ValidAfterField
    deadline: Annotated[
        DeadlineField, Field(description="Unix seconds until which Permit2 takes it.", examples=[1893456000])
    ]
    nonce: Annotated[
        Uint256Field,
        Field(description="Any uint256 the payer has not used with Permit2, in decimal.", examples=["7"]),
    ]


class PermitKind(TransferKind, ABC):
    """What such a kind says of itself, but for its proxy, and what that has its witness signed as."""

    name: ClassVar[str]
    request_model: ClassVar[type[PermitRequest]]
    quote_model: ClassVar[type[TransferQuoteRequest]]
    types: ClassVar[permit2.Types]
    """Of what is signed."""
    witness_hash: ClassVar[bytes]
    added = frozenset({"permit2", "settler", "spender"})
    judge = "Permit2"
    nonce_seen = "Permit2 has seen a permit with this nonce, or its invalidation."

    @abstractmethod
    def permit_of(self, payload: Payload) -> permit2.Permit:
        """Give what was signed."""

    @abstractmethod
    def contracts(self, ours: Permit2Settings) -> dict[str, str] | None:
        """Name the contracts that a row has to keep, but for Permit2; None: the chain has none for it."""

    def permanent_reason(self, revert: bytes) -> str | None:
        """By Permit2's error; of the token's own reasons it tells nothing."""
        return permit2.reason_of(revert)

    def is_passing(self, revert: bytes) -> bool:
        """By the proxy's error."""
        return permit2.is_passing(revert)

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """Give Permit2's domain and the members of a permit."""
        if chain.permit2 is None or self.contracts(chain.permit2) is None:
            return None
        told = permit2.domain(chain.chain_id, chain.permit2.address).told()
        return {
            "primary_type": permit2.TYPE_NAME,
            "domain": told,
            "domains": {chain.permit2.address: told},
            "types": {
                struct: [{"name": name, "type": type_} for name, type_ in members.items()]
                for struct, members in self.types.items()
            },
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of a post of the kind's own."""
        request = validated(self.request_model, body)
        ours, contracts = self._served(request, chains)
        check_deployed(hex_bytes(request.signature))
        payload = request.payload() | contracts | _permit2_named(ours)
        permit = self.permit_of(payload)
        chain_id = ChainId(request.chain_id)
        digest = permit.digest(permit2.separator(chain_id, ours.address))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(permit2.identity(digest, permit.payer)),
            chain_id=chain_id,
            sender=permit.payer,
            signature=signature_of(payload),
            digest=digest,
            deadline_seconds=permit.deadline,
            priority=Tier(request.priority),
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for one."""
        request = validated(self.quote_model, body)
        self._served(request, chains)
        return quote_request(request)

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Take what is valid already, and for as long as its inclusion may take."""
        begins = Seconds(self.permit_of(intent.payload).valid_after - 1)
        check_window(chain, now, begins=("valid_after", begins), ends=("deadline", intent.deadline_seconds))

    def contract_reads(self, _chain: ChainSettings, payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask Permit2 for its domain, and the proxy whom it calls and what it has its witness signed as."""
        if payload is None:
            return ()
        address, proxy = _permit2_of(payload), self.permit_of(payload).spender
        return (
            Read(address, permit2.DOMAIN_SEPARATOR),
            Read(proxy, permit2.PROXY_PERMIT2),
            Read(proxy, permit2.PROXY_WITNESS),
        )

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, payload: Payload | None = None
    ) -> bool:
        """Compare them with what was signed; no contract at all is no match."""
        if payload is None:
            return not answers
        address = _permit2_of(payload)
        called = hex_bytes(address).rjust(32, b"\0")
        return list(answers) == [permit2.separator(chain.chain_id, address), called, self.witness_hash]

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for balance and nonce, once deep and once at the head, and what Permit2 may take."""
        permit, address = self.permit_of(payload), _permit2_of(payload)
        balance, bitmap = eip3009.balance_call(permit.payer), permit2.bitmap_call(permit.payer, permit.nonce)
        depths = Depth.CONFIRMED, Depth.HEAD
        return (
            *(Read(permit.asset, balance, depth, gas=TRIAL_GAS) for depth in depths),
            *(Read(address, bitmap, depth) for depth in depths),
            Read(permit.asset, permit2.allowance_call(permit.payer, address), gas=TRIAL_GAS),
        )

    def assess(self, payload: Payload, answers: Sequence[bytes]) -> TokenUnits:
        """Take the deep balance less this one, if the head's is enough as well.

        The head's counts no further: a transfer that is mined and not yet let go has left it already.
        """
        permit = self.permit_of(payload)
        if any(self.spent_at(payload, answers)):
            raise self.nonce_used()
        if eip3009.balance(answers[4]) < permit.units:
            spender = _permit2_of(payload)
            msg = (
                f"The payer has to approve {spender} once, with the token, for {permit.units} units at least."
            )
            problem = FieldProblem("from", f"has not approved {spender} for so much")
            raise AllowanceRequiredError(msg, problem)
        deep, newest = eip3009.balance(answers[0]), eip3009.balance(answers[1])
        return room_beside(permit.units, deep=deep, newest=newest)

    def trials(self, payload: Payload) -> tuple[Read, ...]:
        """The transfer itself, at the head: foreign code may refuse it for reasons of its own."""
        call = self.to_call(payload)
        return (Read(call.to, call.data, gas=TRIAL_GAS),)

    def spent_at(self, payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The nonce's bit in Permit2's bitmap."""
        nonce = self.permit_of(payload).nonce
        return permit2.is_used(answers[2], nonce), permit2.is_used(answers[3], nonce)

    def executions(self, payload: Payload) -> LogFilter:
        """What the token tells of this payer's transfers."""
        permit = self.permit_of(payload)
        return LogFilter(
            contracts=(permit.asset,),
            topics=(eip3009.TRANSFERRED,),
            second_topics=(hex_bytes(permit.payer).rjust(32, b"\0"),),
        )

    def is_execution(
        self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> bool:
        """By the transfer, as far as logs tell: whose nonce it was, the call has to."""
        return permit2.is_paid(self.permit_of(payload), logs)

    def call_head(self, payload: Payload) -> bytes | None:
        """All that was signed: else one transfer would count for another nonce too, which its payer burnt."""
        return self.permit_of(payload).call_head()

    def marker(self, payload: Payload) -> NonceMarker:
        """The payer's nonce with Permit2."""
        permit = self.permit_of(payload)
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_permit2_of(payload),
            signer=permit.payer,
            nonce=str(permit.nonce),
        )

    def reservation(self, payload: Payload) -> Reservation:
        """What the payee gets, out of the payer's balance."""
        return reservation(payload, self.permit_of(payload).units, self.marker(payload))

    def to_batch_call(self, _payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """None: the proxy takes one at a time."""
        return None

    def leg(self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Find the token's own word of the transfer; the call was its own, and used its nonce."""
        is_paid = permit2.is_paid(self.permit_of(payload), logs)
        return Leg(is_done=True) if is_paid else Leg(is_done=False, reason="transfer_mismatch")

    def to_call(self, payload: Payload) -> Call:
        """Call the proxy's `settle`."""
        permit = self.permit_of(payload)
        return Call(permit.spender, permit2.settle(permit, signature_of(payload)))

    def _served(
        self, request: PermitRequest | TransferQuoteRequest, chains: Mapping[ChainId, ChainSettings]
    ) -> tuple[Permit2Settings, dict[str, str]]:
        """Find what the chain settles by Permit2, and with which contracts."""
        chain = chains.get(ChainId(request.chain_id))
        if chain is None:
            raise chain_not_served(chains)
        ours = chain.permit2
        contracts = self.contracts(ours) if ours else None
        tokens = ours.tokens if ours and contracts else ()
        if ours is None or contracts is None or Address(request.asset) not in tokens:
            reason = f"is not settled so on this chain; settled: {', '.join(tokens) or 'none'}"
            message = "This deployment does not settle that token."
            raise InvalidFieldsError(message, FieldProblem("asset", reason))
        return ours, contracts


def members_of(payload: Payload) -> dict[str, Any]:
    """Give the members that every permit has, but for its spender."""
    return {
        "payer": Address(str(payload["from"])),
        "payee": Address(str(payload["to"])),
        "asset": Address(str(payload["asset"])),
        "units": TokenUnits(int(payload["amount"])),
        "nonce": int(payload["nonce"]),
        "deadline": Seconds(int(payload["deadline"])),
        "valid_after": Seconds(int(payload.get("valid_after", 0))),
    }


def signature_of(payload: Payload) -> bytes:
    """Give what the payer signed it with."""
    return hex_bytes(str(payload["signature"]))


def _permit2_named(ours: Permit2Settings) -> dict[str, str]:
    """Name Permit2, unless it is at its usual address: else a row would pass a kilobyte."""
    return {} if ours.address == CANONICAL else {"permit2": ours.address}


def _permit2_of(payload: Payload) -> Address:
    return Address(str(payload.get("permit2", CANONICAL)))
