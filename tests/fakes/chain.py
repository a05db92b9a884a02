"""A chain in memory: blocks by the clock, an escrow with its rules, and a mempool with nonces."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import rlp
from coincurve import PublicKey
from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import Call, transaction_hash
from ferryman.domain.errors import ChainUnreachableError, TooManyLogsError
from ferryman.domain.fees import FeeHistory, FeeModel, Tier
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    TxHash,
    WalletNonce,
    Wei,
)
from ferryman.domain.witnesses import Witnesses
from ferryman.intents import KINDS
from ferryman.intents.erc5267 import EIP712_DOMAIN
from ferryman.intents.payment import escrow
from ferryman.intents.settlement import settler
from ferryman.ports import (
    Block,
    Chain,
    Clock,
    Counted,
    Depth,
    EndpointProbe,
    EventLog,
    LogFilter,
    LogRange,
    Read,
    Reading,
    Refusal,
    Reverted,
    SendOutcome,
    SendResult,
    Simulation,
    TransactionReceipt,
    Trial,
)
from tests.fakes.calldata import decode
from tests.fakes.calls import PAYMENT, MessageKey, alone, is_gift, is_transfer, keys_of
from tests.fakes.deployments import deployed_transfer, is_deploying, vouched
from tests.fakes.forwarder import FakeForwarder, ForwarderState
from tests.fakes.permits import NOT_TAKEN, PermittedTransfer, is_permit, permit2_view
from tests.fakes.relay import FakeRelay, RelayState
from tests.fakes.tokens import PAUSED, Gift, TokenState, Transfer, token_view, transfers_of
from tests.fakes.witness import FakeWitness, probed

GAS_USED: Final = Gas(60_000)
_IS_VALID_SIGNATURE: Final = bytes.fromhex("1626ba7e")
_DYNAMIC_FEES: Final = 2
"""The type of EIP-1559's envelopes (EIP-2718)."""
_BY_ANOTHER: Final = TxHash("0x" + "0e" * 32)
"""The transaction of events that a test told by itself."""


