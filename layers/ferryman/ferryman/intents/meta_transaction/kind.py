"""The kind `meta-transaction`: parse, check, call."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from eth_abi.exceptions import DecodingError
from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain, transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    FieldProblem,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TargetNotAllowedError,
    TrialFailedError,
)
from ferryman.domain.fees import BPS
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.relaying import RelaySettings
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
from ferryman.intents.deadlines import check_begun, check_deadline
from ferryman.intents.drafted import Draft, Proposal
from ferryman.intents.erc5267 import EIP712_DOMAIN, is_domain
from ferryman.intents.fields import SELECTOR_BYTES, validated
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import Leg, MoneyFields, QuoteRequest, SignedIntent
from ferryman.intents.lifecycle import public_events
from ferryman.intents.meta_transaction import aggregator, relay
from ferryman.intents.meta_transaction.proposal import written
from ferryman.intents.meta_transaction.request import (
    MetaTransactionDraft,
    MetaTransactionFeeRequest,
    MetaTransactionRequest,
)
from ferryman.intents.ordered import OrderedNonces
from ferryman.intents.reverts import revert_text
from ferryman.intents.transfers import room_beside
from ferryman.ports import Depth, EventLog, Funds, LogFilter, NonceMarker, Read, Reservation

Payload = Mapping[str, str | int]

_AUTHORIZATION_GAS: Final = Gas(400_000)
"""For a try of the fee's authorization, in which a contract wallet may be asked."""
_INTRINSIC_GAS: Final = Gas(21_000)
_BYTE_GAS: Final = Gas(40)
"""What a byte of calldata costs at most: 16, or 40 where the floor of EIP-7623 applies."""
_FEE: Final = "feeAuthorization"
_LEAST_GAS: Final = Gas(5_000)
_GAS_HEADROOM_BPS: Final = 12_500
"""A target's gas limit over its estimate: a slot that is warm or set now may not be so then."""


