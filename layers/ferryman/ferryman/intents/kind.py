"""What every kind of intent says of itself, so that the services never name one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import RequestError
from ferryman.domain.events import Step
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TokenUnits, TransactionId
from ferryman.intents.followed import FollowedContract
from ferryman.intents.ordered import OrderedNonces
from ferryman.ports import EventLog, Funds, LogFilter, NonceMarker, Read, Reservation


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIntent:
    """A signed message that has been parsed, and not yet checked."""

    kind: str
    transaction_id: TransactionId
    chain_id: ChainId
    sender: Address
    """The account the signature must be by."""
    signature: bytes
    digest: bytes
    """What was signed, 32 bytes."""
    deadline_seconds: Seconds
    priority: Tier
    vouching: Read | None = None
    """Asked whether the sender vouches for the signature, where ERC-1271 alone does not do."""
    payload: Mapping[str, str | int]
    """Everything the client sent, normalised, and the contract it is for.

    Two equal payloads are the same request. The contract is kept because configuration may change
    while a transaction is open: what was reserved in one escrow's ledger is released there.
    """
    needs_signature: bool = True
    """False: whoever has it accepted knows that it may be, and there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFields:
    """What a kind's requests call money. What takes nothing, or pays nothing, is never refused for it."""

    taken: str = "amount"
    """How much is taken of the signer's funds."""
    fee: str = "fee"
    """How much is paid, at most, for being relayed."""
    quoted_at: str = "/quote"
    """The route that says how much that has to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest:
    """What somebody wants to know the fee of."""

    chain_id: ChainId
    token: Address
    tier: Tier
    spending: Funds | None
    """Whose funds would be spent, with no units yet; None: somebody who did not say."""
    schedule: FeeSchedule
    """What is charged for such a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What became of one intent of a mined batch."""

    is_done: bool
    reason: str | None = None
    """Why it never will be: our word."""
    cause: str = ""
    """What stood in its way, which may pass."""


SERVICE_PATH: Final = "/service"
"""Before a path: for trusted clients, by API key and under the limits of its usage plan."""


class IntentKind(Protocol):
    """A kind of intent: one folder in `intents/`, one entry in its registry."""

    @property
    def name(self) -> str:
        """The word that names the kind in records."""
        ...

    @property
    def path(self) -> str:
        """Where intents of this kind are posted; below `SERVICE_PATH`, by trusted clients only."""
        ...

    @property
    def call_bytes(self) -> int:
        """How many bytes of calldata a message of it usually makes."""
        ...

    @property
    def money(self) -> MoneyFields:
        """What its requests call money, so that a refusal names the field."""
        ...

    @property
    def events(self) -> Mapping[Step, str]:
        """Public names of its events."""
        ...

    @property
    def added(self) -> frozenset[str]:
        """Fields of its rows' payloads that no client sends: from our settings, or fixed at acceptance."""
        ...

    @property
    def is_public(self) -> bool:
        """Whether the payload becomes public calldata anyway, so that anybody may read a record by its id."""
        ...

    @property
    def is_replay_protected(self) -> bool:
        """Whether its contract takes a message once at most, however often it is sent to it."""
        ...

    @property
    def locks_funds(self) -> bool:
        """Whether nobody can spend elsewhere what is reserved: else a reservation is our own bookkeeping."""
        ...

    @property
    def asks_wallets(self) -> bool:
        """Whether its contract takes what a contract wallet vouches for (ERC-1271), or keys' word only."""
        ...

    @property
    def ordered(self) -> OrderedNonces | None:
        """What is special to a contract that takes a signer's nonces in order; None: in any."""
        ...

    def permanent_reason(self, revert: bytes) -> str | None:
        """Give our reason, in one word, for a revert that time does not heal; None for any other."""
        ...

    def is_passing(self, revert: bytes) -> bool:
        """Whether a revert passes and is not the intent's fault, as of a pause or a missing role.

        What is neither permanent nor passing counts as a failure of the intent.
        """
        ...

    def signing(self, chain: ChainSettings) -> Mapping[str, Any] | None:
        """What a wallet needs to sign one for this chain: `domain`, `types` and `primary_type` of EIP-712.

        None: the chain has no contract for it.
        """
        ...

    @property
    def followed(self) -> FollowedContract | None:
        """The contract whose logs keep a cache of what `state_reads` would answer; None: always read."""
        ...

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read a request body.

        Raises:
            InvalidFieldsError: something is missing, unknown, out of range or of the wrong form.

        """
        ...

    def schedule(self, payload: Mapping[str, str | int], chain: ChainSettings) -> FeeSchedule:
        """What the message is charged for being relayed, in the token of its reservation."""
        ...

    def fees_held(self, chain: ChainSettings) -> Mapping[Address, Read]:
        """By token: the call that tells how much of it the kind's contract holds in fees, if it holds any."""
        ...

    def price_reads(self, chain: ChainSettings) -> tuple[Read, ...]:
        """The calls that tell what the chain's coin is worth to the kind; none where that is configured."""
        ...

    def native_price(self, chain: ChainSettings, answers: Sequence[bytes], now: Instant) -> TokenUnits | None:
        """Judge the answers to `price_reads`: token units for 10^18 wei, or None if they are not believed."""
        ...

    def terms(
        self, payload: Mapping[str, str | int], chain: ChainSettings, price: TokenUnits | None
    ) -> Mapping[str, str | int]:
        """What acceptance fixes for it besides what the client sent; its row keeps that with the payload.

        Args:
            payload: what the client sent.
            chain: its chain.
            price: what 10^18 wei were worth in the market that its fee was judged by, if any was known.

        Raises:
            AssuranceUnavailableError: that is needed, and not known.

        """
        ...

    def fee(self, payload: Mapping[str, str | int]) -> TokenUnits:
        """What the message pays for being relayed, at most, in the token of its reservation."""
        ...

    def fee_taken(
        self, transaction_id: TransactionId, payload: Mapping[str, str | int], logs: Sequence[EventLog]
    ) -> TokenUnits:
        """Read from the logs of the transaction that was mined for it what it did pay."""
        ...

    def check_time(self, intent: SignedIntent, chain: ChainSettings, now: Instant) -> None:
        """Check that the message can still be executed, and before anything can overtake it.

        Raises:
            DeadlinePassedError: it is too late.
            InvalidFieldsError: the deadline is too near or too far.

        """
        ...

    def contract_reads(
        self, chain: ChainSettings, payload: Mapping[str, str | int] | None = None
    ) -> tuple[Read, ...]:
        """The calls that show whether the contract is the one we are configured for.

        Args:
            chain: its chain's configuration.
            payload: a message; without one, of a kind whose messages are all for one contract.

        """
        ...

    def is_our_contract(
        self,
        answers: Sequence[bytes],
        chain: ChainSettings,
        payload: Mapping[str, str | int] | None = None,
    ) -> bool:
        """Whether the answers to `contract_reads` agree with our configuration."""
        ...

    def state_reads(self, payload: Mapping[str, str | int]) -> tuple[Read, ...]:
        """The calls whose answers decide whether the chain would take the message."""
        ...

    def assess(self, payload: Mapping[str, str | int], answers: Sequence[bytes]) -> TokenUnits:
        """Judge the answers to `state_reads`.

        Returns:
            How much may be reserved already for this message still to fit; negative if it never does.

        Raises:
            NonceUsedError: the chain has seen the nonce, or its invalidation is under way.
            AllowanceRequiredError: its funds may not be taken.

        """
        ...

    def trials(self, payload: Mapping[str, str | int]) -> tuple[Read, ...]:
        """The calls that the message stands for, if only a try tells whether they would be taken."""
        ...

    def refusal(self, trial: int, revert: bytes) -> RequestError:
        """What to say of a message of whose trials one, by its place among them, reverted."""
        ...

    def spent_at(self, payload: Mapping[str, str | int], answers: Sequence[bytes]) -> tuple[bool, bool]:
        """Read in the answers to `state_reads` whether the message's nonce is used: deep, and at the head."""
        ...

    def executions(self, payload: Mapping[str, str | int]) -> LogFilter:
        """The logs among which the message's own execution is, if it was executed."""
        ...

    def is_execution(
        self, transaction_id: TransactionId, payload: Mapping[str, str | int], logs: Sequence[EventLog]
    ) -> bool:
        """Whether those logs, all of one transaction, say that it carried out this very message."""
        ...

    def call_head(self, payload: Mapping[str, str | int]) -> bytes | None:
        """What a transaction's own calldata must begin with, to `to_call`'s contract, to be its execution.

        None: its logs name the message. Where they do not, another message's execution may look the same.
        """
        ...

    def marker(self, payload: Mapping[str, str | int]) -> NonceMarker:
        """The signer's nonce that the message uses up."""
        ...

    def reservation(self, payload: Mapping[str, str | int]) -> Reservation:
        """The funds that are held for it."""
        ...

    def to_batch_call(self, payloads: Sequence[Mapping[str, str | int]], chain: ChainSettings) -> Call | None:
        """The call that carries several messages out, each failing alone; None: they cannot share one."""
        ...

    def leg(
        self, transaction_id: TransactionId, payload: Mapping[str, str | int], logs: Sequence[EventLog]
    ) -> Leg:
        """Read from the logs of a mined transaction what became of one of its messages."""
        ...

    def to_call(self, payload: Mapping[str, str | int]) -> Call:
        """The contract call that carries the message out."""
        ...


class SignedKind(IntentKind, Protocol):
    """A kind whose messages are signed by their senders, and posted by anybody, or by trusted clients."""

    @property
    def request_model(self) -> type[BaseModel]:
        """The body of such a post."""
        ...

    @property
    def quote_model(self) -> type[BaseModel]:
        """The body of a post that asks for the fee."""
        ...

    def parse_quote(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> QuoteRequest:
        """Read the body of a post that asks for the fee.

        Raises:
            InvalidFieldsError: as `parse`.

        """
        ...


def service_path(kind: IntentKind) -> str:
    """Where trusted clients post."""
    return kind.path if is_for_services(kind) else f"{SERVICE_PATH}{kind.path}"


def is_for_services(kind: IntentKind) -> bool:
    """Whether nobody else may: more is posted than its signer has said."""
    return kind.path.startswith(f"{SERVICE_PATH}/")
