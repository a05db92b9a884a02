"""The kind `settlement`: parse, check, call."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings, TokenDomain
from ferryman.domain.eip712 import Eip712Domain, transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.erc1271 import GAS_LIMIT
from ferryman.domain.erc6492 import DEPLOYMENT_GAS, Counterfactual, is_of_undeployed_wallet
from ferryman.domain.errors import (
    FactoryNotAllowedError,
    FieldProblem,
    InvalidFieldsError,
    RequestError,
    TrialFailedError,
    chain_not_served,
)
from ferryman.domain.fees import Tier
from ferryman.domain.signatures import SignatureFormatError
from ferryman.domain.units import (
    Address,
    ChainId,
    Gas,
    Instant,
    Seconds,
    TokenUnits,
    TransactionId,
    hex_bytes,
)
from ferryman.intents import eip3009
from ferryman.intents.fields import validated
from ferryman.intents.kind import Leg, MoneyFields, QuoteRequest, SignedIntent, SignedKind
from ferryman.intents.lifecycle import public_events
from ferryman.intents.settlement import deploying, settler
from ferryman.intents.settlement.request import SettlementQuoteRequest, SettlementRequest
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


class SettlementKind(TransferKind):
    """Transfers of a token that its holder has signed (EIP-3009)."""

    name: Final = "settlement"
    path: Final = "/settlements"
    request_model: Final[type[BaseModel]] = SettlementRequest
    quote_model: Final[type[BaseModel]] = SettlementQuoteRequest
    call_bytes: Final = 4 + 32 * (len(eip3009.MEMBERS) + 3)
    """The selector, six members, and v, r, s."""
    money = MoneyFields(taken="value")
    events: Final = public_events("settlement")
    added = frozenset({"deployer"})
    judge = "the token"
    nonce_seen = "The token has seen an authorization with this nonce, or its cancellation."

    def permanent_reason(self, revert: bytes) -> str | None:
        """By the token's error, or its words."""
        return eip3009.reason_of(revert)

    def is_passing(self, revert: bytes) -> bool:
        """By the token's error, or its words."""
        return eip3009.is_passing(revert)

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """Give the first token's domain, every token's, and the members of an authorization."""
        domains = {
            address: Eip712Domain(one.name, one.version, chain.chain_id, address).told()
            for address, one in chain.authorized_tokens.items()
        }
        if not domains:
            return None
        return {
            "primary_type": eip3009.TYPE_NAME,
            "domain": next(iter(domains.values())),
            "domains": domains,
            "types": {
                eip3009.TYPE_NAME: [{"name": name, "type": type_} for name, type_ in eip3009.MEMBERS.items()]
            },
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /settlements`."""
        request = validated(SettlementRequest, body)
        chain, domain = _served(request, chains)
        payload = request.payload() | _deployer(hex_bytes(request.signature), chain)
        _check_length(hex_bytes(request.signature), domain)
        authorization = _authorization(payload)
        digest = authorization.digest(_separator(chain.chain_id, Address(request.asset), domain))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(digest),
            chain_id=chain.chain_id,
            sender=authorization.payer,
            signature=_signature(payload),
            digest=digest,
            deadline_seconds=authorization.valid_before,
            priority=Tier(request.priority),
            vouching=_vouching(payload, digest),
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for a settlement."""
        request = validated(SettlementQuoteRequest, body)
        _served(request, chains)
        return quote_request(request)

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Take what is valid already, and for as long as its inclusion may take."""
        begins, ends = Seconds(int(intent.payload["valid_after"])), intent.deadline_seconds
        check_window(chain, now, begins=("valid_after", begins), ends=("valid_before", ends))

    def contract_reads(self, chain: ChainSettings, payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask the token for its domain separator."""
        if payload is None or _asset(payload) not in chain.authorized_tokens:
            return ()
        return (Read(_asset(payload), eip3009.DOMAIN_SEPARATOR, gas=TRIAL_GAS),)

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, payload: Payload | None = None
    ) -> bool:
        """Compare it with the configured domain; no contract at all is no match."""
        if payload is None:
            return not answers
        asset = _asset(payload)
        return list(answers) == [_separator(chain.chain_id, asset, chain.authorized_tokens[asset])]

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for balance and nonce, once deep and once at the head."""
        asset, authorization = _asset(payload), _authorization(payload)
        calls = eip3009.balance_call(authorization.payer), eip3009.state_call(authorization)
        return tuple(
            Read(asset, call, depth, gas=TRIAL_GAS)
            for call in calls
            for depth in (Depth.CONFIRMED, Depth.HEAD)
        )

    def assess(self, payload: Payload, answers: Sequence[bytes]) -> TokenUnits:
        """Take the deep balance less this one, if the head's is enough as well.

        The head's counts no further: a settlement that is mined and not yet let go has left it already.
        """
        if any(self.spent_at(payload, answers)):
            raise self.nonce_used()
        deep, newest, units = eip3009.balance(answers[0]), eip3009.balance(answers[1]), _units(payload)
        return room_beside(units, deep=deep, newest=newest)

    def trials(self, payload: Payload) -> tuple[Read, ...]:
        """The transfer itself, at the head: foreign code may refuse it for reasons of its own."""
        call, gas = self.to_call(payload), TRIAL_GAS
        if "deployer" in payload:
            gas = Gas(gas + DEPLOYMENT_GAS)
        return (Read(call.to, call.data, gas=gas),)

    def refusal(self, trial: int, revert: bytes) -> RequestError:
        """Say what the token says, or who was to deploy the wallet."""
        if deploying.is_not_deployed(revert):
            return TrialFailedError("deployment_failed", FieldProblem("signature", "deploys no such wallet"))
        return super().refusal(trial, revert)

    def spent_at(self, _payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The token's word on the nonce."""
        return eip3009.is_used(answers[2]), eip3009.is_used(answers[3])

    def executions(self, payload: Payload) -> LogFilter:
        """What the token tells of this payer's authorizations and transfers."""
        return LogFilter(
            contracts=(_asset(payload),),
            topics=(eip3009.AUTHORIZATION_USED, eip3009.TRANSFERRED),
            second_topics=(bytes.fromhex(str(payload["from"])[2:]).rjust(32, b"\0"),),
        )

    def is_execution(
        self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> bool:
        """By nonce and transfer: whoever sent it, the payee has the money."""
        return eip3009.is_carried_out(_authorization(payload), _asset(payload), logs)

    def call_head(self, _payload: Payload) -> None:
        """None: the logs name it."""
        return

    def marker(self, payload: Payload) -> NonceMarker:
        """The payer's nonce with this token."""
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_asset(payload),
            signer=Address(str(payload["from"])),
            nonce=str(int(str(payload["nonce"]), 16)),
        )

    def reservation(self, payload: Payload) -> Reservation:
        """What is signed for, out of the payer's balance."""
        return reservation(payload, _units(payload), self.marker(payload))

    def to_batch_call(self, payloads: Sequence[Payload], chain: ChainSettings) -> Call | None:
        """Call the BatchSettler, if there is one, and all are of one token and signed by keys."""
        assets = {_asset(payload) for payload in payloads}
        legs = [(_authorization(payload), _signature(payload)) for payload in payloads]
        are_of_keys = all(len(signature) == eip3009.KEY_SIGNATURE_BYTES for _, signature in legs)
        if chain.settler is None or len(assets) != 1 or not are_of_keys:
            return None
        return Call(chain.settler, settler.settle(assets.pop(), legs))

    def leg(self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Find the token's own word: of the nonce, and right after it of the transfer."""
        authorization, asset = _authorization(payload), _asset(payload)
        if eip3009.is_carried_out(authorization, asset, logs):
            return Leg(is_done=True)
        if eip3009.is_nonce_used(authorization, asset, logs):
            return Leg(is_done=False, reason="transfer_mismatch")
        return Leg(is_done=False, cause="the token did not mention it")

    def to_call(self, payload: Payload) -> Call:
        """Call `transferWithAuthorization`, or who does so after the wallet is deployed."""
        authorization, signature = _authorization(payload), _signature(payload)
        if "deployer" in payload:
            data = deploying.settle(_asset(payload), authorization, Counterfactual.of(signature))
            return Call(Address(str(payload["deployer"])), data)
        return Call(_asset(payload), eip3009.transfer_with_authorization(authorization, signature))


SETTLEMENT: Final[SignedKind] = SettlementKind()


def _served(
    request: SettlementRequest | SettlementQuoteRequest, chains: Mapping[ChainId, ChainSettings]
) -> tuple[ChainSettings, TokenDomain]:
    """Find the chain, and the domain of the token there."""
    chain = chains.get(ChainId(request.chain_id))
    if chain is None:
        raise chain_not_served(chains)
    domain = chain.authorized_tokens.get(Address(request.asset))
    if domain is None:
        settled = ", ".join(chain.authorized_tokens) or "none"
        problem = FieldProblem("asset", f"is not settled on this chain; settled: {settled}")
        raise InvalidFieldsError("This deployment does not settle that token.", problem)
    return chain, domain


def _deployer(signature: bytes, chain: ChainSettings) -> dict[str, str]:
    """Say who deploys the wallet of a signature, if it has to be deployed and may be."""
    ours = chain.undeployed_wallets
    if ours is None or not is_of_undeployed_wallet(signature):
        check_deployed(signature)
        return {}
    try:
        factory = Counterfactual.of(signature).factory
    except SignatureFormatError as error:
        problem = FieldProblem("signature", str(error))
        raise InvalidFieldsError("The signature is malformed.", problem) from error
    if factory not in ours.factories:
        reason = f"names a factory that is not called here; called: {', '.join(ours.factories)}"
        raise FactoryNotAllowedError("Its wallet is not deployed.", FieldProblem("signature", reason))
    return {"deployer": ours.settler}


def _vouching(payload: Payload, digest: bytes) -> Read | None:
    """Have the wallet deployed, and asked, in one call."""
    if "deployer" not in payload:
        return None
    signed = Counterfactual.of(_signature(payload))
    call = deploying.is_valid_signature(Address(str(payload["from"])), digest, signed)
    return Read(Address(str(payload["deployer"])), call, gas=Gas(DEPLOYMENT_GAS + GAS_LIMIT))


def _check_length(signature: bytes, domain: TokenDomain) -> None:
    """Refuse signatures that no call to the token could carry."""
    if len(signature) != eip3009.KEY_SIGNATURE_BYTES and not domain.takes_bytes:
        reason = (
            f"must be {eip3009.KEY_SIGNATURE_BYTES} bytes (r, s, v), not {len(signature)}, with this token"
        )
        raise InvalidFieldsError("The signature is malformed.", FieldProblem("signature", reason))


@lru_cache(maxsize=64)
def _separator(chain_id: ChainId, asset: Address, domain: TokenDomain) -> bytes:
    return Eip712Domain(domain.name, domain.version, chain_id, asset).separator()


def _authorization(payload: Payload) -> eip3009.Authorization:
    return eip3009.Authorization(
        payer=Address(str(payload["from"])),
        payee=Address(str(payload["to"])),
        value=_units(payload),
        valid_after=Seconds(int(payload["valid_after"])),
        valid_before=Seconds(int(payload["valid_before"])),
        nonce=hex_bytes(str(payload["nonce"])),
    )


def _asset(payload: Payload) -> Address:
    return Address(str(payload["asset"]))


def _signature(payload: Payload) -> bytes:
    return hex_bytes(str(payload["signature"]))


def _units(payload: Payload) -> TokenUnits:
    return TokenUnits(int(payload["value"]))
