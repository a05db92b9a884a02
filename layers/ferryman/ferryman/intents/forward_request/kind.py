"""The kind `forward-request`: parse, check, call."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from eth_abi.exceptions import DecodingError
from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain, transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    ContractMismatchError,
    FieldProblem,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TargetNotAllowedError,
    TrialFailedError,
)
from ferryman.domain.fees import Tier
from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import (
    Address,
    ChainId,
    Gas,
    Instant,
    Seconds,
    TokenUnits,
    TransactionId,
    Wei,
    hex_bytes,
)
from ferryman.intents.deadlines import check_deadline
from ferryman.intents.drafted import Draft, Proposal
from ferryman.intents.erc5267 import EIP712_DOMAIN, is_domain
from ferryman.intents.fields import SELECTOR_BYTES, validated
from ferryman.intents.followed import FollowedContract
from ferryman.intents.forward_request import forwarder
from ferryman.intents.forward_request.request import (
    ForwardRequestDraft,
    ForwardRequestQuoteRequest,
    SignedForwardRequest,
)
from ferryman.intents.kind import Leg, QuoteRequest, SignedIntent
from ferryman.intents.lifecycle import public_events
from ferryman.intents.reverts import revert_text
from ferryman.intents.typed_data import typed_data
from ferryman.intents.uncharged import Payload, UnchargedKind
from ferryman.ports import Depth, EventLog, Funds, LogFilter, NonceMarker, Read, Reservation

_NOTHING: Final = TokenUnits(0)
_TRUST_GAS: Final = Gas(100_000)
"""A target is foreign code: what it may take to say whom it trusts."""
_EXECUTE_BYTES: Final = 4 + 32 * (1 + 7 + 1 + 1 + 3)
"""The selector; heads, the lengths of data and signature, and a key's signature."""
_WORD: Final = 32


class ForwardRequestNonces:
    """The forwarder's count of what each signer has had executed."""

    def most_ahead(self, chain: ChainSettings) -> int:
        """As configured."""
        return chain.forwarder.most_ahead if chain.forwarder else 0

    def next_nonce(self, chain: ChainSettings, signer: Address) -> Read:
        """Ask the forwarder."""
        return Read(_address_of(chain), forwarder.nonces(signer))

    def marker(self, chain: ChainSettings, signer: Address, nonce: int) -> NonceMarker:
        """The signer's nonce at the forwarder."""
        return NonceMarker(
            chain_id=chain.chain_id, contract=_address_of(chain), signer=signer, nonce=str(nonce)
        )

    def ahead(self, payload: Payload, answers: Sequence[bytes]) -> int:
        """By the count at the head."""
        return max(_nonce(payload) - forwarder.number(answers[1]), 0)

    def before(self, payload: Payload) -> NonceMarker:
        """At the same forwarder."""
        return _marker(payload, _nonce(payload) - 1)

    def after(self, payload: Payload) -> NonceMarker:
        """At the same forwarder."""
        return _marker(payload, _nonce(payload) + 1)

    def is_out_of_turn(self, revert: bytes) -> bool:
        """The forwarder recovers the signer over the next nonce, whatever was signed over."""
        return _selector(revert) == forwarder.INVALID_SIGNER

    def evidence(self, payload: Payload) -> bytes:
        """The signature: whoever forwards the request has to pass it on."""
        return _signature(payload)


