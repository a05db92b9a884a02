"""What the services need of the world, as Protocols; adapters and fakes pass the same tests."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from ferryman.domain.access import ApiKey, Caller, Challenge, Role, Session, Ticket
from ferryman.domain.accounts import CachedAccount, ContractAccount
from ferryman.domain.blocks import BlockId
from ferryman.domain.cursor import Cursor
from ferryman.domain.eip1559 import NOTHING, Call
from ferryman.domain.events import Event
from ferryman.domain.fees import FeeHistory, Tier
from ferryman.domain.lanes import Lane
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow, Wallet, WalletState
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.pricing import Market
from ferryman.domain.quotas import Charge, Quota
from ferryman.domain.sign_in import SignInMessage, SignInTerms
from ferryman.domain.signatures import Signature
from ferryman.domain.statistics import Gauges
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    ChainId,
    CorrelationId,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.domain.webhooks import Delivery, DeliveryLog, Disabled, Webhook

# -- time -------------------------------------------------------------------------------------


class Clock(Protocol):
    """Time, as the deployment sees it."""

    def now(self) -> Instant:
        """Milliseconds since the Unix epoch."""
        ...

    def sleep(self, duration: Milliseconds) -> None:
        """Do nothing for a while."""
        ...


class Workers(Protocol):
    """Hands that work at the same time, on what waits for answers of somebody else."""

    def work_off(self, queues: Sequence[Sequence[Callable[[], None]]]) -> None:
        """Do what is in each queue, there one after the other; queues side by side.

        Raises:
            Exception: what was raised first, by the order of the queues. It ends its own queue; the others
                are worked off before it is raised.

        """
        ...


# -- the chain --------------------------------------------------------------------------------


class Depth(StrEnum):
    """At which block a value is read."""

    HEAD = "head"
    CONFIRMED = "confirmed"
    """`required_confirmations` deep."""


@dataclass(frozen=True, slots=True)
class Read:
    """A call that reads a contract."""

    to: Address
    data: bytes
    depth: Depth = Depth.HEAD
    gas: Gas | None = None
    """A limit, where the contract is foreign code."""
    sender: Address | None = None
    """Who calls, where that matters."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """A call that reverted, with the bytes it gave as its reason."""

    data: bytes
    text: str
    is_execution: bool = True
    """Whether the call itself failed, as its words tell; else a node may have been unable to try it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Answers to reads, with the block they were read at."""

    block: BlockNumber
    """The block of every `CONFIRMED` answer."""
    head: BlockNumber
    """The newest block of whoever answered: that of every `HEAD` answer."""
    answers: tuple[bytes | Reverted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The part of a block header that is needed."""

    number: BlockNumber
    hash: BlockHash
    parent_hash: BlockHash
    timestamp_seconds: Seconds

    @property
    def id(self) -> BlockId:
        """Which block it is."""
        return BlockId(self.number, self.hash)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which events are followed."""

    contracts: tuple[Address, ...]
    topics: tuple[bytes, ...]
    """First topics (hashes of event signatures), 32 bytes each."""
    second_topics: tuple[bytes, ...] = ()
    """What the second topic may be, 32 bytes each; anything if nothing is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLog:
    """An event that a contract told."""

    contract: Address
    topics: tuple[bytes, ...]
    data: bytes
    block_number: BlockNumber
    block_hash: BlockHash
    transaction_hash: TxHash


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRange:
    """The logs of a range of blocks, with the headers that say of which chain."""

    before: Block
    """The block before the range."""
    last: Block
    logs: tuple[EventLog, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """A call that is run with so much gas, only to see whether it goes through."""

    call: Call
    gas: Gas


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What each call would cost at a block, or why it would revert."""

    block: Block
    outcomes: tuple[Gas | Reverted, ...]
    fee_history: FeeHistory
    sender_count: WalletNonce
    """Mined transactions of the wallet that the calls were estimated for."""
    balances: Mapping[Address, Wei] = field(default_factory=dict)
    """Native coin of the accounts that were asked about, at that block."""
    passed: tuple[bool, ...] = ()
    """Of each trial, whether it went through; one that did not may have met anything."""


class Counted(StrEnum):
    """Which of a wallet's transactions are counted."""

    LATEST = "latest"
    """Those that are mined."""
    PENDING = "pending"
    """Those as well that wait in the endpoint's mempool behind them without a gap.

    A hint at most: many endpoints share their mempool with nobody, or count as for `LATEST`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionReceipt:
    """The part of a receipt that is needed."""

    hash: TxHash
    block_number: BlockNumber
    block_hash: BlockHash
    succeeded: bool
    gas_used: Gas
    effective_gas_price: Wei
    l1_fee: Wei = NOTHING
    """What an OP-style chain took besides, for the transaction's data."""
    logs: tuple[EventLog, ...] = ()

    @property
    def cost(self) -> Wei:
        """What it took of the sender's coin, besides what it moved."""
        return Wei(self.gas_used * self.effective_gas_price + self.l1_fee)


class SendOutcome(StrEnum):
    """What is known of a broadcast. Unknown is POSSIBLY_SENT."""

    SENT = "sent"
    """A node has it, now or already before."""
    POSSIBLY_SENT = "possibly_sent"
    """It may be in a mempool or a block: no answer, one that nobody understands, or `NONCE_TOO_LOW`."""
    REJECTED = "rejected"
    """Certainly not taken, for a reason that passes."""
    PERMANENT = "permanent"
    """Certainly not taken, and these bytes never will be."""


class Refusal(StrEnum):
    """Why a node did not take a transaction, as far as its words are known."""

    NONCE_TOO_LOW = "nonce_too_low"
    """Something was mined with the nonce, perhaps these very bytes: look for our hashes first."""
    NONCE_TOO_HIGH = "nonce_too_high"
    """Earlier nonces of the wallet are missing."""
    REPLACEMENT = "replacement"
    """Other bytes wait with the nonce, and these pay too little more."""
    UNDERPRICED = "underpriced"
    """It pays too little for the mempool, or for a full one."""
    FUNDS = "funds"
    """The wallet cannot pay for it."""
    DELEGATED = "delegated"
    """The wallet has an EIP-7702 delegation: only one transaction, the next, may wait."""
    PERMANENT = "permanent"
    """These bytes can never be mined."""


@dataclass(frozen=True, slots=True)
class SendResult:
    """The outcome of one broadcast, the node's own words, and what they mean."""

    outcome: SendOutcome
    text: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointProbe:
    """What one endpoint of a chain answered when it was asked for its newest block."""

    number: int
    """Its place in the chain's list, from 1."""
    took_ms: Milliseconds
    head: Block | None
    trouble: str | None
    """Why it gave none; None if it did."""
    rests: bool
    """Whether this process leaves it alone for now, after it failed again and again."""


class Chain(Protocol):
    """One EVM chain. Every method may raise ChainUnreachableError."""

    def witnesses(self) -> "tuple[Chain, ...]":
        """Give the chain as single endpoints see it, each pinned to its own.

        What ends a transaction is asked of all of them (`services/agreement.py`).

        Returns:
            Two, or one if only one endpoint is configured. Healthy ones come first, but one that does not
            answer is given as well, if there is no other: it must not be taken for a chain with one.

        """
        ...

    def doubt(self) -> None:
        """Note that the witnesses given last contradict each other.

        Where there are more than two endpoints, others are given next: which of them is wrong nobody knows.
        """
        ...

    def by_endpoint(self) -> "Mapping[int, Chain]":
        """Give the chain as each endpoint sees it, by the endpoint's number, in the list's order."""
        ...

    def probe(self) -> tuple[EndpointProbe, ...]:
        """Ask every endpoint for its newest block, all at once, also those that rest.

        Returns:
            What each answered, in the list's order; one that does not answer is part of the answer.

        """
        ...

    def read(self, reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:
        """Read contracts in one batch.

        Args:
            reads: the calls.
            fresh: ask for the newest head first, rather than trust one seen moments ago.
            at: read `CONFIRMED` calls at this older block instead.

        """
        ...

    def heard_of(self, head: BlockNumber, *, at: Instant) -> None:
        """Take in that the chain had reached a block then: another process saw it.

        `read` trusts it as one that it has seen itself.
        """
        ...

    def simulate(
        self,
        calls: Sequence[Call],
        *,
        sender: Address,
        payers: Sequence[Address] = (),
        trials: Sequence[Trial] = (),
    ) -> Simulation:
        """Estimate each call on its own; read the fee market, the sender's count and balances, in one batch.

        A node runs a call many times over to estimate it, and once to try it.

        Args:
            calls: what is estimated.
            sender: the wallet they are estimated and tried for.
            payers: accounts whose native coin is read.
            trials: what is only tried, each on its own.

        """
        ...

    def fee_history(self) -> FeeHistory:
        """What recent blocks paid."""
        ...

    def head(self) -> Block:
        """The newest block."""
        ...

    def finalized(self) -> BlockNumber | None:
        """The newest block that the chain calls final; None if it knows no such word."""
        ...

    def transaction_count(self, wallet: Address) -> WalletNonce:
        """A wallet's count of mined transactions (`latest`)."""
        ...

    def transaction_counts(
        self, asked: Sequence[tuple[Address, Counted | BlockNumber]]
    ) -> tuple[WalletNonce, ...]:
        """Count wallets' transactions, each of the sort given with it or up to that block, in one batch."""
        ...

    def balances(self, wallets: Sequence[Address]) -> tuple[Wei, ...]:
        """Native coin of accounts at the newest block, in one batch."""
        ...

    def delegated(self, wallets: Sequence[Address]) -> frozenset[Address]:
        """Give those accounts that have an EIP-7702 delegation, in one batch."""
        ...

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Broadcast signed transactions in order; never raises, a lost answer is POSSIBLY_SENT."""
        ...

    def block_receipts(self, numbers: Sequence[BlockNumber]) -> tuple[TransactionReceipt, ...]:
        """All receipts of some blocks; a block the endpoint does not have raises ChainUnreachableError."""
        ...

    def receipts(self, hashes: Sequence[TxHash]) -> tuple[TransactionReceipt | None, ...]:
        """Receipts by hash, None where there is none."""
        ...

    def calls(self, hashes: Sequence[TxHash]) -> tuple[Call, ...]:
        """What mined transactions called; one that the endpoint lacks raises ChainUnreachableError.

        What creates a contract calls the zero address.
        """
        ...

    def receipts_with_head(
        self, hashes: Sequence[TxHash]
    ) -> tuple[Block, tuple[TransactionReceipt | None, ...]]:
        """Give the newest block, and receipts by hash, in one batch."""
        ...

    def blocks(self, numbers: Sequence[BlockNumber]) -> tuple[Block, ...]:
        """Headers of blocks; one that the endpoint does not have raises ChainUnreachableError."""
        ...

    def block_logs(self, blocks: Sequence[Block], wanted: LogFilter) -> tuple[EventLog, ...]:
        """Logs of these very blocks; one that the endpoint does not have raises ChainUnreachableError."""
        ...

    def range_logs(self, first: BlockNumber, last: BlockNumber, wanted: LogFilter) -> LogRange:
        """Logs of blocks by their numbers, both ends included.

        Raises:
            TooManyLogsError: the endpoint refuses so many at once.
            ChainMovedError: the last block was another one afterwards.

        """
        ...

    def read_at(self, reads: Sequence[tuple[Block, Read]]) -> tuple[bytes | Reverted, ...]:
        """Read contracts, each at the very block given with it."""
        ...


class Signer(Protocol):
    """The keys of the relayer wallets."""

    def wallets(self) -> tuple[Address, ...]:
        """Addresses of all wallets.

        Raises:
            SignerUnavailableError: the key service did not answer.

        """
        ...

    def treasury(self) -> Address | None:
        """Address of the key that tops wallets up; None if there is none. It is none of the wallets.

        Raises:
            SignerUnavailableError: the key service did not answer.

        """
        ...

    def sign(self, wallet: Address, digest: bytes) -> Signature:
        """Sign a 32-byte digest.

        Raises:
            SignerUnavailableError: the key service did not answer.
            SignatureMismatchError: the answer is not by this wallet.

        """
        ...


# -- stores -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Funds:
    """What a payer has locked in one token at one escrow; each has its ledger."""

    chain_id: ChainId
    escrow: Address
    token: Address
    payer: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceMarker:
    """A signer's nonce: at most one transaction may hold it."""

    chain_id: ChainId
    contract: Address
    signer: Address
    nonce: str
    """A uint256 in decimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation(Funds):
    """Part of a payer's locked funds, held for one transaction."""

    units: TokenUnits
    marker: NonceMarker
    """The transaction's nonce: its marker says whether the units are held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of a ledger may already be reserved for one more reservation to fit.

    Both numbers are of the same reading: `units` is what the chain says is locked at `block`,
    less pending withdrawals, less the new reservation.
    """

    units: TokenUnits
    block: BlockNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What is held of one payer's locked funds."""

    reserved: TokenUnits
    settled_block: BlockNumber
    """The newest block with a payment whose funds were let go: older balances count it twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A row before and after some events, to be written together or not at all."""

    before: Transaction
    after: Transaction
    events: tuple[Event, ...] = ()


ITEMS_TOGETHER: Final = 50
"""Most items of changes that are written together: half of what DynamoDB takes, since all wait for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A change that the chain made, and what goes with it, as `TransactionStore.write` takes them."""

    change: Change
    release: Reservation | None = None
    settled_block: BlockNumber | None = None
    nonce_row: NonceRow | None = None

    @property
    def items(self) -> int:
        """How many items it writes: row, events, a nonce, a ledger and the marker of what it holds."""
        return 1 + len(self.change.events) + (self.nonce_row is not None) + 2 * (self.release is not None)


@dataclass(frozen=True, slots=True)
class Due:
    """A row that wants attention, as the index knows it."""

    due_at: Instant
    transaction_id: TransactionId
    priority: Tier
    deadline_seconds: Seconds


class TransactionStore(Protocol):
    """Rows, their events, and the ledgers they hold funds in.

    Every method may raise StoreUnavailableError.
    """

    def get(self, transaction_id: TransactionId) -> Transaction | None:
        """Read a row, consistently."""
        ...

    def get_many(self, transaction_ids: Sequence[TransactionId]) -> tuple[Transaction, ...]:
        """Read rows, consistently, in the order asked; those that do not exist are left out."""
        ...

    def events(self, transaction_id: TransactionId, *, after: int = 0) -> tuple[Event, ...]:
        """Read the events with a sequence number above `after`, in order, consistently."""
        ...

    def sent_by(
        self, sender: Address, *, limit: int, before: tuple[Instant, TransactionId] | None = None
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List a sender's transactions, newest first, after a position; the list may lag."""
        ...

    def holder(self, marker: NonceMarker) -> TransactionId | None:
        """Give the transaction that claimed a nonce, consistently; None if none did."""
        ...

    def holders(self, markers: Sequence[NonceMarker]) -> Mapping[NonceMarker, TransactionId]:
        """Give who claimed nonces, consistently; those that nobody did are left out."""
        ...

    def accept(
        self,
        row: Transaction,
        events: Sequence[Event],
        *,
        marker: NonceMarker,
        hold: tuple[Reservation, Room] | None,
        charge: tuple[Funds, Charge] | None = None,
        instead_of: TransactionId | None = None,
    ) -> None:
        """Store a row with its events, claim the nonce, hold the funds, charge the sender: all or nothing.

        With `instead_of` the nonce may be that of another transaction, which has failed and holds nothing.

        Raises:
            TransactionExistsError: the row is there already.
            NonceTakenError: another transaction claimed the nonce.
            LedgerRefusedError: more is reserved than `Room.units`.
            LedgerMovedError: something settled after `Room.block`.
            QuotaMovedError: the sender's quota is not what `charge` was made for.

        """
        ...

    def quota(self, funds: Funds) -> Quota | None:
        """Read what a payer has used of its limits in a token, consistently; None if it was never charged."""
        ...

    def write(
        self,
        change: Change,
        *,
        hold: tuple[Reservation, Room] | None = None,
        hold_again: Reservation | None = None,
        release: Reservation | None = None,
        settled_block: BlockNumber | None = None,
        nonce_row: NonceRow | None = None,
    ) -> None:
        """Write a change with what goes with it: all or nothing.

        Args:
            change: on the condition that the stored row is still `change.before`.
            hold: funds to hold, as in `accept`.
            hold_again: funds to hold whatever there is room for: a reorg undid what they were let go for.
            release: funds to let go, on the condition that they are held.
            settled_block: raises the ledger's settled block to this, when funds are let go.
            nonce_row: the settled nonce row, on the condition that nobody else changed it.

        Raises:
            StaleRowError: a row is not what the caller read.
            LedgerRefusedError, LedgerMovedError: as in `accept`.

        """
        ...

    def write_together(self, recorded: Sequence[Recorded]) -> None:
        """Write changes of different rows, all of them or none, with one request.

        Args:
            recorded: none releases funds of the same ledger as another; ITEMS_TOGETHER at most, all in all.

        Raises:
            StaleRowError: one of them can not be written, or not now; each by itself will show.

        """
        ...

    def backlog(
        self, chain_id: ChainId, *, part: int, limit: int
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List rows of a part of a chain's backlog that want attention, with when they do; may lag.

        Args:
            chain_id: the chain.
            part: by `part_of` their ids.
            limit: the most that are listed.

        """
        ...

    def ledger(self, funds: Funds) -> Ledger:
        """Read the ledger of a payer's funds, consistently."""
        ...

    def watched(self, chain_id: ChainId, *, limit: int) -> tuple[Due, ...]:
        """List rows of a chain that want attention, the first due first; may lag."""
        ...

    def closed(
        self, chain_id: ChainId, *, since: Instant | None = None, until: Instant | None = None, limit: int
    ) -> tuple[tuple[Instant, TransactionId], ...]:
        """List rows that are over and not archived, with when they ended, the first first; may lag.

        Only rows that ended while the deployment had a retention are listed.

        Args:
            chain_id: their chain.
            since: the first moment of their end.
            until: the last.
            limit: the most to list.

        """
        ...

    def expire(self, row: Transaction, events: Sequence[Event], *, at: Instant) -> None:
        """Let events and row be deleted at some time; the row last, and out of `closed`.

        Raises:
            StaleRowError: the row is not what the caller read; it stays.

        """
        ...


class RecoveryStore(Protocol):
    """What only a recovery after a restore does. Every method may raise StoreUnavailableError."""

    def delete_events(self, transaction_id: TransactionId, sequences: Iterable[int]) -> None:
        """Delete events that no row stands behind."""
        ...

    def holds(self, chain_id: ChainId, payer: Address) -> Mapping[TransactionId, NonceMarker]:
        """Read for which transactions funds of a payer are held, and where that is written, consistently.

        Reads the markers of all nonces that the payer ever used.
        """
        ...

    def is_held(self, marker: NonceMarker, transaction_id: TransactionId) -> bool:
        """Read whether funds are held for a transaction, consistently."""
        ...

    def hold(self, reservation: Reservation, transaction_id: TransactionId) -> None:
        """Write that funds are held; the ledger is not touched."""
        ...

    def let_go(self, marker: NonceMarker, transaction_id: TransactionId) -> None:
        """Write that funds are not held, if they are; the ledger is not touched."""
        ...

    def ledgers(self, chain_id: ChainId, payer: Address) -> Mapping[tuple[Address, Address], Ledger]:
        """Read a payer's ledgers, by escrow and token, consistently."""
        ...

    def set_ledger(self, funds: Funds, before: Ledger, after: Ledger) -> None:
        """Replace a ledger's sum and settled block.

        Raises:
            StaleRowError: the sum is not what the caller read.

        """
        ...

    def forget_cached(self, chain_id: ChainId, owner: Address) -> None:
        """Delete what is cached of an owner's state: it may be newer or older than the cursor."""
        ...

    def forget_followed(self, chain_id: ChainId) -> None:
        """Have watch follow a chain from the beginning, since nonces that it has marked may be lost.

        And have confirm judge anew what is not final: it may be of a later moment than the block that
        everything settled is said to rest on.
        """
        ...

    def nonce_rows(self, wallet: Wallet, *, first: WalletNonce) -> tuple[NonceRow, ...]:
        """Read a wallet's nonce rows from a nonce on, settled or not, lowest first, consistently."""
        ...

    def add_nonce_row(self, row: NonceRow) -> None:
        """Write the row of a nonce that has none.

        Raises:
            StaleRowError: it has one.

        """
        ...

    def set_wallet(self, before: Wallet, after: Wallet) -> None:
        """Replace a wallet's next nonce and its lowest open one, up or down.

        Raises:
            StaleRowError: the wallet is not what the caller read.

        """
        ...


class Archive(Protocol):
    """Where transactions go that are deleted here."""

    def put(self, name: str, lines: Sequence[str]) -> None:
        """Store an object of lines; returns once it is durable.

        Raises:
            StoreUnavailableError: it is not, or nobody knows.

        """
        ...


class MarketStore(Protocol):
    """What blockspace cost, as it was quoted. Every method may raise StoreUnavailableError."""

    def newest(self, chain_id: ChainId, kind: str, *, limit: int) -> tuple[Market, ...]:
        """Read the newest observations, the newest first, consistently."""
        ...

    def keep(self, chain_id: ChainId, kind: str, market: Market) -> Market:
        """Store an observation, and give the one that its span of time has: the first is for all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Transactions about to be bound to a nonce."""

    changes: tuple[Change, ...]
    """Of each intent of the nonce row, in its order."""
    nonce_row: NonceRow


class WalletStore(Protocol):
    """Wallets and their nonces. Every method may raise StoreUnavailableError."""

    def wallet(self, chain_id: ChainId, address: Address) -> Wallet | None:
        """Read a wallet's row, consistently."""
        ...

    def wallets(self, chain_id: ChainId) -> tuple[Wallet, ...]:
        """Read all wallets of a chain that were ever opened, consistently."""
        ...

    def wallets_at(self, chain_id: ChainId, addresses: Sequence[Address]) -> tuple[Wallet, ...]:
        """Read some wallets' rows, consistently, in the order asked; those that do not exist are left out."""
        ...

    def open_wallet(self, wallet: Wallet) -> Wallet:
        """Create a wallet's row on first use, and give the stored one."""
        ...

    def bind(self, wallet: Wallet, bindings: Sequence[Binding], *, window: int) -> None:
        """Bind consecutive nonces from `wallet.next_nonce`: rows, nonces, events and wallet in one write.

        Raises:
            StaleRowError: the wallet is not what the caller read, also in its state, or its window is full.
            StaleRowsError: transactions are not what the caller read; nothing was written.

        """
        ...

    def nonce_row(self, chain_id: ChainId, wallet: Address, nonce: WalletNonce) -> NonceRow | None:
        """Read a nonce's row, consistently."""
        ...

    def open_nonces(self, wallet: Wallet) -> tuple[NonceRow, ...]:
        """Read the rows of a wallet's nonces that are not settled, lowest first, consistently."""
        ...

    def open_gap(self, wallet: Wallet, row: NonceRow) -> Wallet:
        """Write the row of a nonce that has none, and let the wallet's open ones begin there.

        Returns:
            The wallet as it is now.

        Raises:
            StaleRowError: it has one by now, or the wallet is not what the caller read.

        """
        ...

    def raise_next_nonce(self, wallet: Wallet, next_nonce: WalletNonce) -> Wallet:
        """Pass over nonces that are used up; never lowers it, and frees the window if nothing is open.

        Returns:
            The wallet as it is now.

        Raises:
            StaleRowError: the wallet is not what the caller read.

        """
        ...

    def replace_nonce_row(self, before: NonceRow, after: NonceRow) -> None:
        """Write a nonce row on the condition that it is still `before`.

        If more is kept for it than before, so it is on its wallet's row, in the same write.

        Raises:
            StaleRowError: it is not.

        """
        ...

    def settled_nonces(self, wallet: Wallet) -> tuple[NonceRow, ...]:
        """Read the rows of a wallet's settled nonces from `lowest_final` on, lowest first, consistently."""
        ...

    def raise_lowest_open(self, wallet: Wallet, raised: Wallet) -> None:
        """Free the window below a nonce, which is never lowered; nothing if a nonce was opened again.

        Args:
            wallet: as it was read.
            raised: as `Wallet.raised` gave it, with what was kept for nonces that are settled, what they
                cost, and the window that it would have, had nobody else changed it since.

        """
        ...

    def reopen(self, wallet: Wallet, row: NonceRow) -> Wallet:
        """Open a settled nonce again, and let the wallet's open ones begin there; give the wallet.

        Args:
            wallet: the wallet as it was read.
            row: the settled nonce.

        Raises:
            StaleRowError: one of them is not what the caller read.

        """
        ...

    def note(self, wallet: Wallet) -> None:
        """Write whether a wallet is low, and whether it is delegated; the rest of it is not touched."""
        ...

    def note_needed(self, wallet: Wallet, balance: Wei) -> None:
        """Write what a wallet has to have before it binds anything new; the rest of it is not touched."""
        ...

    def set_window(self, wallet: Wallet, window: int) -> None:
        """Change how many nonces a wallet may have open.

        Raises:
            StaleRowError: its window is not what the caller read.

        """
        ...

    def set_state(self, wallet: Wallet, state: WalletState) -> None:
        """Change whether a wallet takes new work.

        Raises:
            StaleRowError: its state is not what the caller read; or it shall be retired, and has nonces
                open or was used since.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to confirm a chain, until it runs out."""

    chain_id: ChainId
    fence: int
    """Rises with each holder: a write under an older fence is refused."""
    wake: int
    """The wake counter when the lease was taken or last renewed."""
    anchor: BlockId | None = None
    """The newest block that the last holder had seen when it gave the lease back; None if it did not."""


class LeaseStore(Protocol):
    """Who confirms a chain, and whether anybody has to. May raise StoreUnavailableError."""

    def take(self, chain_id: ChainId, *, until: Instant, now: Instant) -> Lease | None:
        """Take the lease if nobody holds it."""
        ...

    def renew(self, lease: Lease, *, until: Instant, head: Block | None) -> Lease:
        """Keep the lease and record the newest block seen.

        Raises:
            StaleRowError: somebody else holds it now.

        """
        ...

    def release(self, lease: Lease, *, anchor: BlockId | None = None) -> int:
        """Give the lease back; return the wake counter, which may have moved meanwhile.

        Args:
            lease: the lease.
            anchor: the newest block on whose branch all that was settled rests; None if that is not known.

        """
        ...

    def wake(self, chain_id: ChainId, *, now: Instant) -> bool:
        """Raise the wake counter; return whether somebody holds the lease and will see it."""
        ...

    def head(self, chain_id: ChainId) -> BlockNumber | None:
        """The newest block that confirm has seen."""
        ...


class BacklogParts(Protocol):
    """Which run fills its batch from which part of a chain's backlog. May raise StoreUnavailableError."""

    def take(self, chain_id: ChainId, part: int, *, until: Instant, now: Instant) -> bool:
        """Take a part until then; give whether nobody else had it."""
        ...

    def leave(self, chain_id: ChainId, part: int, *, until: Instant) -> None:
        """Let others take a part that was taken until then."""
        ...


class PauseStore(Protocol):
    """What operators have paused. May raise StoreUnavailableError."""

    def pauses(self) -> tuple[Pause, ...]:
        """Read all pauses, consistently."""
        ...

    def put(self, pause: Pause) -> None:
        """Add a pause, or replace the one of the same scope."""
        ...

    def lift(self, scope: Scope) -> bool:
        """Remove the pause of a scope; give whether there was one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """The right to move a chain's cursor, until it runs out."""

    chain_id: ChainId
    fence: int
    """Rises with each holder: a write under an older fence is refused."""
    cursor: Cursor | None
    """Where the last holder left it; None if nobody ever followed this chain."""
    was_left: bool
    """Whether the last holder gave it back: else its last writes may have no cursor yet."""


class CursorStore(Protocol):
    """How far each chain is followed, and by whom. May raise StoreUnavailableError."""

    def cursor(self, chain_id: ChainId) -> Cursor | None:
        """Read a chain's cursor, consistently."""
        ...

    def take(self, chain_id: ChainId, *, until: Instant, now: Instant) -> Following | None:
        """Take the right to move the cursor if nobody holds it."""
        ...

    def move(self, following: Following, cursor: Cursor, *, until: Instant) -> Following:
        """Write the cursor, and keep the right.

        Raises:
            StaleRowError: somebody else holds it now.

        """
        ...

    def leave(self, following: Following) -> None:
        """Give the right back, with nothing written that the cursor does not cover.

        Raises:
            StaleRowError: somebody else holds it now.

        """
        ...

    def forget(self, chain_id: ChainId) -> None:
        """Begin anew at the next run, as after the tables were restored to an earlier moment."""
        ...


class AccountCache(Protocol):
    """What watch knows of accounts and nonces. May raise StoreUnavailableError."""

    def accounts(self, accounts: Sequence[ContractAccount]) -> tuple[CachedAccount, ...]:
        """Read accounts, consistently; those that are not known are left out."""
        ...

    def keep(self, cached: CachedAccount) -> None:
        """Write an account on the condition that its stored version is one less (0: that there is none).

        Raises:
            StaleRowError: somebody else wrote it.

        """
        ...

    def drop(self, accounts: Sequence[ContractAccount]) -> None:
        """Forget accounts."""
        ...

    def unclaimed(self, markers: Sequence[NonceMarker]) -> tuple[NonceMarker, ...]:
        """Give the nonces that no transaction of ours holds, consistently."""
        ...

    def mark_seen(self, markers: Sequence[NonceMarker]) -> None:
        """Remember that the chain has seen nonces that we do not know."""
        ...

    def known(self, account: ContractAccount, marker: NonceMarker) -> tuple[CachedAccount | None, bool]:
        """Read an account, and whether the chain has seen a nonce that was not ours, consistently."""
        ...


class AllowanceStore(Protocol):
    """What was given for whom. May raise StoreUnavailableError."""

    def take(self, chain_id: ChainId, source: str, window: int, *, most: int, ends_at: Seconds) -> bool:
        """Count one for a source; False, and nothing counted, if that is more than `most`.

        Args:
            chain_id: on which chain.
            source: who asks.
            window: the number of the span of time that it is counted in.
            most: how many there may be in it.
            ends_at: when the span ends, Unix time; it may be forgotten then.

        """
        ...


class StatisticsStore(Protocol):
    """Sums and states for whoever asks how the deployment does. May raise StoreUnavailableError."""

    def count(self, chain_id: ChainId, counts: Mapping[str, int]) -> None:
        """Add to the sums of a chain."""
        ...

    def counts(self, chain_id: ChainId) -> Mapping[str, int]:
        """The sums of a chain since its first transaction."""
        ...

    def keep(self, chain_id: ChainId, gauges: Gauges) -> None:
        """Keep what a chain's state is now."""
        ...

    def gauges(self, chain_id: ChainId) -> Gauges | None:
        """The state that was kept last."""
        ...


class Connections(Protocol):
    """Who listens to which topic. May raise StoreUnavailableError."""

    def subscribe(self, connection_id: str, topic: str, *, now: Instant) -> None:
        """Add a subscription, or renew it."""
        ...

    def unsubscribe(self, connection_id: str, topic: str) -> None:
        """Remove a subscription, if there is one."""
        ...

    def listened(self, topics: Iterable[str], *, now: Instant) -> frozenset[str]:
        """Of these topics, those that somebody listens to, and maybe some that somebody did listen to."""
        ...

    def subscribers(self, topic: str, *, now: Instant) -> tuple[str, ...]:
        """Connections that listen to a topic."""
        ...

    def topics(self, connection_id: str) -> tuple[str, ...]:
        """Topics a connection listens to."""
        ...

    def forget(self, connection_id: str) -> None:
        """Remove all subscriptions of a connection, and who it is."""
        ...

    def open_as(self, connection_id: str, caller: Caller, *, now: Instant) -> None:
        """Keep who opened a connection."""
        ...

    def caller(self, connection_id: str) -> Caller:
        """Who opened a connection; ANONYMOUS if nobody was kept."""
        ...


class AccessStore(Protocol):
    """Challenges, sessions, tickets and API keys. May raise StoreUnavailableError."""

    def put_challenge(self, challenge: Challenge) -> None:
        """Keep a nonce until it is used or over."""
        ...

    def take_challenge(self, nonce: str, *, address: Address, chain_id: ChainId, now: Instant) -> bool:
        """Use a nonce up; False if it is unknown, over, used, or was given to another account or chain."""
        ...

    def put_session(self, session: Session) -> None:
        """Keep a session."""
        ...

    def session(self, digest: str, *, now: Instant) -> Session | None:
        """Read a session that is not over, consistently."""
        ...

    def end_session(self, digest: str) -> None:
        """Forget a session, if there is one."""
        ...

    def put_ticket(self, ticket: Ticket) -> None:
        """Keep a ticket."""
        ...

    def take_ticket(self, digest: str, *, now: Instant) -> Caller | None:
        """Use a ticket up and give its caller; None if it is unknown, over or used."""
        ...

    def put_api_key(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    def api_key(self, key_id: str) -> ApiKey | None:
        """Read a key, also a revoked one, consistently."""
        ...

    def api_keys(self) -> tuple[ApiKey, ...]:
        """Read all keys, the oldest first."""
        ...

    def revoke_api_key(self, key_id: str, *, now: Instant) -> ApiKey | None:
        """End a key for good and give it; None if there is none."""
        ...


class SignInMessages(Protocol):
    """Messages of Sign-In with Ethereum (EIP-4361)."""

    def write(self, terms: SignInTerms) -> str:
        """Write a message to be signed."""
        ...

    def read(self, text: str) -> SignInMessage:
        """Parse a message.

        Raises:
            InvalidFieldsError: it is none.

        """
        ...

    def check(self, message: SignInMessage, signature: str, *, origin: str, now: Instant) -> None:
        """Check that its account signed it, for this origin, and that it holds now.

        Raises:
            SignInRefusedError: the signature is another's, or it is not the time.

        """
        ...


class UsagePlans(Protocol):
    """The limits that API Gateway keeps per API key."""

    def admit(self, key_id: str, *, name: str, role: Role) -> None:
        """Count a key's calls under the plan of its role.

        Raises:
            StoreUnavailableError: API Gateway did not take it.

        """
        ...

    def expel(self, key_id: str) -> None:
        """Count it no longer; calls with it are refused.

        Raises:
            StoreUnavailableError: API Gateway did not take it.

        """
        ...


# -- webhooks ---------------------------------------------------------------------------------


class WebhookStore(Protocol):
    """Webhooks and the log of their deliveries. May raise StoreUnavailableError."""

    def put(self, webhook: Webhook) -> None:
        """Keep a webhook, as a whole."""
        ...

    def get(self, webhook_id: str) -> Webhook | None:
        """Read a webhook, consistently."""
        ...

    def all(self) -> tuple[Webhook, ...]:
        """Read every webhook, the disabled too, consistently."""
        ...

    def rotate(self, webhook_id: str, *, secret: bytes, replaces: bytes, until: Instant) -> None:
        """Sign with a new secret, and until then with the one it replaces too.

        Raises:
            StaleRowError: the webhook is gone, or has another secret than `replaces`.

        """
        ...

    def enable(self, webhook_id: str) -> None:
        """Deliver again, and forget that it was failing; nothing if it is gone."""
        ...

    def disable(self, webhook_id: str, reason: Disabled, *, now: Instant) -> bool:
        """Deliver no longer; False if it is gone or disabled already."""
        ...

    def begin_failing(self, webhook_id: str, *, now: Instant) -> None:
        """Note the first of its failures; nothing if it is gone or failing already."""
        ...

    def recover(self, webhook_id: str) -> None:
        """Forget that it was failing; nothing if it is gone."""
        ...

    def remove(self, webhook_id: str) -> None:
        """Forget a webhook; its log expires by itself."""
        ...

    def log(self, entry: DeliveryLog) -> None:
        """Remember what has become of a delivery, instead of what was remembered of it."""
        ...

    def deliveries(self, webhook_id: str, *, limit: int, now: Instant) -> tuple[DeliveryLog, ...]:
        """Read the newest deliveries of a webhook, the newest first."""
        ...


class SecretBox(Protocol):
    """Encryption of the secrets that webhooks are signed with. May raise StoreUnavailableError."""

    def seal(self, secret: str, *, webhook_id: str) -> bytes:
        """Encrypt a secret for one webhook."""
        ...

    def unseal(self, sealed: bytes, *, webhook_id: str) -> str:
        """Decrypt a secret of that webhook."""
        ...


class DeliveryQueue(Protocol):
    """The way to the deliverer."""

    def send(self, deliveries: Sequence[Delivery], *, now: Instant) -> None:
        """Queue deliveries; each is handed out when it is due, or earlier.

        Raises:
            StoreUnavailableError: some were not taken.

        """
        ...

    def give_up(self, delivery: Delivery) -> None:
        """Set a delivery aside for an operator.

        Raises:
            StoreUnavailableError: it was not taken.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of posting to a receiver."""

    status: int | None
    """The answer's status, None if there was no answer."""
    text: str
    """For the log: `status 200`, or what went wrong."""
    took: Milliseconds

    @property
    def is_taken(self) -> bool:
        """Whether the receiver took the delivery: any 2xx."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004 (RFC 9110's class)


class Receivers(Protocol):
    """The servers that webhooks are posted to."""

    def check(self, url: str) -> None:
        """Look whether a webhook may be posted there.

        Raises:
            ValueError: it may not; the text says why.

        """
        ...

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes) -> Posted:
        """Post to a URL, to no address but a public one, and follow no redirect; never raises."""
        ...


# -- messages ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionHint:
    """Look at this transaction."""

    transaction_id: TransactionId
    chain_id: ChainId
    sender: Address
    version: int
    lane: Lane = field(default=Lane.STANDARD, compare=False)
    """The queue that carries it; no part of the message."""
    is_swept: bool = field(default=False, compare=False)
    """It comes from a row that is late: it waits behind no other message of its sender."""
    redelivered: bool = False
    """The message was handed out before, and nobody recorded an outcome."""
    correlation_id: CorrelationId | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceHint:
    """Look at this nonce of a wallet."""

    chain_id: ChainId
    wallet: Address
    nonce: WalletNonce
    version: int
    lane: Lane = field(default=Lane.STANDARD, compare=False)


Hint = TransactionHint | NonceHint


class Queue(Protocol):
    """The way to submit. A message is a hint: losing, doubling or reordering one is harmless."""

    def send(self, hints: Iterable[Hint]) -> None:
        """Send hints, each by its lane.

        Raises:
            StoreUnavailableError: some were not taken.

        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was given up."""

    message_id: str
    body: str
    sent_at: Instant
    receives: int
    """How often it was handed out, since it came to the dead-letter queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterCount:
    """How full a dead-letter queue is; both numbers are approximate."""

    queue: str
    """Its name in Ferryman: the step that gave its messages up."""
    visible: int
    in_flight: int
    """Handed out and not yet deleted."""
    can_redrive: bool
    """Whether there is a queue its messages can go back to."""


class DeadLetterQueue(Protocol):
    """The way to deadletter."""

    def put(self, hint: TransactionHint, reason: str) -> None:
        """Give a transaction up: deadletter ends it.

        Args:
            hint: which one.
            reason: why, for whoever looks at the message; the row says it too.

        Raises:
            StoreUnavailableError: it was not taken.

        """
        ...


class DeadLetters(Protocol):
    """The dead-letter queues. Every method may raise StoreUnavailableError."""

    def counts(self) -> tuple[DeadLetterCount, ...]:
        """Count the messages of every queue."""
        ...

    def peek(self, queue: str) -> tuple[DeadLetter, ...]:
        """Look at up to ten messages of a queue, which stay where they are."""
        ...

    def redrive(self, queue: str, *, most: int) -> int:
        """Send messages back to where they came from; give how many went.

        A message is sent before it is deleted: it may go twice, and is never lost.
        """
        ...


class Push(Protocol):
    """The way to a WebSocket connection."""

    def post(self, connection_id: str, message: str) -> None:
        """Send a text message.

        Raises:
            SubscriberGoneError: the connection no longer exists.
            StoreUnavailableError: it could not be sent now.

        """
        ...


class Confirmer(Protocol):
    """The way to start a step that follows chains: between two scheduled runs, or one for each chain."""

    def start(self, chain_id: ChainId, *, scheduled: bool = False) -> None:
        """Start a run for a chain, without waiting for it.

        Args:
            chain_id: the chain.
            scheduled: whether it does what only the schedule's runs do.

        Raises:
            StoreUnavailableError: it could not be started now.

        """
        ...


class Tracing(Protocol):
    """Where the time of an invocation goes."""

    def span(self, name: str, **annotations: str | int) -> AbstractContextManager[None]:
        """Time what is done inside the context.

        Args:
            name: of what is called: a service or a chain's endpoints.
            annotations: values to search by; never secrets.

        """
        ...


class Dependency(Protocol):
    """Something outside that our work depends on."""

    @property
    def name(self) -> str:
        """What to call it; holds no secret."""
        ...

    @property
    def is_vital(self) -> bool:
        """Whether we cannot do our work without it, or without all of its group."""
        ...

    @property
    def group(self) -> str | None:
        """Dependencies of a group stand in for each other."""
        ...

    @property
    def chain_id(self) -> ChainId | None:
        """The only chain whose work depends on it; None if that of all chains does."""
        ...

    def look(self) -> Mapping[str, int | str]:
        """Ask it something that changes nothing; give what is worth knowing.

        Raises:
            FerrymanError: it cannot be used now; the text says why, without secrets.

        """
        ...


class Log(Protocol):
    """Structured log lines: a fixed message and values; never secrets, signatures or bodies."""

    def info(self, message: str, **values: object) -> None:
        """Write what happened."""
        ...

    def warning(self, message: str, **values: object) -> None:
        """Write what somebody may want to look at."""
        ...

    def error(self, message: str, **values: object) -> None:
        """Write what somebody has to look at."""
        ...


class Metrics(Protocol):
    """Numbers for operators."""

    def add(self, metric: Metric, value: float = 1, **dimensions: str | int) -> None:
        """Add one value of a metric.

        Args:
            metric: which; it says the unit, and which dimensions must be given.
            value: the number, in the metric's unit.
            dimensions: a value for each of the metric's dimensions.

        """
        ...
