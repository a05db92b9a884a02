"""The kind `permit-transfer`: parse, check, call."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    AllowanceRequiredError,
    FieldProblem,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TrialFailedError,
    WrongSignerError,
    chain_not_served,
)
from ferryman.domain.fees import Tier
from ferryman.domain.permit2 import CANONICAL, Permit2Settings
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TokenUnits, TransactionId, hex_bytes
from ferryman.intents import eip3009
from ferryman.intents.fields import validated
from ferryman.intents.kind import Leg, QuoteRequest, SignedIntent, SignedKind
from ferryman.intents.lifecycle import public_events
from ferryman.intents.permit_transfer import permit2
from ferryman.intents.permit_transfer.request import PermitTransferQuoteRequest, PermitTransferRequest
from ferryman.intents.transfers import (
    TRIAL_GAS,
    TransferKind,
    check_deployed,
    check_window,
    quote_request,
    reservation,
    room_beside,
)
from ferryman.intents.uncharged import Payload
from ferryman.ports import Depth, EventLog, LogFilter, NonceMarker, Read, Reservation


class PermitTransferKind(TransferKind):
    """Transfers of any token that its holder has signed for Permit2, through x402's exact proxy."""

    name: Final = "permit-transfer"
    path: Final = "/permit-transfers"
    request_model: Final[type[BaseModel]] = PermitTransferRequest
    quote_model: Final[type[BaseModel]] = PermitTransferQuoteRequest
    call_bytes: Final = permit2.CALL_BYTES
    events: Final = public_events("permit_transfer")

    def permanent_reason(self, revert: bytes) -> str | None:
        """By Permit2's error."""
        return permit2.reason_of(revert)

    def is_passing(self, revert: bytes) -> bool:
        """By the proxy's error."""
        return permit2.is_passing(revert)

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """Give Permit2's domain and the members of a permit."""
        if chain.permit2 is None:
            return None
        told = permit2.domain(chain.chain_id, chain.permit2.address).told()
        return {
            "primary_type": permit2.TYPE_NAME,
            "domain": told,
            "domains": {chain.permit2.address: told},
            "types": {
                struct: [{"name": name, "type": type_} for name, type_ in members.items()]
                for struct, members in permit2.TYPES.items()
            },
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /permit-transfers`."""
        request = validated(PermitTransferRequest, body)
        ours = _served(request, chains)
        check_deployed(hex_bytes(request.signature))
        payload = request.payload() | _contracts(ours)
        permit = _permit(payload)
        chain_id = ChainId(request.chain_id)
        digest = permit.digest(permit2.separator(chain_id, ours.address))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(permit2.identity(digest, permit.payer)),
            chain_id=chain_id,
            sender=permit.payer,
            signature=_signature(payload),
            digest=digest,
            deadline_seconds=permit.deadline,
            priority=Tier(request.priority),
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for a permit transfer."""
        request = validated(PermitTransferQuoteRequest, body)
        _served(request, chains)
        return quote_request(request)

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Take what is valid already, and for as long as its inclusion may take."""
        begins = Seconds(_permit(intent.payload).valid_after - 1)
        check_window(chain, now, begins=("valid_after", begins), ends=("deadline", intent.deadline_seconds))

    def contract_reads(self, _chain: ChainSettings, payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask Permit2 for its domain, and the proxy whom it calls and what it has its witness signed as."""
        if payload is None:
            return ()
        address, proxy = _permit2(payload), _permit(payload).spender
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
        address = _permit2(payload)
        called = hex_bytes(address).rjust(32, b"\0")
        return list(answers) == [permit2.separator(chain.chain_id, address), called, permit2.WITNESS_HASH]

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for balance and nonce, once deep and once at the head, and what Permit2 may take."""
        permit, address = _permit(payload), _permit2(payload)
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
        permit = _permit(payload)
        if any(self.spent_at(payload, answers)):
            msg = "Permit2 has seen a permit with this nonce, or its invalidation."
            raise NonceUsedError(msg, FieldProblem("nonce", "is used on chain"))
        if eip3009.balance(answers[4]) < permit.units:
            spender = _permit2(payload)
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

    def refusal(self, _trial: int, revert: bytes) -> RequestError:
        """Say what Permit2 says; of the token's own reasons it tells nothing."""
        reason = permit2.reason_of(revert)
        if reason == "nonce_used":
            msg = "Permit2 has seen a permit with this nonce, or its invalidation."
            return NonceUsedError(msg, FieldProblem("nonce", "is used on chain"))
        if reason == "signature_invalid":
            problem = FieldProblem("signature", "is refused by Permit2")
            return WrongSignerError("Permit2 refuses the signature.", problem)
        return TrialFailedError(reason or "reverted")

    def spent_at(self, payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The nonce's bit in Permit2's bitmap."""
        nonce = _permit(payload).nonce
        return permit2.is_used(answers[2], nonce), permit2.is_used(answers[3], nonce)

    def executions(self, payload: Payload) -> LogFilter:
        """What the token tells of this payer's transfers."""
        permit = _permit(payload)
        return LogFilter(
            contracts=(permit.asset,),
            topics=(eip3009.TRANSFERRED,),
            second_topics=(hex_bytes(permit.payer).rjust(32, b"\0"),),
        )

    def is_execution(
        self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> bool:
        """By the transfer, as far as logs tell: whose nonce it was, the call has to."""
        return permit2.is_paid(_permit(payload), logs)

    def call_head(self, payload: Payload) -> bytes | None:
        """All that was signed: else one transfer would count for another nonce too, which its payer burnt."""
        return _permit(payload).call_head()

    def marker(self, payload: Payload) -> NonceMarker:
        """The payer's nonce with Permit2."""
        permit = _permit(payload)
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_permit2(payload),
            signer=permit.payer,
            nonce=str(permit.nonce),
        )

    def reservation(self, payload: Payload) -> Reservation:
        """What is signed for, out of the payer's balance."""
        return reservation(payload, _permit(payload).units, self.marker(payload))

    def to_batch_call(self, _payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """None: the proxy takes one at a time."""
        return None

    def leg(self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Find the token's own word of the transfer; the call was its own, and used its nonce."""
        is_paid = permit2.is_paid(_permit(payload), logs)
        return Leg(is_done=True) if is_paid else Leg(is_done=False, reason="transfer_mismatch")

    def to_call(self, payload: Payload) -> Call:
        """Call the proxy's `settle`."""
        permit = _permit(payload)
        return Call(permit.spender, permit2.settle(permit, _signature(payload)))


PERMIT_TRANSFER: Final[SignedKind] = PermitTransferKind()


def _served(
    request: PermitTransferRequest | PermitTransferQuoteRequest, chains: Mapping[ChainId, ChainSettings]
) -> Permit2Settings:
    """Find what the chain settles by Permit2, and with which contracts."""
    chain = chains.get(ChainId(request.chain_id))
    if chain is None:
        raise chain_not_served(chains)
    if chain.permit2 is None or Address(request.asset) not in chain.permit2.tokens:
        settled = ", ".join(chain.permit2.tokens) if chain.permit2 else "none"
        problem = FieldProblem("asset", f"is not settled by Permit2 on this chain; settled: {settled}")
        raise InvalidFieldsError("This deployment does not settle that token.", problem)
    return chain.permit2


def _permit(payload: Payload) -> permit2.Permit:
    return permit2.Permit(
        payer=Address(str(payload["from"])),
        payee=Address(str(payload["to"])),
        asset=Address(str(payload["asset"])),
        units=TokenUnits(int(payload["amount"])),
        nonce=int(payload["nonce"]),
        deadline=Seconds(int(payload["deadline"])),
        valid_after=Seconds(int(payload["valid_after"])),
        spender=Address(str(payload["spender"])),
    )


def _contracts(ours: Permit2Settings) -> dict[str, str]:
    """Say whom it is for; a row says nothing of Permit2's usual address, or it would pass a kilobyte."""
    named = {"spender": str(ours.proxy)}
    return named if ours.address == CANONICAL else named | {"permit2": ours.address}


def _permit2(payload: Payload) -> Address:
    return Address(str(payload.get("permit2", CANONICAL)))


def _signature(payload: Payload) -> bytes:
    return hex_bytes(str(payload["signature"]))
