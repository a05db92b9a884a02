"""The kind `payment`: parse, check, call."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from eth_abi.exceptions import DecodingError
from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    chain_not_served,
)
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import (
    Address,
    ChainId,
    Instant,
    Seconds,
    TokenUnits,
    TransactionId,
    hex_bytes,
)
from ferryman.intents.deadlines import check_deadline
from ferryman.intents.erc5267 import EIP712_DOMAIN, is_domain
from ferryman.intents.fields import validated
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import Leg, MoneyFields, QuoteRequest, SignedIntent, SignedKind
from ferryman.intents.lifecycle import public_events
from ferryman.intents.ordered import OrderedNonces
from ferryman.intents.payment import escrow
from ferryman.intents.payment.followed import FOLLOWED_ESCROW
from ferryman.intents.payment.request import PaymentQuoteRequest, PaymentRequest
from ferryman.ports import Depth, EventLog, Funds, LogFilter, NonceMarker, Read, Reservation

Payload = Mapping[str, str | int]


class PaymentKind:
    """Payments out of funds that the payer has locked in the escrow."""

    name: Final = "payment"
    path: Final = "/payments"
    request_model: Final[type[BaseModel]] = PaymentRequest
    quote_model: Final[type[BaseModel]] = PaymentQuoteRequest
    call_bytes: Final = 4 + 32 * (7 + 2 + 3)
    """The selector, seven members, offset and length, and a key's signature in three words."""
    money: Final = MoneyFields()
    events: Final = public_events("payment")
    added: Final = frozenset({"escrow"})
    is_public: Final = True
    is_replay_protected: Final = True
    locks_funds: Final = True
    asks_wallets: Final = True
    followed: Final[FollowedContract | None] = FOLLOWED_ESCROW
    ordered: Final[OrderedNonces | None] = None

    def permanent_reason(self, revert: bytes) -> str | None:
        """By the escrow's error."""
        return escrow.PERMANENT_ERRORS.get(_selector(revert))

    def is_passing(self, revert: bytes) -> bool:
        """By the escrow's error."""
        return _selector(revert) in escrow.PASSING_ERRORS

    def signing(self, chain: ChainSettings) -> Mapping[str, Any]:
        """Give the escrow's domain and the members of a payment."""
        ours = escrow.domain(chain.chain_id, chain.escrow).told()
        return {
            "primary_type": "Payment",
            "domain": ours,
            "domains": {chain.escrow: ours},
            "types": {"Payment": [{"name": name, "type": type_} for name, type_ in escrow.MEMBERS.items()]},
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /payments`."""
        request = validated(PaymentRequest, body)
        chain = _served(request, chains)
        payload: dict[str, str | int] = request.model_dump(mode="json", by_alias=True)
        payload["escrow"] = chain.escrow
        payment = _payment(payload)
        digest = payment.digest(_separator(chain.chain_id, chain.escrow))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(digest),
            chain_id=chain.chain_id,
            sender=payment.payer,
            signature=_signature(payload),
            digest=digest,
            deadline_seconds=payment.deadline_seconds,
            priority=Tier(request.priority),
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for a payment."""
        request = validated(PaymentQuoteRequest, body)
        chain, token = _chain_of(request, chains), Address(request.token)
        spending = None
        if request.payer is not None:
            spending = Funds(
                chain_id=chain.chain_id, escrow=chain.escrow, token=token, payer=Address(request.payer)
            )
        return QuoteRequest(
            chain_id=chain.chain_id,
            token=token,
            tier=Tier(request.priority),
            spending=spending,
            schedule=chain.schedule(token),
        )

    def schedule(self, payload: Payload, chain: ChainSettings) -> FeeSchedule:
        """By the token's own schedule."""
        return chain.schedule(Address(str(payload["token"])))

    def fees_held(self, _chain: ChainSettings) -> Mapping[Address, Read]:
        """None: fees go to the treasury at once."""
        return {}

    def price_reads(self, _chain: ChainSettings) -> tuple[Read, ...]:
        """None: the coin's price is configured, if it matters."""
        return ()

    def native_price(self, _chain: ChainSettings, _answers: Sequence[bytes], _now: Instant) -> None:
        """None is asked for."""
        return

    def terms(self, _payload: Payload, _chain: ChainSettings, _price: TokenUnits | None) -> Payload:
        """Nothing: the payer signed all there is."""
        return {}

    def fee_taken(
        self, transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> TokenUnits:
        """All of what was signed, if the escrow executed it."""
        return self.fee(payload) if self.leg(transaction_id, payload, logs).is_done else TokenUnits(0)

    def fee(self, payload: Payload) -> TokenUnits:
        """What the payer signed for the treasury."""
        return TokenUnits(int(payload["fee"]))

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Keep the deadline after the next blocks and before any withdrawal requested now is due."""
        check_deadline(
            intent.deadline_seconds,
            now,
            inclusion=chain.inclusion_seconds,
            longest=Seconds(chain.grace_seconds - chain.withdrawal_margin_seconds),
            because="so that no withdrawal can overtake it",
        )

    def contract_reads(self, chain: ChainSettings, _payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask the escrow for its EIP-712 domain and its grace period."""
        return Read(chain.escrow, EIP712_DOMAIN), Read(chain.escrow, escrow.GRACE_PERIOD)

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, _payload: Payload | None = None
    ) -> bool:
        """Compare domain and grace period with the configuration; no contract at all is no match."""
        ours = escrow.domain(chain.chain_id, chain.escrow)
        try:
            return is_domain(answers[0], ours) and escrow.grace_period(answers[1]) >= chain.grace_seconds
        except DecodingError:
            return False

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for balance, withdrawal and nonce, once deep and once at the head."""
        call = escrow.payment_state_call(_payment(payload))
        contract = _escrow(payload)
        return Read(contract, call, Depth.CONFIRMED), Read(contract, call, Depth.HEAD)

    def assess(self, payload: Payload, answers: Sequence[bytes]) -> TokenUnits:
        """Take the deep balance, less the larger pending withdrawal, less this payment."""
        deep, newest = (escrow.payment_state(answer) for answer in answers)
        if deep.is_nonce_used or newest.is_nonce_used:
            msg = "The escrow has executed a payment with this nonce."
            raise NonceUsedError(msg, FieldProblem("nonce", "is used on chain"))
        if newest.invalidation_effective_at:
            msg = "The payer has asked the escrow to invalidate this nonce."
            raise NonceUsedError(msg, FieldProblem("nonce", "is being invalidated on chain"))
        withdrawal = max(deep.pending_withdrawal, newest.pending_withdrawal)
        return TokenUnits(deep.balance - withdrawal - _units(payload))

    def trials(self, _payload: Payload) -> tuple[Read, ...]:
        """None: the escrow's state tells as much."""
        return ()

    def refusal(self, trial: int, revert: bytes) -> RequestError:
        """Nothing is tried, so nothing reverts."""
        raise NotImplementedError(trial, _selector(revert))

    def spent_at(self, _payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The escrow's word on the nonce."""
        deep, newest = (escrow.payment_state(answer) for answer in answers)
        return deep.is_nonce_used, newest.is_nonce_used

    def executions(self, payload: Payload) -> LogFilter:
        """Every payment that the escrow executed."""
        return LogFilter(contracts=(_escrow(payload),), topics=(escrow.PAYMENT_EXECUTED,))

    def is_execution(
        self, transaction_id: TransactionId, _payload: Payload, logs: Sequence[EventLog]
    ) -> bool:
        """By the digest, which is the transaction's id."""
        digest = hex_bytes(transaction_id)
        return any(log.topics[:2] == (escrow.PAYMENT_EXECUTED, digest) for log in logs)

    def call_head(self, _payload: Payload) -> None:
        """None: the logs name it."""
        return

    def marker(self, payload: Payload) -> NonceMarker:
        """The payer's nonce at this escrow."""
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_escrow(payload),
            signer=Address(str(payload["from"])),
            nonce=str(payload["nonce"]),
        )

    def reservation(self, payload: Payload) -> Reservation:
        """Amount and fee, out of the payer's balance of the token."""
        return Reservation(
            chain_id=ChainId(int(payload["chain_id"])),
            escrow=_escrow(payload),
            token=Address(str(payload["token"])),
            payer=Address(str(payload["from"])),
            units=_units(payload),
            marker=self.marker(payload),
        )

    def to_batch_call(self, payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """Call `executePayments`, if all are for one escrow."""
        escrows = {_escrow(payload) for payload in payloads}
        if len(escrows) != 1:
            return None
        payments, signatures = map(_payment, payloads), map(_signature, payloads)
        return Call(escrows.pop(), escrow.execute_payments(list(payments), list(signatures)))

    def leg(self, transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Find the escrow's own word: anybody may tell a log that looks like it."""
        digest = bytes.fromhex(transaction_id[2:])
        for log in logs:
            if log.contract != _escrow(payload) or log.topics[1:2] != (digest,):
                continue
            if log.topics[0] == escrow.PAYMENT_EXECUTED:
                return Leg(is_done=True)
            if log.topics[0] == escrow.PAYMENT_SKIPPED:
                revert = escrow.skip_reason(log.data)
                reason = self.permanent_reason(revert)
                return Leg(is_done=False, reason=reason, cause=_selector(revert))
        return Leg(is_done=False, cause="the escrow did not mention it")

    def to_call(self, payload: Payload) -> Call:
        """Call `executePayment`."""
        return Call(_escrow(payload), escrow.execute_payment(_payment(payload), _signature(payload)))


PAYMENT: Final[SignedKind] = PaymentKind()


def _chain_of(
    request: PaymentRequest | PaymentQuoteRequest, chains: Mapping[ChainId, ChainSettings]
) -> ChainSettings:
    """Find the chain, and check that it takes the token."""
    chain = chains.get(ChainId(request.chain_id))
    if chain is None:
        raise chain_not_served(chains)
    if request.token not in chain.tokens:
        accepted = ", ".join(chain.tokens)
        problem = FieldProblem("token", f"is not accepted on this chain; accepted: {accepted}")
        raise InvalidFieldsError("This deployment does not pay in that token.", problem)
    return chain


def _served(request: PaymentRequest, chains: Mapping[ChainId, ChainSettings]) -> ChainSettings:
    """Find the chain, and check what only its configuration can tell."""
    chain = _chain_of(request, chains)
    if request.payee in {chain.escrow, request.token}:
        problem = FieldProblem("to", "must be neither the escrow nor the token: nobody could spend it there")
        raise InvalidFieldsError("The payee cannot be one of the contracts.", problem)
    return chain


@lru_cache(maxsize=64)
def _separator(chain_id: ChainId, contract: Address) -> bytes:
    return escrow.domain(chain_id, contract).separator()


def _payment(payload: Payload) -> escrow.Payment:
    return escrow.Payment(
        token=Address(str(payload["token"])),
        payer=Address(str(payload["from"])),
        payee=Address(str(payload["to"])),
        amount=TokenUnits(int(payload["amount"])),
        fee=TokenUnits(int(payload["fee"])),
        nonce=int(payload["nonce"]),
        deadline_seconds=Seconds(int(payload["deadline"])),
    )


def _selector(revert: bytes) -> str:
    return "0x" + revert[:4].hex()


def _escrow(payload: Payload) -> Address:
    return Address(str(payload["escrow"]))


def _signature(payload: Payload) -> bytes:
    return bytes.fromhex(str(payload["signature"]).removeprefix("0x"))


def _units(payload: Payload) -> TokenUnits:
    return TokenUnits(int(payload["amount"]) + int(payload["fee"]))