@dataclass(slots=True)
class EscrowState:
    """What the escrow knows; copied for every block, so that old blocks can be read."""

    balances: dict[tuple[str, str], int] = field(default_factory=dict)
    """(token, payer) -> locked units."""
    withdrawals: dict[tuple[str, str], int] = field(default_factory=dict)
    used: set[tuple[str, int]] = field(default_factory=set)
    """(payer, nonce)."""
    executed: list[tuple[str, int]] = field(default_factory=list)
    """(payer, nonce) of each payment, in order."""
    invalidated: set[tuple[str, int]] = field(default_factory=set)
    """(payer, nonce) that a payer called off."""
    tokens: TokenState = field(default_factory=TokenState)
    """What holders have of tokens themselves, apart from the escrow."""
    relay: RelayState = field(default_factory=RelayState)
    forwarder: ForwarderState = field(default_factory=ForwarderState)
    told: list[tuple[Address | None, tuple[bytes, ...], bytes]] = field(default_factory=list)
    """Contract (None: the escrow), topics and data of this block's events."""

    def copy(self) -> "EscrowState":
        """Give a copy that later blocks do not change, with nothing told yet."""
        return EscrowState(
            dict(self.balances),
            dict(self.withdrawals),
            set(self.used),
            list(self.executed),
            set(self.invalidated),
            self.tokens.copy(),
            self.relay.copy(),
            self.forwarder.copy(),
        )

    def tell(self, topics: tuple[bytes, ...], data: bytes) -> None:
        """Let the escrow tell something."""
        self.told.append((None, topics, data))


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A decoded transaction of type 2 or 0."""

    sender: Address
    nonce: int
    data: bytes
    raw: bytes
    fees: tuple[int, int]
    """Tip and maximum, wei per gas."""
    to: Address
    value: int
    gas_limit: int

    def outbids(self, other: "SignedTransaction") -> bool:
        """Whether both fees are a tenth higher: what geth asks of a replacement."""
        return all(new * 10 >= old * 11 for new, old in zip(self.fees, other.fees, strict=True))

    @classmethod
    def decode(cls, raw: bytes) -> "SignedTransaction":
        """Read an envelope and recover its sender."""
        return cls._decode_dynamic(raw) if raw[0] == _DYNAMIC_FEES else cls._decode_legacy(raw)

    @classmethod
    def _decode_dynamic(cls, raw: bytes) -> "SignedTransaction":
        fields: list[Any] = rlp.decode(raw[1:])
        unsigned, (parity, r, s) = fields[:9], fields[9:]
        sender = _signer(raw[:1] + bytes(rlp.encode(unsigned)), r, s, int.from_bytes(parity))
        fees = int.from_bytes(unsigned[2]), int.from_bytes(unsigned[3])
        to, value, gas = to_checksum_address(unsigned[5]), int.from_bytes(unsigned[6]), unsigned[4]
        nonce, limit = int.from_bytes(unsigned[1]), int.from_bytes(gas)
        return cls(sender, nonce, unsigned[7], raw, fees, Address(to), value, limit)

    @classmethod
    def _decode_legacy(cls, raw: bytes) -> "SignedTransaction":
        fields: list[Any] = rlp.decode(raw)
        unsigned, (v, r, s) = fields[:6], fields[6:]
        chain_id, parity = divmod(int.from_bytes(v) - 35, 2)
        sender = _signer(bytes(rlp.encode([*unsigned, chain_id, 0, 0])), r, s, parity)
        price = int.from_bytes(unsigned[1])
        to, value, gas = to_checksum_address(unsigned[3]), int.from_bytes(unsigned[4]), unsigned[2]
        nonce, limit = int.from_bytes(unsigned[0]), int.from_bytes(gas)
        return cls(sender, nonce, unsigned[5], raw, (price, price), Address(to), value, limit)


class FakeChain:
    """The Chain port. A block is mined each block time, when somebody looks at the clock."""

    patience_ms = Milliseconds(0)
    """How long whoever asks waits for an answer while it is not reachable: its endpoints hang."""
    estimates = 0
    """Calls whose gas was estimated."""
    payment_gas = GAS_USED
    pool_floor = Wei(0)
    """The least maximum fee that its mempool takes."""
    takes_gas_money = False
    """Whether accounts pay for gas, and nodes refuse what an account cannot pay for."""

    def __init__(self, settings: ChainSettings, clock: Clock) -> None:  # noqa: PLR0915 (its knobs)
        self.settings = settings
        self.is_reachable = True
        self.is_mining = True
        self.heard: list[tuple[BlockNumber, Instant]] = []
        """The heads that somebody said others had seen, and when."""
        self.sends = 0
        self.reverted: list[TxHash] = []
        self.contract_wallets: set[str] = set()
        """Accounts with code that vouches for any signature (ERC-1271)."""
        self.undeployed: dict[str, bytes] = {}
        """Contract wallets that are not there yet, in lower case -> what their factory is called with."""
        self.is_paused = False
        """Whether the owners of all contracts have paused them."""
        self.refused_payees: set[Address] = set()
        """Whom the token takes no transfers to, now."""
        self.batches_revert = False
        """Whether whatever carries several payments reverts as a whole."""
        self.left_out: set[MessageKey] = set()
        """Messages that fail in a batch, and only there."""
        self.refused: set[MessageKey] = set()
        """Messages whose bytes no node ever takes."""
        self.failing: set[MessageKey] = set()
        """Messages that fail when they are mined, though whoever simulates them sees them go through."""
        self.overtaken: set[MessageKey] = set()
        """Messages that another relayer is first with, as soon as it sees them on their way."""
        self.by_others: list[TxHash] = []
        """What other relayers have sent."""
        self.strangers: set[tuple[Address, int]] = set()
        """(wallet, nonce) that somebody else uses who has the wallet's key, as soon as it is next."""
        self.base_fee = Wei(10**9)
        self.l1_fee = Wei(0)
        """What the chain's L1 fee oracle, if it is configured to have one, asks of any transaction."""
        self.is_before_fjord = False
        """Whether that oracle is too old for the question by size."""
        self.coins: dict[Address, Wei] = {}
        """Native coin of accounts; those that are not here have one."""
        self.delegations: set[Address] = set()
        """Accounts with an EIP-7702 delegation: of each, one transaction is taken at a time."""
        self.most_of_one_account = 1_000
        """Transactions of an account that are kept at a time."""
        self.mempool: dict[tuple[Address, int], SignedTransaction] = {}
        self._clock = clock
        self._one_at_a_time = threading.RLock()
        self._started = clock.now()
        self._blocks: list[EscrowState] = [EscrowState()]
        self._receipts: dict[TxHash, TransactionReceipt] = {}
        self._counts: dict[Address, int] = {}
        self._counted: list[dict[Address, int]] = [{}]
        """The counts after each block."""
        self._sent: dict[TxHash, SignedTransaction] = {}
        self._fork = 0
        self._told_by: dict[tuple[int, int], TxHash] = {}
        """(block, place among its events) -> the transaction."""
        self._forks = [0]
        """The fork under which each block was mined: its hash changes with that."""
        self.endpoints: tuple[FakeWitness, ...] = ()
        self._chosen = Witnesses()
        """What answers for the chain, if that is not one honest endpoint."""
        self.final_lag: int | None = None
        """How many blocks behind the head the newest final one is; None: it knows no such word."""
        self.most_log_blocks: int | None = None
        """The longest range whose logs it gives at once."""

    @cached_property
    def metatx(self) -> FakeRelay | None:
        """Its MetaTxRelay, if it is configured to have one."""
        return FakeRelay(self.settings, self.settings.relay) if self.settings.relay else None

    @cached_property
    def forwarding(self) -> FakeForwarder | None:
        """Its ERC2771Forwarder, if it is configured to have one."""
        return FakeForwarder(self.settings, self.settings.forwarder) if self.settings.forwarder else None

    @property
    def state(self) -> EscrowState:
        """The newest block's state, which is its alone from here on: tests set it up through this."""
        if len(self._blocks) > 1 and self._blocks[-1] is self._blocks[-2]:
            self._blocks[-1] = self._blocks[-1].copy()
        return self._blocks[-1]

    def lock(self, token: str, payer: str, units: int) -> None:
        """Lock funds from the newest block on."""
        key = (token.lower(), payer.lower())
        self.state.balances[key] = self.state.balances.get(key, 0) + units
        self.state.tell(*_funds_log("Deposited(address,address,uint256)", token, payer, units))

    def give(self, token: str, holder: str, units: int) -> None:
        """Give tokens to a holder, from the newest block on."""
        key = (token.lower(), holder.lower())
        self.state.tokens.balances[key] = self.state.tokens.balances.get(key, 0) + units

    def request_withdrawal(self, token: str, payer: str, units: int) -> None:
        """Ask for funds back; they stay locked until claimed."""
        self.state.withdrawals[token.lower(), payer.lower()] = units
        name = "WithdrawRequested(address,address,uint256,uint256)"
        self.state.tell(*_funds_log(name, token, payer, units, 0))

    def invalidate(self, payer: str, nonce: int) -> None:
        """Ask for a nonce to be void."""
        self.state.invalidated.add((payer.lower(), nonce))
        name = "InvalidationRequested(address,uint256,uint256)"
        topics = (keccak(name.encode()), _word(payer), nonce.to_bytes(32))
        self.state.tell(topics, encode(["uint256"], [1]))

    def execute_elsewhere(self, token: str, payer: str, nonce: int, units: int) -> None:
        """Execute a payment that another deployment accepted, or this one before its tables were lost."""
        self.state.used.add((payer.lower(), nonce))
        self.state.balances[token.lower(), payer.lower()] -= units
        self.state.tell(*_executed_log(payer, payer, token, units, 0, nonce))

    def relay(self, payload: Mapping[str, str | int], *, kind: str = "payment") -> TxHash:
        """Have another relayer send a message, first in the next block, or in one that comes by itself."""
        return self._sent_by_another(KINDS[kind].to_call(payload))

    def _sent_by_another(self, call: Call) -> TxHash:
        relayer = Address("0x" + f"{len(self.by_others):040x}")
        raw = b"by another relayer" + call.data
        sent = SignedTransaction(relayer, 0, call.data, raw, (1, 10**12), call.to, 0, GAS_USED)
        self.mempool[relayer, 0] = sent
        self.by_others.append(transaction_hash(raw))
        return self.by_others[-1]

    def mine(self) -> None:
        """Mine what is next of each wallet."""
        waiting = sorted({*self.mempool, *self.strangers})
        newest, number = self._blocks[-1], BlockNumber(len(self._blocks))
        # A day of empty blocks is one state, and not 86,400 copies of it.
        state = newest.copy() if waiting or newest.told else newest
        for wallet, nonce in waiting:
            if nonce != self._counts.get(wallet, 0):
                continue
            if (wallet, nonce) not in self.strangers:
                if self.mempool[wallet, nonce].fees[1] < self.base_fee:
                    continue
                self._include(self.mempool[wallet, nonce], state, number)
            self._counts[wallet] = nonce + 1
        self.mempool = {
            key: sent for key, sent in self.mempool.items() if key[1] >= self._counts.get(key[0], 0)
        }
        self._blocks.append(state)
        self._forks.append(self._fork)
        is_same = self._counts == self._counted[-1]
        self._counted.append(self._counted[-1] if is_same else dict(self._counts))

    def reorg(self, depth: int = 1) -> None:
        """Lose the newest blocks; what they held goes back to the mempool."""
        for _ in range(depth):
            self._lose_block()
        self._fork += 1

    def replace(
        self, depth: int, *, meanwhile: Callable[[], None] | None = None, keeps_mempool: bool = True
    ) -> None:
        """Replace the newest blocks by as many others; only the last holds what the old ones did.

        Args:
            depth: how many.
            meanwhile: what happens between the old blocks and the last of the new ones.
            keeps_mempool: whether anybody still knows what the old ones held.

        """
        self.reorg(depth)
        held, self.mempool = self.mempool, {}
        for _ in range(depth - 1):
            self.mine()
        self.mempool = held if keeps_mempool else {}
        if meanwhile:
            meanwhile()
        self.mine()
        self._started = Instant(self._started - depth * self.settings.block_time_ms)

    def _lose_block(self) -> None:
        number = len(self._blocks) - 1
        lost = [name for name, receipt in self._receipts.items() if receipt.block_number == number]
        for name in lost:
            sent = self._sent[name]
            self.mempool[sent.sender, sent.nonce] = sent
            del self._receipts[name]
        self._counted.pop()
        self._counts = dict(self._counted[-1])
        self._blocks.pop()
        self._forks.pop()
        self._started = Instant(self._started + self.settings.block_time_ms)

    def forget(self) -> None:
        """Lose the mempool, as a node that restarts does."""
        self.mempool.clear()

    def served_by_two(self) -> tuple[FakeWitness, FakeWitness]:
        """Have two endpoints from now on, and give them: each may lie by itself."""
        first, second = self.endpoints = FakeWitness(self), FakeWitness(self)
        return first, second

    # -- the port -----------------------------------------------------------------------------

    def witnesses(self) -> tuple[Chain, ...]:
        """Its endpoints, the ones that answer first; itself, if nobody asked for more."""
        if not self.endpoints:
            return (self,)
        numbers = sorted(range(len(self.endpoints)), key=lambda one: not self.endpoints[one].is_reachable)
        chosen = self._chosen.choose(numbers, now=self._clock.now())
        return tuple(self.endpoints[number] for number in chosen)

    def doubt(self) -> None:
        """Have others as witnesses next, where there are any."""
        self._chosen.doubt(now=self._clock.now())

    def by_endpoint(self) -> Mapping[int, Chain]:
        """Its endpoints, or itself."""
        return dict(enumerate(self.endpoints or (self,), start=1))

    def probe(self) -> tuple[EndpointProbe, ...]:
        """Ask its endpoints, or itself."""
        return tuple(probed(number, endpoint) for number, endpoint in self.by_endpoint().items())

    def read(self, reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:  # noqa: ARG002 (its head is always fresh)
        """Answer the escrow's views."""
        head = self._head()
        reads_funds = any(read.depth is Depth.CONFIRMED for read in reads)
        if reads_funds and self.settings.is_too_old(self._block(head).timestamp_seconds, self._clock.now()):
            raise ChainUnreachableError(self.settings.chain_id, "its newest block is too old")
        block = at if at is not None else self.settings.confirmed_block(head)
        answers = (self._view(read, head if read.depth is Depth.HEAD else block) for read in reads)
        return Reading(block=block, head=head, answers=tuple(answers))

    def heard_of(self, head: BlockNumber, *, at: Instant) -> None:
        """Its head is always fresh; what it was told is kept for tests."""
        self.heard.append((head, at))

    def simulate(
        self,
        calls: Sequence[Call],
        *,
        sender: Address,
        payers: Sequence[Address] = (),
        trials: Sequence[Trial] = (),
    ) -> Simulation:
        """Run each call on a copy of the newest state."""
        head = self.head()
        self.estimates += len(calls)
        return Simulation(
            block=head,
            outcomes=tuple(self._outcome(call, sender) for call in calls),
            fee_history=self.fee_history(),
            sender_count=self.transaction_count(sender),
            balances=dict(zip(payers, self.balances(payers), strict=True)),
            passed=tuple(self._passes(trial, sender) for trial in trials),
        )

    def fee_history(self) -> FeeHistory:
        """A calm market."""
        self._head()
        if self.settings.fee_model is FeeModel.LEGACY:
            return FeeHistory.legacy(self.base_fee)
        return FeeHistory(next_base_fee=self.base_fee, tips={tier: (Wei(10**6),) for tier in Tier})

    def head(self) -> Block:
        """The newest block."""
        number = self._head()
        return self._block(number)

    def finalized(self) -> BlockNumber | None:
        """The newest final block, on a chain that knows which."""
        head = self._head()
        return None if self.final_lag is None else BlockNumber(max(head - self.final_lag, 0))

    def transaction_count(self, wallet: Address) -> WalletNonce:
        """How many transactions of a wallet are mined."""
        self._head()
        return WalletNonce(self._counts.get(wallet, 0))

    def transaction_counts(
        self, asked: Sequence[tuple[Address, Counted | BlockNumber]]
    ) -> tuple[WalletNonce, ...]:
        """How many transactions of wallets are mined, or are in the mempool as well without a gap."""
        self._head()
        return tuple(self._count_of(wallet, counted) for wallet, counted in asked)

    def balances(self, wallets: Sequence[Address]) -> tuple[Wei, ...]:
        """Native coin of accounts."""
        self._head()
        return tuple(self.coins.get(wallet, Wei(10**18)) for wallet in wallets)

    def delegated(self, wallets: Sequence[Address]) -> frozenset[Address]:
        """Accounts that a test has delegated."""
        self._head()
        return frozenset(wallets) & self.delegations

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Take transactions into the mempool."""
        try:
            self._head()
        except ChainUnreachableError as error:
            return tuple(SendResult(SendOutcome.POSSIBLY_SENT, error.cause) for _ in envelopes)
        return tuple(self._take(SignedTransaction.decode(raw)) for raw in envelopes)

    def block_receipts(self, numbers: Sequence[BlockNumber]) -> tuple[TransactionReceipt, ...]:
        """Receipts of some blocks."""
        self._head()
        wanted = set(numbers)
        return tuple(receipt for receipt in self._receipts.values() if receipt.block_number in wanted)

    def receipts(self, hashes: Sequence[TxHash]) -> tuple[TransactionReceipt | None, ...]:
        """Receipts by hash."""
        self._head()
        return tuple(self._receipts.get(name) for name in hashes)

    def calls(self, hashes: Sequence[TxHash]) -> tuple[Call, ...]:
        """What mined transactions called."""
        self._head()
        if any(name not in self._receipts for name in hashes):
            raise ChainUnreachableError(self.settings.chain_id, "a transaction is not there")
        return tuple(
            Call(sent.to, sent.data, Wei(sent.value)) for sent in map(self._sent.__getitem__, hashes)
        )

    def receipts_with_head(
        self, hashes: Sequence[TxHash]
    ) -> tuple[Block, tuple[TransactionReceipt | None, ...]]:
        """The newest block, and receipts by hash."""
        return self.head(), self.receipts(hashes)

    def blocks(self, numbers: Sequence[BlockNumber]) -> tuple[Block, ...]:
        """Headers of blocks."""
        head = self._head()
        if any(number > head for number in numbers):
            raise ChainUnreachableError(self.settings.chain_id, "a block is not there")
        return tuple(self._block(number) for number in numbers)

    def block_logs(self, blocks: Sequence[Block], wanted: LogFilter) -> tuple[EventLog, ...]:
        """Events of blocks, by hash."""
        self._head()
        return tuple(log for block in blocks for log in self._logs_of(self._known(block), wanted))

    def range_logs(self, first: BlockNumber, last: BlockNumber, wanted: LogFilter) -> LogRange:
        """Events of blocks, by number."""
        before, end = self.blocks([BlockNumber(first - 1), last])
        if self.most_log_blocks is not None and last - first >= self.most_log_blocks:
            raise TooManyLogsError(first=first, last=last)
        logs = (log for number in range(first, last + 1) for log in self._logs_of(number, wanted))
        return LogRange(before=before, last=end, logs=tuple(logs))

    def read_at(self, reads: Sequence[tuple[Block, Read]]) -> tuple[bytes | Reverted, ...]:
        """Answer the escrow's views as they were at a block, by hash."""
        self._head()
        return tuple(self._view(read, self._known(block)) for block, read in reads)

    # -- inside -------------------------------------------------------------------------------

    def _outcome(self, call: Call, sender: Address) -> Gas | Reverted:
        return self._run(call, self.state.copy(), sender) or self._gas_of(call.data)

    def _passes(self, trial: Trial, sender: Address) -> bool:
        outcome = self._outcome(trial.call, sender)
        return isinstance(outcome, int) and outcome <= trial.gas

    def _gas_of(self, data: bytes) -> Gas:
        """A message's gas, times the messages of the call; a transfer's, if there is no call."""
        return Gas(self.payment_gas * (len(keys_of(data)) or 1)) if data else Gas(21_000)

    def _count_of(self, wallet: Address, counted: Counted | BlockNumber) -> WalletNonce:
        if not isinstance(counted, Counted):
            return WalletNonce(self._counted[counted].get(wallet, 0))
        count = self._counts.get(wallet, 0)
        while counted is Counted.PENDING and (wallet, count) in self.mempool:
            count += 1
        return WalletNonce(count)

    def _known(self, block: Block) -> BlockNumber:
        if block.number >= len(self._blocks) or self._block_hash(block.number) != block.hash:
            raise ChainUnreachableError(self.settings.chain_id, "unknown block")
        return block.number

    def _block(self, number: int) -> Block:
        return Block(
            number=BlockNumber(number),
            hash=self._block_hash(number),
            parent_hash=self._block_hash(number - 1) if number else BlockHash("0x" + "00" * 32),
            timestamp_seconds=Seconds((self._started + number * self.settings.block_time_ms) // 1000),
        )

    def _logs_of(self, number: int, wanted: LogFilter) -> Iterator[EventLog]:
        for place, told in enumerate(self._blocks[number].told):
            told_by = self._told_by.get((number, place), _BY_ANOTHER)
            log = self._log(*told, BlockNumber(number), self._block_hash(number), told_by)
            is_second = not wanted.second_topics or log.topics[1] in wanted.second_topics
            if log.topics[0] in wanted.topics and is_second and log.contract in wanted.contracts:
                yield log

    def _log(
        self,
        contract: Address | None,
        topics: tuple[bytes, ...],
        data: bytes,
        number: BlockNumber,
        block_hash: BlockHash,
        transaction_hash: TxHash,
    ) -> EventLog:
        return EventLog(
            contract=contract or self.settings.escrow,
            topics=topics,
            data=data,
            block_number=number,
            block_hash=block_hash,
            transaction_hash=transaction_hash,
        )

    def _head(self) -> BlockNumber:
        if not self.is_reachable:
            self._clock.sleep(self.patience_ms)
            raise ChainUnreachableError(self.settings.chain_id, "switched off")
        elapsed = (self._clock.now() - self._started) // self.settings.block_time_ms
        with self._one_at_a_time:
            while self.is_mining and len(self._blocks) <= elapsed:
                self.mine()
        return BlockNumber(len(self._blocks) - 1)

    def _block_hash(self, number: int) -> BlockHash:
        fork = self._forks[number] if number < len(self._forks) else self._fork
        return BlockHash("0x" + keccak(f"block {number} of fork {fork}".encode()).hex())

    def _take(self, sent: SignedTransaction) -> SendResult:
        with self._one_at_a_time:
            return self._taken(sent)

    def _taken(self, sent: SignedTransaction) -> SendResult:
        self.sends += 1
        if sent.nonce < self._counts.get(sent.sender, 0):
            return SendResult(SendOutcome.POSSIBLY_SENT, "nonce too low", Refusal.NONCE_TOO_LOW)
        if not self.refused.isdisjoint(keys_of(sent.data)):
            return SendResult(SendOutcome.PERMANENT, "intrinsic gas too low", Refusal.PERMANENT)
        known = self.mempool.get((sent.sender, sent.nonce))
        if known and known.raw == sent.raw:
            return SendResult(SendOutcome.SENT, "already known")
        if known and not sent.outbids(known):
            return SendResult(
                SendOutcome.REJECTED, "replacement transaction underpriced", Refusal.REPLACEMENT
            )
        if refused := self._unpaid(sent) or (None if known else self._crowded(sent)):
            return refused
        self.mempool[sent.sender, sent.nonce] = sent
        for key in self.overtaken.intersection(keys_of(sent.data)):
            self.overtaken.discard(key)
            self._sent_by_another(alone(Call(sent.to, sent.data), key))
        return SendResult(SendOutcome.SENT)

    def _unpaid(self, sent: SignedTransaction) -> SendResult | None:
        """Refuse what its account cannot pay for, besides what waits of it already (as geth does)."""
        waiting = {key: one for key, one in self.mempool.items() if one.sender == sent.sender}
        waiting[sent.sender, sent.nonce] = sent
        cost = sum(one.gas_limit * one.fees[1] + one.value + self.l1_fee for one in waiting.values())
        if not self.takes_gas_money or cost <= self.coins.get(sent.sender, 10**18):
            return None
        text = "insufficient funds for gas * price + value: balance too low"
        return SendResult(SendOutcome.REJECTED, text, Refusal.FUNDS)

    def _crowded(self, sent: SignedTransaction) -> SendResult | None:
        """Refuse one more transaction, if it pays too little, or the pool has enough of its account."""
        if sent.fees[1] < self.pool_floor:
            return SendResult(SendOutcome.REJECTED, "transaction underpriced", Refusal.UNDERPRICED)
        waiting = sum(one == sent.sender for one, _ in self.mempool)
        if waiting and sent.sender in self.delegations:
            text = "in-flight transaction limit reached for delegated accounts"
            return SendResult(SendOutcome.REJECTED, text, Refusal.DELEGATED)
        if waiting >= self.most_of_one_account:
            return SendResult(SendOutcome.REJECTED, "txpool is full", Refusal.UNDERPRICED)
        return None

    def _include(self, sent: SignedTransaction, state: EscrowState, number: BlockNumber) -> None:
        name = transaction_hash(sent.raw)
        self._sent[name] = sent
        told = len(state.told)
        succeeded = self._mined(Call(sent.to, sent.data), state, sent.sender) is None
        price = min(self.base_fee + sent.fees[0], sent.fees[1]) if self.takes_gas_money else 10**9
        if self.takes_gas_money:
            used = self._gas_of(sent.data)
            left = self.coins.get(sent.sender, 10**18) - used * price - self.l1_fee
            self.coins[sent.sender] = Wei(left)
        if sent.value:
            for account, units in ((sent.sender, -sent.value), (sent.to, sent.value)):
                self.coins[account] = Wei(self.coins.get(account, 10**18) + units)
        self._told_by |= {(number, place): name for place in range(told, len(state.told))}
        if not succeeded:
            self.reverted.append(name)
        block_hash = self._block_hash(number)
        self._receipts[name] = TransactionReceipt(
            hash=name,
            block_number=number,
            block_hash=block_hash,
            succeeded=succeeded,
            gas_used=self._gas_of(sent.data),
            effective_gas_price=Wei(price),
            l1_fee=self.l1_fee,
            logs=tuple(self._log(*one, number, block_hash, name) for one in state.told[told:]),
        )

    def _view(self, read: Read, block: BlockNumber) -> bytes | Reverted:
        views: dict[bytes, Callable[[Read, EscrowState], bytes]] = {
            EIP712_DOMAIN: self._domain,
            escrow.GRACE_PERIOD: self._grace_period,
            escrow.PAYMENT_STATE: self._payment_state,
        }
        if read.to in self.contract_wallets and read.data[:4] == _IS_VALID_SIGNATURE:
            return _IS_VALID_SIGNATURE.ljust(32, b"\0")
        if read.to == self.settings.l1_fee_oracle:
            return self._l1_fee(read.data)
        state = self._blocks[block]
        if (answer := self._foreign_view(read, state)) is not None:
            return answer
        if (answer := self._forwarder_view(read, self._blocks[block])) is not None:
            return answer
        if read.to != self.settings.escrow:
            return token_view(read, state.tokens, self.settings, self._clock.now())
        view = views.get(read.data[:4])
        return view(read, self._blocks[block]) if view else b""

    def _foreign_view(self, read: Read, state: EscrowState) -> bytes | Reverted | None:
        """Answer for the contracts that are there if they are configured; None: it is none of those."""
        wallets = self.settings.undeployed_wallets
        if wallets and read.to == wallets.settler:
            return self._deployed(read, state.tokens)
        answer = permit2_view(read, state.tokens, self.settings, self._clock.now())
        return self._relay_view(read, state) if answer is None else answer

    def _deployed(self, read: Read, tokens: TokenState) -> bytes | Reverted:
        if not is_deploying(read.data):
            return vouched(read.data, self.undeployed)
        transfer = deployed_transfer(read.data, self.undeployed)
        if isinstance(transfer, Reverted):
            return transfer
        ran = transfer.run(tokens.copy(), self._clock.now())
        return ran if isinstance(ran, Reverted) else b""

    def _relay_view(self, read: Read, state: EscrowState) -> bytes | Reverted | None:
        if self.metatx is None:
            return None
        return self.metatx.view(read, state.relay, state.tokens, self._clock.now())

    def _forwarder_view(self, read: Read, state: EscrowState) -> bytes | Reverted | None:
        if self.forwarding is None:
            return None
        return self.forwarding.view(read, state.forwarder, self._clock.now())

    def _l1_fee(self, data: bytes) -> bytes | Reverted:
        if data[:4] == keccak(b"getL1FeeUpperBound(uint256)")[:4] and self.is_before_fjord:
            return Reverted(b"", "GasPriceOracle: getL1FeeUpperBound only supports Fjord")
        return encode(["uint256"], [self.l1_fee])

    def _domain(self, _read: Read, _state: EscrowState) -> bytes:
        ours = escrow.domain(self.settings.chain_id, self.settings.escrow)
        return encode(
            ["bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]"],
            [b"\x0f", ours.name, ours.version, ours.chain_id, ours.verifying_contract, b"\0" * 32, []],
        )

    def _grace_period(self, _read: Read, _state: EscrowState) -> bytes:
        return encode(["uint256"], [self.settings.grace_seconds])

    def _payment_state(self, read: Read, state: EscrowState) -> bytes:
        token, payer, nonce = decode(["address", "address", "uint256"], read.data[4:])
        key = (token.lower(), payer.lower())
        return encode(
            ["uint256", "uint256", "uint256", "bool", "uint256"],
            [
                state.balances.get(key, 0),
                state.withdrawals.get(key, 0),
                0,
                (payer.lower(), nonce) in state.used,
                int((payer.lower(), nonce) in state.invalidated),
            ],
        )

    def _mined(self, call: Call, state: EscrowState, sender: Address) -> Reverted | None:
        """Run a call of a block: what nobody saw fail before may fail here."""
        keys = keys_of(call.data) if self.failing else []
        if len(keys) == 1 and keys[0] in self.failing:
            return _revert("SafeERC20FailedOperation(address)", 0)
        return self._run(call, state, sender)

    def _run(self, call: Call, state: EscrowState, sender: Address) -> Reverted | None:
        """Run a call of a token or the escrow; without data it is a transfer, such as a fill."""
        data = call.data
        if not data:
            return None
        if call.to != self.settings.escrow:
            gift = Gift.of(call.to, data, sender) if is_gift(data) else None
            return self._give(gift, state) if gift else self._run_foreign(call, state)
        if self.is_paused:
            return _revert("EnforcedPause()", 0)
        if data[:4] == escrow.EXECUTE_PAYMENT:
            payment, _signature = decode([PAYMENT, "bytes"], data[4:])
            return self._execute(payment, state)
        if self.batches_revert:
            return _revert("CappedCallInsufficientGas(uint256,uint256)", 0)
        payments, _signatures = decode([f"{PAYMENT}[]", "bytes[]"], data[4:])
        for index, payment in enumerate(payments):
            revert = self._execute(payment, state, in_batch=True)
            if revert:
                state.tell(*_skipped_log(self._digest(payment), payment, index, revert.data))
        return None

    def _execute(
        self, payment: tuple[Any, ...], state: EscrowState, *, in_batch: bool = False
    ) -> Reverted | None:
        token, payer, payee, amount, fee, nonce, deadline = payment
        key = (token.lower(), payer.lower())
        if in_batch and (payer.lower(), nonce) in self.left_out | self.failing:
            return _revert("SafeERC20FailedOperation(address)", 0)
        if payee in {refused.lower() for refused in self.refused_payees}:
            return _revert("SafeERC20FailedOperation(address)", 0)
        if deadline < self._clock.now() // 1000:
            return _revert("PaymentExpired(uint256)", deadline)
        if (payer.lower(), nonce) in state.used:
            return _revert("PaymentNonceUsed(address,uint256)", 0)
        if state.balances.get(key, 0) < amount + fee:
            return _revert("PaymentInsufficientBalance(address,address,uint256,uint256)", 0)
        state.used.add((payer.lower(), nonce))
        state.executed.append((payer.lower(), nonce))
        state.balances[key] -= amount + fee
        digest = self._digest(payment)
        state.tell(*_executed_log(payer, payee, token, amount, fee, nonce, digest=digest))
        return None

    def _run_foreign(self, call: Call, state: EscrowState) -> Reverted | None:
        """Run a call of a token, of many, of a relay or forwarder, or of a target as those make it."""
        if self.forwarding and self.forwarding.is_concerned(call.to):
            return self._forward(self.forwarding, call, state)
        if _is_of_tokens(call.data) or self.metatx is None:
            return self._run_token(call, state)
        now = self._clock.now()
        if self.is_paused:
            return _revert("EnforcedPause()", 0)
        if call.to != self.metatx.settings.address:
            answer = self.metatx.view(Read(call.to, call.data), state.relay, state.tokens, now)
            return answer if isinstance(answer, Reverted) else None
        told = self.metatx.run(call, state.relay, state.tokens, now=now, gas_used=GAS_USED)
        if isinstance(told, Reverted):
            return told
        state.executed += sorted(state.relay.used - set(state.executed))
        state.told += told
        return None

    def _forward(self, forwarding: FakeForwarder, call: Call, state: EscrowState) -> Reverted | None:
        if call.to != forwarding.settings.address:
            answer = forwarding.view(Read(call.to, call.data), state.forwarder, self._clock.now())
            return answer if isinstance(answer, Reverted) else None
        told = forwarding.run(call, state.forwarder, self._clock.now())
        if isinstance(told, Reverted):
            return told
        state.executed += keys_of(call.data)
        state.told += told
        return None

    def _run_token(self, call: Call, state: EscrowState) -> Reverted | None:
        """Run one transfer, or many, each failing alone."""
        if is_deploying(call.data):
            deployed = deployed_transfer(call.data, self.undeployed)
            return deployed if isinstance(deployed, Reverted) else self._transfer(deployed, state)
        if is_permit(call.data):
            return self._permitted(call, state)
        if is_transfer(call.data):
            return self._transfer(Transfer.of(call.to, call.data), state)
        if self.batches_revert:
            return _revert("CappedCallInsufficientGas(uint256,uint256)", 0)
        for leg in transfers_of(call.data):
            if (leg.payer.lower(), int.from_bytes(leg.nonce)) not in self.left_out | self.failing:
                self._transfer(leg, state)
        return None

    def _transfer(self, transfer: Transfer, state: EscrowState) -> Reverted | None:
        if self.is_paused:
            return PAUSED
        told = transfer.run(state.tokens, self._clock.now())
        if isinstance(told, Reverted):
            return told
        state.executed.append((transfer.payer.lower(), int.from_bytes(transfer.nonce)))
        state.told += told
        return None

    def _give(self, gift: Gift, state: EscrowState) -> Reverted | None:
        if self.is_paused:
            return PAUSED
        told = gift.run(state.tokens)
        if isinstance(told, Reverted):
            return told
        state.executed.append((gift.to.lower(), gift.units))
        state.told += told
        return None

    def _permitted(self, call: Call, state: EscrowState) -> Reverted | None:
        if self.is_paused:
            return NOT_TAKEN
        transfer = PermittedTransfer.of(call.data)
        # The settler is who calls the proxy; who may call the settler is a matter of roles.
        told = transfer.run(state.tokens, self._clock.now(), by=call.to)
        if isinstance(told, Reverted):
            return told
        state.executed.append((transfer.payer.lower(), transfer.nonce))
        state.told += told
        return None

    def _digest(self, payment: tuple[Any, ...]) -> bytes:
        token, payer, payee, amount, fee, nonce, deadline = payment
        message = escrow.Payment(
            token=Address(to_checksum_address(token)),
            payer=Address(to_checksum_address(payer)),
            payee=Address(to_checksum_address(payee)),
            amount=TokenUnits(amount),
            fee=TokenUnits(fee),
            nonce=nonce,
            deadline_seconds=Seconds(deadline),
        )
        return message.digest(escrow.domain(self.settings.chain_id, self.settings.escrow).separator())


def _signer(signed: bytes, r: bytes, s: bytes, parity: int) -> Address:
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([parity])
    key = PublicKey.from_signature_and_message(signature, keccak(signed), hasher=None)
    return Address(to_checksum_address(keccak(key.format(compressed=False)[1:])[-20:]))


def _funds_log(name: str, token: str, account: str, *values: int) -> tuple[tuple[bytes, ...], bytes]:
    """An event whose indexed members are token and account."""
    topics = (keccak(name.encode()), _word(token), _word(account))
    return topics, encode(["uint256"] * len(values), values)


def _executed_log(
    payer: str, payee: str, token: str, amount: int, fee: int, nonce: int, *, digest: bytes = b"\0" * 32
) -> tuple[tuple[bytes, ...], bytes]:
    """PaymentExecuted."""
    topics = (escrow.PAYMENT_EXECUTED, digest, _word(payer), _word(payee))
    return topics, encode(["address", "uint256", "uint256", "uint256"], [token, amount, fee, nonce])


def _skipped_log(
    digest: bytes, payment: tuple[Any, ...], index: int, reason: bytes
) -> tuple[tuple[bytes, ...], bytes]:
    """PaymentSkipped."""
    topics = (escrow.PAYMENT_SKIPPED, digest, _word(payment[1]))
    return topics, encode(["uint256", "uint256", "bytes"], [index, payment[5], reason])


def _is_of_tokens(data: bytes) -> bool:
    """Whether a call moves tokens by what was signed for them, through whatever contract."""
    return data[:4] == settler.SETTLE or is_transfer(data) or is_permit(data) or is_deploying(data)


def _word(address: str) -> bytes:
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")


def _revert(error: str, value: int) -> Reverted:
    return Reverted(keccak(error.encode())[:4] + encode(["uint256"], [value]), f"execution reverted: {error}")