class MetaTransactionKind:
    """Calls on behalf of users who pay for them in a token."""

    name: Final = "meta-transaction"
    path: Final = "/meta-transactions"
    request_model: Final[type[BaseModel]] = MetaTransactionRequest
    quote_model: Final[type[BaseModel]] = MetaTransactionFeeRequest
    draft_model: Final[type[BaseModel]] = MetaTransactionDraft
    call_bytes: Final = 4 + 32 * (4 + 8 + 4 + 2 + 4 + 4 + 4)
    """The selector; heads, members, a call of two arguments, the level, and a key's two signatures."""
    money: Final = MoneyFields(taken="maxFee", fee="maxFee", quoted_at="/meta-transactions/quote")
    events: Final = public_events("meta_transaction")
    added: Final = frozenset({"relay", "fee_token", "token_per_native"})
    is_public: Final = True
    is_replay_protected: Final = True
    locks_funds: Final = False
    asks_wallets: Final = True
    followed: Final[FollowedContract | None] = None
    ordered: Final[OrderedNonces | None] = None

    def permanent_reason(self, revert: bytes) -> str | None:
        """By the error of the relay, or of the token that it calls."""
        return relay.PERMANENT_ERRORS.get(_selector(revert)) or eip3009.reason_of(revert)

    def is_passing(self, revert: bytes) -> bool:
        """By the error of the relay, or of the token that it calls."""
        return _selector(revert) in relay.PASSING_ERRORS or eip3009.is_passing(revert)

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """Give the relay's domain and the members of a request."""
        if chain.relay is None:
            return None
        ours = relay.domain(chain.chain_id, chain.relay.address).told()
        return {
            "primary_type": "MetaTransaction",
            "domain": ours,
            "domains": {chain.relay.address: ours},
            "types": {
                "MetaTransaction": [{"name": name, "type": type_} for name, type_ in relay.MEMBERS.items()]
            },
        }

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /meta-transactions`."""
        request = validated(MetaTransactionRequest, body)
        chain, ours = relay_of(request.chain_id, chains)
        _check_gas(request.gas_limit, ours)
        payload: dict[str, str | int] = {}
        for name, value in request.model_dump(mode="json", by_alias=True).items():
            payload |= (
                {f"{name}.{part}": inner for part, inner in value.items()}
                if isinstance(value, dict)
                else {name: value}
            )
        payload |= {"relay": ours.address, "fee_token": ours.fee_token}
        message = message_of(payload)
        digest = message.digest(_separator(chain.chain_id, ours.address))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(digest),
            chain_id=chain.chain_id,
            sender=message.user,
            signature=hex_bytes(request.signature),
            digest=digest,
            deadline_seconds=message.deadline_seconds,
            priority=request.gas_level,
            payload=payload,
        )

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of `POST /quote` for a meta-transaction."""
        request = validated(MetaTransactionFeeRequest, body)
        chain, ours = relay_of(request.chain_id, chains)
        _check_gas(request.gas_limit, ours)
        return QuoteRequest(
            chain_id=chain.chain_id,
            token=ours.fee_token,
            tier=request.gas_level,
            spending=_funds(chain.chain_id, ours.fee_token, request.user) if request.user else None,
            schedule=ours.schedule(Gas(request.gas_limit), ours.units_per_native),
        )

    def schedule(self, payload: Payload, chain: ChainSettings) -> FeeSchedule:
        """Charge the gas that the user asked for, at the price that was fixed for it."""
        if chain.relay is None:
            return FeeSchedule()
        price = TokenUnits(int(payload.get("token_per_native", chain.relay.units_per_native)))
        return chain.relay.schedule(Gas(int(payload["gasLimit"])), price)

    def fees_held(self, chain: ChainSettings) -> Mapping[Address, Read]:
        """What the relay has: between two requests that is fees only."""
        if chain.relay is None:
            return {}
        paid_in = chain.relay.fee_token
        return {paid_in: Read(paid_in, eip3009.balance_call(chain.relay.address), gas=_AUTHORIZATION_GAS)}

    def price_reads(self, chain: ChainSettings) -> tuple[Read, ...]:
        """Ask the aggregator for its newest answer, and for its decimals."""
        feed = chain.relay.price_feed if chain.relay else None
        if feed is None:
            return ()
        return (
            Read(feed.address, aggregator.LATEST_ROUND_DATA, gas=aggregator.GAS),
            Read(feed.address, aggregator.DECIMALS, gas=aggregator.GAS),
        )

    def native_price(self, chain: ChainSettings, answers: Sequence[bytes], now: Instant) -> TokenUnits | None:
        """Take an answer that is fresh and within bounds."""
        if chain.relay is None or chain.relay.price_feed is None:
            return None
        answer = aggregator.answer(*answers)
        if answer is None:
            return None
        return chain.relay.price_feed.units(answer, decimals=chain.relay.fee_decimals, now=now)

    def terms(self, _payload: Payload, chain: ChainSettings, price: TokenUnits | None) -> Payload:
        """Fix the price of the chain's coin: what it is at acceptance is charged whenever it is mined."""
        fixed = (chain.relay.units_per_native if chain.relay else 0) or price
        if not fixed:
            msg = "What the chain's coin is worth cannot be read now; try again."
            raise AssuranceUnavailableError(msg)
        return {"token_per_native": str(fixed)}

    def fee(self, payload: Payload) -> TokenUnits:
        """The most that the user signed for."""
        return TokenUnits(int(payload["maxFee"]))

    def fee_taken(
        self, transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
    ) -> TokenUnits:
        """What the relay says it kept."""
        told = _executed(transaction_id, payload, logs)
        return told.fee if told else TokenUnits(0)

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Leave time for the next blocks, and do not hold a balance for ever."""
        longest = self.longest_seconds(chain)
        check_deadline(intent.deadline_seconds, now, inclusion=chain.inclusion_seconds, longest=longest)
        begins = f"{_FEE}.validAfter"
        check_begun(Seconds(int(intent.payload[begins])), now, field=begins)

    def contract_reads(self, chain: ChainSettings, _payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask the relay for its domain and whether it takes the token, and the token for its own domain."""
        if chain.relay is None:
            return ()
        ours, paid_in = chain.relay.address, chain.relay.fee_token
        return (
            Read(ours, EIP712_DOMAIN),
            Read(ours, relay.fee_terms(paid_in)),
            Read(paid_in, eip3009.DOMAIN_SEPARATOR),
        )

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, _payload: Payload | None = None
    ) -> bool:
        """Compare both domains with the configuration; no contract at all is no match."""
        if chain.relay is None:
            return False
        ours = relay.domain(chain.chain_id, chain.relay.address)
        try:
            return (
                is_domain(answers[0], ours)
                and relay.is_token_taken(answers[1])
                and answers[2] == fee_domain(chain, chain.relay).separator()
            )
        except DecodingError:
            return False

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for balance and nonce, once deep and once at the head; for the fee's nonce, and the target."""
        message, ours, paid_in = message_of(payload), _relay(payload), _token(payload)
        balance, used = eip3009.balance_call(message.user), relay.is_nonce_used(message.user, message.nonce)
        return (
            Read(paid_in, balance, Depth.CONFIRMED),
            Read(ours, used, Depth.CONFIRMED),
            Read(paid_in, balance),
            Read(ours, used),
            Read(paid_in, relay.authorization_state(message.user, message.hashed())),
            Read(ours, relay.is_target_allowed(message.target, message.data[:SELECTOR_BYTES])),
        )

    def assess(self, payload: Payload, answers: Sequence[bytes]) -> TokenUnits:
        """Take the smaller balance, less the most that this may cost."""
        deep, deep_used, newest, newest_used, is_authorization_used, is_allowed = map(relay.number, answers)
        if deep_used or newest_used:
            msg = "The relay has carried out a request with this nonce."
            raise NonceUsedError(msg, FieldProblem("nonce", "is used on chain"))
        if is_authorization_used:
            msg = "The token has seen the authorization of the fee used, or cancelled."
            raise NonceUsedError(msg, FieldProblem(_FEE, "is used or cancelled on chain"))
        check_allowed(is_allowed=bool(is_allowed))
        return room_beside(self.fee(payload), deep=TokenUnits(deep), newest=TokenUnits(newest))

    def trials(self, payload: Payload) -> tuple[Read, ...]:
        """Try to collect the fee, and the target's call, both as the relay would."""
        message, ours = message_of(payload), _relay(payload)
        collect, call = (
            _authorization(payload).receive(message, ours),
            relay.appended(message.data, message.user),
        )
        gas = Gas(message.gas_limit + _INTRINSIC_GAS + _BYTE_GAS * len(call))
        return (
            Read(_token(payload), collect, gas=_AUTHORIZATION_GAS, sender=ours),
            Read(message.target, call, gas=gas, sender=ours),
        )

    def refusal(self, trial: int, revert: bytes) -> RequestError:
        """Say which of the two it is, and why."""
        return call_refusal(revert) if trial else _fee_refusal(revert)

    def spent_at(self, _payload: Payload, answers: Sequence[bytes]) -> tuple[bool, bool]:
        """The relay's word on the nonce."""
        return bool(relay.number(answers[1])), bool(relay.number(answers[3]))

    def executions(self, payload: Payload) -> LogFilter:
        """Every request that the relay carried out."""
        return LogFilter(contracts=(_relay(payload),), topics=(relay.EXECUTED,))

    def is_execution(self, transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> bool:
        """By the digest, which is the transaction's id; and the target did it."""
        told = _executed(transaction_id, payload, logs)
        return told is not None and told.succeeded

    def call_head(self, _payload: Payload) -> None:
        """None: the logs name it."""
        return

    def marker(self, payload: Payload) -> NonceMarker:
        """The user's nonce at this relay."""
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_relay(payload),
            signer=Address(str(payload["userAddress"])),
            nonce=str(payload["nonce"]),
        )

    def reservation(self, payload: Payload) -> Reservation:
        """The most that it may cost, out of the user's balance of the token."""
        funds = _funds(ChainId(int(payload["chain_id"])), _token(payload), str(payload["userAddress"]))
        return Reservation(
            chain_id=funds.chain_id,
            escrow=funds.escrow,
            token=funds.token,
            payer=funds.payer,
            units=self.fee(payload),
            marker=self.marker(payload),
        )

    def to_batch_call(self, _payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """None: the relay takes one at a time."""
        return None

    def leg(self, transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Read the relay's own word: the target may have failed, which is paid for all the same."""
        told = _executed(transaction_id, payload, logs)
        if told is None:
            return Leg(is_done=False, cause="the relay did not mention it")
        if not told.succeeded:
            return Leg(is_done=False, reason="call_reverted")
        return Leg(is_done=True)

    def to_call(self, payload: Payload) -> Call:
        """Call `executeMetaTx`."""
        price = TokenUnits(int(payload["token_per_native"]))
        signature = hex_bytes(str(payload["signature"]))
        data = relay.execute(message_of(payload), signature, _authorization(payload), price)
        return Call(_relay(payload), data)

    # -- before it is signed ------------------------------------------------------------------

    def first_nonce(self, chain: ChainSettings, signer: Address) -> Read:
        """Ask the relay."""
        return Read(_address_of(chain), relay.next_nonce(signer))

    def nonce_used(self, chain: ChainSettings, signer: Address, nonce: int) -> Read:
        """Ask the relay."""
        return Read(_address_of(chain), relay.is_nonce_used(signer, nonce))

    def nonce_marker(self, chain: ChainSettings, signer: Address, nonce: int) -> NonceMarker:
        """The user's nonce at the relay."""
        return NonceMarker(
            chain_id=chain.chain_id, contract=_address_of(chain), signer=signer, nonce=str(nonce)
        )

    def parse_draft(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> Draft:
        """Read the body of `POST /meta-transactions/quote`."""
        request = validated(MetaTransactionDraft, body)
        chain, ours = relay_of(request.chain_id, chains)
        if request.gas_limit is not None:
            _check_gas(request.gas_limit, ours)
        user = Address(request.user)
        return Draft(
            chain_id=chain.chain_id,
            signer=user,
            tier=request.gas_level,
            call=Call(Address(request.target), relay.appended(hex_bytes(request.calldata), user)),
            caller=ours.address,
            gas_limit=None if request.gas_limit is None else Gas(request.gas_limit),
            nonce=None if request.nonce is None else int(request.nonce),
            deadline_seconds=None if request.deadline is None else Seconds(request.deadline),
        )

    def draft_reads(self, draft: Draft) -> tuple[Read, ...]:
        """Ask the relay whether it makes such calls."""
        selector = draft.call.data[:SELECTOR_BYTES]
        return (Read(draft.caller, relay.is_target_allowed(draft.call.to, selector)),)

    def check_draft(self, answers: Sequence[bytes], _chain: ChainSettings) -> None:
        """Refuse what the relay would not call."""
        check_allowed(is_allowed=bool(relay.number(answers[0])))

    def draft_refusal(self, revert: bytes) -> RequestError:
        """Say what the target says."""
        return call_refusal(revert)

    def gas_limit(self, _draft: Draft, estimate: Gas, _chain: ChainSettings) -> Gas:
        """Take what the call needs, and a quarter; the estimate is of a transaction, which pays to begin."""
        inside = max(estimate - _INTRINSIC_GAS, _LEAST_GAS)
        return Gas(inside * _GAS_HEADROOM_BPS // BPS)

    def draft_schedule(self, _draft: Draft, gas_limit: Gas, chain: ChainSettings) -> FeeSchedule:
        """Charge all of the gas that the user asks for: what is not used is refunded."""
        return self.schedule({"gasLimit": gas_limit}, chain)

    def longest_seconds(self, chain: ChainSettings) -> Seconds:
        """As configured."""
        return chain.relay.longest_seconds if chain.relay else Seconds(0)

    def proposed(self, draft: Draft, proposal: Proposal, chain: ChainSettings) -> dict[str, Any]:
        """Write it down with both messages to sign."""
        _, ours = relay_of(draft.chain_id, {chain.chain_id: chain})
        _check_gas(proposal.gas_limit, ours)
        domains = relay.domain(chain.chain_id, ours.address), fee_domain(chain, ours)
        return written(draft, proposal, ours=ours, domains=domains)


META_TRANSACTION: Final = MetaTransactionKind()


def relay_of(chain_id: int, chains: Mapping[ChainId, ChainSettings]) -> tuple[ChainSettings, RelaySettings]:
    """Find the chain and its relay.

    Raises:
        InvalidFieldsError: there is none.

    """
    chain = chains.get(ChainId(chain_id))
    if chain is None or chain.relay is None:
        served = ", ".join(str(one.chain_id) for one in chains.values() if one.relay)
        problem = FieldProblem(
            "chain_id", f"has no relay of meta-transactions here; those that have: {served}"
        )
        raise InvalidFieldsError("This deployment relays no meta-transactions on that chain.", problem)
    return chain, chain.relay


def fee_domain(chain: ChainSettings, ours: RelaySettings) -> Eip712Domain:
    """Give the domain that the fee's authorization is signed in."""
    domain = chain.authorized_tokens[ours.fee_token]
    return Eip712Domain(domain.name, domain.version, chain.chain_id, ours.fee_token)


def message_of(payload: Payload) -> relay.MetaTransaction:
    """Give what the user signed."""
    return relay.MetaTransaction(
        user=Address(str(payload["userAddress"])),
        target=Address(str(payload["target"])),
        data=hex_bytes(str(payload["calldata"])),
        gas_level=str(payload["gasLevel"]),
        gas_limit=Gas(int(payload["gasLimit"])),
        max_fee=TokenUnits(int(payload["maxFee"])),
        nonce=int(payload["nonce"]),
        deadline_seconds=Seconds(int(payload["deadline"])),
    )


def check_allowed(*, is_allowed: bool) -> None:
    """Refuse what the relay does not call.

    Raises:
        TargetNotAllowedError: it does not.

    """
    if not is_allowed:
        problem = FieldProblem("target", "is not on the relay's list with this selector")
        raise TargetNotAllowedError("The relay does not call this function of this target.", problem)


def call_refusal(revert: bytes) -> RequestError:
    """Say that the target reverts, and with what."""
    reason = f"the target reverts with the gas that it gets: {revert_text(revert)}"
    return TrialFailedError(reason, FieldProblem("calldata", "reverts"))


def _fee_refusal(revert: bytes) -> RequestError:
    reason = f"the token does not take the authorization of the fee: {revert_text(revert)}"
    return TrialFailedError(reason, FieldProblem(_FEE, "is not taken by the token"))


def _authorization(payload: Payload) -> relay.FeeAuthorization:
    return relay.FeeAuthorization(
        token=_token(payload),
        valid_after=Seconds(int(payload[f"{_FEE}.validAfter"])),
        valid_before=Seconds(int(payload[f"{_FEE}.validBefore"])),
        signature=hex_bytes(str(payload[f"{_FEE}.signature"])),
    )


def _check_gas(gas_limit: int, ours: RelaySettings) -> None:
    if gas_limit > ours.gas_limit_most:
        problem = FieldProblem("gasLimit", f"must be at most {ours.gas_limit_most}")
        raise InvalidFieldsError("A target gets no more gas than that.", problem)


def _funds(chain_id: ChainId, asset: Address, user: str) -> Funds:
    """The user's own balance: at no escrow but the token itself."""
    return Funds(chain_id=chain_id, escrow=asset, token=asset, payer=Address(user))


def _executed(
    transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]
) -> relay.Executed | None:
    """Find the relay's own word: anybody may tell a log that looks like it."""
    digest, ours = hex_bytes(transaction_id), _relay(payload)
    for log in logs:
        if log.contract == ours and log.topics[:2] == (relay.EXECUTED, digest):
            return relay.executed(log.data)
    return None


@lru_cache(maxsize=64)
def _separator(chain_id: ChainId, contract: Address) -> bytes:
    return relay.domain(chain_id, contract).separator()


def _selector(revert: bytes) -> str:
    return "0x" + revert[:SELECTOR_BYTES].hex()


def _address_of(chain: ChainSettings) -> Address:
    return relay_of(chain.chain_id, {chain.chain_id: chain})[1].address


def _relay(payload: Payload) -> Address:
    return Address(str(payload["relay"]))


def _token(payload: Payload) -> Address:
    return Address(str(payload["fee_token"]))