class ForwardRequestKind(UnchargedKind):
    """Calls on behalf of users, at the operator's cost, by OpenZeppelin's ERC2771Forwarder."""

    name: Final = "forward-request"
    path: Final = "/forward-requests"
    request_model: Final[type[BaseModel]] = SignedForwardRequest
    quote_model: Final[type[BaseModel]] = ForwardRequestQuoteRequest
    draft_model: Final[type[BaseModel]] = ForwardRequestDraft
    call_bytes: Final = _EXECUTE_BYTES + 32 * 3
    """With a call of two arguments."""
    events: Final = public_events("forward_request")
    added = frozenset({"forwarder"})
    is_public: Final = True
    is_replay_protected: Final = True
    locks_funds: Final = False
    asks_wallets: Final = False
    followed: Final[FollowedContract | None] = None
    ordered: Final = ForwardRequestNonces()

    def permanent_reason(self, revert: bytes) -> str | None:
        """By the forwarder's error: a target that reverts may do so no longer."""
        return forwarder.PERMANENT_ERRORS.get(_selector(revert))

    def is_passing(self, revert: bytes) -> bool:
        """By the forwarder's error."""
        return _selector(revert) in forwarder.PASSING_ERRORS

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """Give the forwarder's domain and the members of a request."""
        if chain.forwarder is None:
            return None
        ours = _domain(chain.chain_id, chain.forwarder).told()
        return {
            "primary_type": "ForwardRequest",
            "domain": ours,
            "domains": {chain.forwarder.address: ours},
            "types": {
                "ForwardRequest": [{"name": name, "type": type_} for name, type_ in forwarder.MEMBERS.items()]
            },
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /forward-requests`."""
        request = validated(SignedForwardRequest, body)
        chain, ours = _forwarder_of(request.chain_id, chains)
        payload: dict[str, str | int] = request.model_dump(mode="json", by_alias=True)
        payload |= {"forwarder": ours.address}
        message = _message(payload)
        _check_gas(request.gas, chain, ours, call_bytes=len(message.execute(_signature(payload))))
        _check_allowed(message.target, message.data, ours)
        digest = message.digest(_separator(_domain(chain.chain_id, ours)))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(digest),
            chain_id=chain.chain_id,
            sender=message.signer,
            signature=_signature(payload),
            digest=digest,
            deadline_seconds=message.deadline_seconds,
            priority=Tier(request.priority),
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for a forward request."""
        request = validated(ForwardRequestQuoteRequest, body)
        chain, ours = _forwarder_of(request.chain_id, chains)
        _check_gas(request.gas, chain, ours, call_bytes=self.call_bytes)
        return QuoteRequest(
            chain_id=chain.chain_id,
            token=ours.address,
            tier=Tier(request.priority),
            spending=_funds(chain.chain_id, ours.address, request.signer) if request.signer else None,
            schedule=_schedule(Gas(request.gas), call_bytes=self.call_bytes),
        )

    def schedule(self, payload: Payload, _chain: ChainSettings) -> FeeSchedule:
        """Nothing is charged; what it may cost us counts against its sender's budget."""
        call = self.to_call(payload)
        return _schedule(_message(payload).gas, call_bytes=len(call.data))

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Leave time for the next blocks, and keep nothing open for ever."""
        longest = self.longest_seconds(chain)
        check_deadline(intent.deadline_seconds, now, inclusion=chain.inclusion_seconds, longest=longest)

    def contract_reads(self, chain: ChainSettings, payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask the forwarder for its domain, and the target whether it trusts it."""
        if payload is None or chain.forwarder is None:
            return ()
        return _identity_reads(_forwarder(payload), _message(payload).target)

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, payload: Payload | None = None
    ) -> bool:
        """Compare the domain with the configuration; a target that was not made for the forwarder is none."""
        if payload is None or chain.forwarder is None:
            return not answers
        return _is_trusted(answers, _domain(chain.chain_id, chain.forwarder))

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for the signer's next nonce, deep and at the head; and what the forwarder says of it all."""
        ours, message = _forwarder(payload), _message(payload)
        next_nonce = forwarder.nonces(message.signer)
        return (
            Read(ours, next_nonce, Depth.CONFIRMED),
            Read(ours, next_nonce),
            Read(ours, message.verify(_signature(payload))),
        )

    def assess(self, payload: Payload, answers: Sequence[bytes]) -> TokenUnits:
        """Take what is not used, and what the forwarder itself takes if it is its turn.

        Nothing is spent, so it always fits.
        """
        if any(self.spent_at(payload, answers)):
            msg = "The forwarder has executed a request with this nonce."
            raise NonceUsedError(msg, FieldProblem("nonce", "is used on chain"))
        is_next = forwarder.number(answers[1]) == _nonce(payload)
        if is_next and not forwarder.number(answers[2]):
            raise TrialFailedError("the forwarder does not verify it")
        return _NOTHING

    def trials(self, payload: Payload) -> tuple[Read, ...]:
        """Try the target's call as the forwarder would make it: whoever's turn it is."""
        message = _message(payload)
        call = message.appended()
        gas = ForwarderSettings.trial_gas(message.gas, call=call)
        return (Read(message.target, call, gas=gas, sender=_forwarder(payload)),)

    def refusal(self, _trial: int, revert: bytes) -> RequestError:
        """Say that the target reverts, and with what."""
        reason = f"the target reverts with the gas that it gets: {revert_text(revert)}"
        return TrialFailedError(reason, FieldProblem("data", "reverts"))

    def spent_at(self, payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The forwarder counts on past what it has executed."""
        deep, newest = forwarder.number(answers[0]), forwarder.number(answers[1])
        return deep > _nonce(payload), newest > _nonce(payload)

    def executions(self, payload: Payload) -> LogFilter:
        """What the forwarder tells of this signer's requests."""
        signer = bytes.fromhex(str(payload["from"])[2:]).rjust(32, b"\0")
        return LogFilter(
            contracts=(_forwarder(payload),), topics=(forwarder.EXECUTED,), second_topics=(signer,)
        )

    def is_execution(
        self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> bool:
        """By the nonce, if the target did it: that it was this very request, the calldata has to show."""
        return _was_executed(payload, logs) is True

    def call_head(self, _payload: Payload) -> None:
        """None: whoever forwards it may do so from within any call; its `evidence` is somewhere in there."""
        return

    def marker(self, payload: Payload) -> NonceMarker:
        """The signer's nonce at this forwarder."""
        return _marker(payload, _nonce(payload))

    def reservation(self, payload: Payload) -> Reservation:
        """Nothing, in a ledger of the forwarder's own."""
        funds = _funds(ChainId(int(payload["chain_id"])), _forwarder(payload), str(payload["from"]))
        return Reservation(
            chain_id=funds.chain_id,
            escrow=funds.escrow,
            token=funds.token,
            payer=funds.payer,
            units=_NOTHING,
            marker=self.marker(payload),
        )

    def to_batch_call(self, _payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """None: in a batch the forwarder uses up the nonce of a request whose target fails."""
        return None

    def leg(self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Read the forwarder's own word; a transaction of ours carries nothing else with that nonce."""
        if _was_executed(payload, logs):
            return Leg(is_done=True)
        return Leg(is_done=False, cause="the forwarder did not mention it")

    def to_call(self, payload: Payload) -> Call:
        """Call `execute`, with all the gas that the target was promised."""
        message = _message(payload)
        data = message.execute(_signature(payload))
        least = ForwarderSettings.transaction_gas(message.gas, call_bytes=len(data))
        return Call(_forwarder(payload), data, least_gas=least)

    # -- before it is signed ------------------------------------------------------------------

    def parse_draft(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> Draft:
        """Read the body of `POST /forward-requests/quote`."""
        request = validated(ForwardRequestDraft, body)
        chain, ours = _forwarder_of(request.chain_id, chains)
        target, signer, data = Address(request.target), Address(request.signer), hex_bytes(request.data)
        if request.gas is not None:
            _check_gas(request.gas, chain, ours, call_bytes=_execute_bytes(data))
        _check_allowed(target, data, ours)
        return Draft(
            chain_id=chain.chain_id,
            signer=signer,
            tier=Tier.NORMAL,
            call=Call(target, forwarder.appended(data, signer)),
            caller=ours.address,
            gas_limit=None if request.gas is None else Gas(request.gas),
            nonce=None if request.nonce is None else int(request.nonce),
            deadline_seconds=None if request.deadline is None else Seconds(request.deadline),
        )

    def draft_reads(self, draft: Draft) -> tuple[Read, ...]:
        """Ask the forwarder for its domain, and the target whether it trusts it."""
        return _identity_reads(draft.caller, draft.call.to)

    def check_draft(self, answers: Sequence[bytes], chain: ChainSettings) -> None:
        """Compare the domain with the configuration; the target has to have been made for it."""
        _, ours = _forwarder_of(chain.chain_id, {chain.chain_id: chain})
        if not _is_trusted(answers, _domain(chain.chain_id, ours)):
            msg = "The forwarder is not the one that is configured, or the target does not trust it."
            raise ContractMismatchError(msg)

    def draft_refusal(self, revert: bytes) -> RequestError:
        """Say what the target says."""
        problem = FieldProblem("data", "reverts")
        return TrialFailedError(f"the target reverts: {revert_text(revert)}", problem)

    def gas_limit(self, draft: Draft, estimate: Gas, chain: ChainSettings) -> Gas:
        """Take what the target needs, and a quarter, within what it may get."""
        _, ours = _forwarder_of(draft.chain_id, {chain.chain_id: chain})
        return ours.asked_gas(estimate, call=draft.call.data)

    def draft_schedule(self, draft: Draft, gas_limit: Gas, _chain: ChainSettings) -> FeeSchedule:
        """Charge nothing, and foresee all the gas that may be used."""
        return _schedule(gas_limit, call_bytes=_execute_bytes(_unappended(draft)))

    def longest_seconds(self, chain: ChainSettings) -> Seconds:
        """As configured."""
        return chain.forwarder.longest_seconds if chain.forwarder else Seconds(0)

    def proposed(self, draft: Draft, proposal: Proposal, chain: ChainSettings) -> dict[str, Any]:
        """Write it down with the message to sign."""
        _, ours = _forwarder_of(draft.chain_id, {chain.chain_id: chain})
        data = _unappended(draft)
        _check_gas(proposal.gas_limit, chain, ours, call_bytes=_execute_bytes(data))
        message = forwarder.ForwardRequest(
            signer=draft.signer,
            target=draft.call.to,
            value=Wei(0),
            gas=proposal.gas_limit,
            nonce=proposal.nonce,
            deadline_seconds=proposal.deadline_seconds,
            data=data,
        )
        domain = _domain(chain.chain_id, ours)
        return {
            "chain_id": chain.chain_id,
            "kind": self.name,
            "forwarder": ours.address,
            "gas_estimate": proposal.gas_estimate,
            "gas": proposal.gas_limit,
            "transaction_gas": proposal.gas,
            "nonce": str(proposal.nonce),
            "deadline": proposal.deadline_seconds,
            "typed_data": typed_data(domain, "ForwardRequest", forwarder.MEMBERS, message.members()),
        }


FORWARD_REQUEST: Final = ForwardRequestKind()


def _forwarder_of(
    chain_id: int, chains: Mapping[ChainId, ChainSettings]
) -> tuple[ChainSettings, ForwarderSettings]:
    """Find the chain and its forwarder.

    Raises:
        InvalidFieldsError: there is none.

    """
    chain = chains.get(ChainId(chain_id))
    if chain is None or chain.forwarder is None:
        served = ", ".join(str(one.chain_id) for one in chains.values() if one.forwarder)
        problem = FieldProblem("chain_id", f"has no forwarder here; those that have: {served}")
        raise InvalidFieldsError("This deployment forwards no requests on that chain.", problem)
    return chain, chain.forwarder


def _check_gas(gas: int, chain: ChainSettings, ours: ForwarderSettings, *, call_bytes: int) -> None:
    if gas > ours.most_gas:
        problem = FieldProblem("gas", f"must be at most {ours.most_gas}")
        raise InvalidFieldsError("A target gets no more gas than that.", problem)
    if ours.transaction_gas(Gas(gas), call_bytes=call_bytes) > chain.gas_limit_cap:
        problem = FieldProblem("gas", "is too much for a transaction that has to carry so many bytes as well")
        raise InvalidFieldsError("No transaction gets so much gas.", problem)


def _check_allowed(target: Address, data: bytes, ours: ForwarderSettings) -> None:
    if not ours.allows(target, data[:SELECTOR_BYTES]):
        problem = FieldProblem("to", "is not on this deployment's list with this selector")
        raise TargetNotAllowedError("This deployment pays for no calls of this function.", problem)


def _identity_reads(ours: Address, target: Address) -> tuple[Read, ...]:
    trusts = forwarder.is_trusted_forwarder(ours)
    return Read(ours, EIP712_DOMAIN), Read(target, trusts, gas=_TRUST_GAS)


def _is_trusted(answers: Sequence[bytes], domain: Eip712Domain) -> bool:
    """Whether a forwarder of that domain answered, which the target trusts."""
    try:
        is_forwarder = is_domain(answers[0], domain)
    except DecodingError:
        return False
    return is_forwarder and forwarder.number(answers[1]) == 1


def _execute_bytes(data: bytes) -> int:
    """How long the calldata of `execute` is, with a call of a target in it and a key's signature."""
    return _EXECUTE_BYTES + -(-len(data) // _WORD) * _WORD


def _unappended(draft: Draft) -> bytes:
    """Give what the user asks for, without the user."""
    return draft.call.data[: -forwarder.ADDRESS_BYTES]


def _address_of(chain: ChainSettings) -> Address:
    _, ours = _forwarder_of(chain.chain_id, {chain.chain_id: chain})
    return ours.address


def _schedule(asked: Gas, *, call_bytes: int) -> FeeSchedule:
    """Charge nothing, and foresee all the gas that may be used."""
    return FeeSchedule(gas=ForwarderSettings.transaction_gas(asked, call_bytes=call_bytes))


def _domain(chain_id: ChainId, ours: ForwarderSettings) -> Eip712Domain:
    return Eip712Domain(ours.name, ours.version, chain_id, ours.address)


@lru_cache(maxsize=64)
def _separator(domain: Eip712Domain) -> bytes:
    return domain.separator()


def _message(payload: Payload) -> forwarder.ForwardRequest:
    """Give what the user signed."""
    return forwarder.ForwardRequest(
        signer=Address(str(payload["from"])),
        target=Address(str(payload["to"])),
        value=Wei(int(payload["value"])),
        gas=Gas(int(payload["gas"])),
        nonce=_nonce(payload),
        deadline_seconds=Seconds(int(payload["deadline"])),
        data=hex_bytes(str(payload["data"])),
    )


def _was_executed(payload: Payload, logs: Sequence[EventLog]) -> bool | None:
    """Find what the forwarder says of the nonce: whether the target did it; None: nothing."""
    signer = bytes.fromhex(str(payload["from"])[2:]).rjust(32, b"\0")
    for log in logs:
        if log.contract == _forwarder(payload) and log.topics == (forwarder.EXECUTED, signer):
            nonce, succeeded = forwarder.executed(log.data)
            if nonce == _nonce(payload):
                return succeeded
    return None


def _marker(payload: Payload, nonce: int) -> NonceMarker:
    return NonceMarker(
        chain_id=ChainId(int(payload["chain_id"])),
        contract=_forwarder(payload),
        signer=Address(str(payload["from"])),
        nonce=str(nonce),
    )


def _funds(chain_id: ChainId, forwarder_address: Address, signer: str) -> Funds:
    """A ledger in which nothing is ever held; it counts what its sender posts."""
    return Funds(chain_id=chain_id, escrow=forwarder_address, token=forwarder_address, payer=Address(signer))


def _selector(revert: bytes) -> str:
    return "0x" + revert[:SELECTOR_BYTES].hex()


def _nonce(payload: Payload) -> int:
    return int(payload["nonce"])


def _forwarder(payload: Payload) -> Address:
    return Address(str(payload["forwarder"]))


def _signature(payload: Payload) -> bytes:
    return hex_bytes(str(payload["signature"]))
