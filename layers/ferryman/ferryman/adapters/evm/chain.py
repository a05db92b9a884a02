"""The Chain port over JSON-RPC: each method is one batch."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from ferryman.adapters.evm.broadcasts import together
from ferryman.adapters.evm.json_rpc import JsonRpc, Told
from ferryman.adapters.evm.rpc_batch import NoAnswerError, RpcError, RpcRequest
from ferryman.adapters.evm.rpc_errors import is_revert, is_too_many_logs, send_result
from ferryman.domain.chain import STALE_BLOCKS, ChainSettings
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import ChainMovedError, ChainUnreachableError, TooManyLogsError
from ferryman.domain.fees import PERCENTILES, FeeHistory, FeeModel, Tier
from ferryman.domain.units import (
    Address,
    BlockHash,
    BlockNumber,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TxHash,
    WalletNonce,
    Wei,
    checked_address,
)
from ferryman.domain.witnesses import Witnesses
from ferryman.ports import (
    Block,
    Clock,
    Counted,
    Depth,
    EndpointProbe,
    EventLog,
    LogFilter,
    LogRange,
    Read,
    Reading,
    Reverted,
    SendOutcome,
    SendResult,
    Simulation,
    TransactionReceipt,
    Trial,
)

_HISTORY_BLOCKS: Final = 10
_NOBODY: Final = Address("0x" + "00" * 20)
_DELEGATION: Final = "0xef0100"
"""What the code of a delegated account begins with (EIP-7702)."""
"""An endpoint stands still when its newest block is older than both, and lags when it is so many behind."""
_REMEMBERED_MS: Final = Milliseconds(30_000)
"""How long another endpoint's head is worth comparing with."""
_TIERS: Final = (Tier.SLOW, Tier.NORMAL, Tier.FAST)
_HEAD = RpcRequest("eth_getBlockByNumber", ("latest", False))
_NO_BASE_FEE: Final = "its blocks have no base fee: its fee_model is legacy"
_GAS_PRICE = RpcRequest("eth_gasPrice")
_FINALIZED = RpcRequest("eth_getBlockByNumber", ("finalized", False))
_FEE_HISTORY = RpcRequest(
    "eth_feeHistory", (hex(_HISTORY_BLOCKS), "latest", [PERCENTILES[tier] for tier in _TIERS])
)


class EvmChain:
    """One EVM chain."""

    def __init__(self, settings: ChainSettings, rpc: JsonRpc, clock: Clock) -> None:
        self._settings = settings
        self._rpc = rpc
        self._clock = clock
        self._head_number = BlockNumber(0)
        self._head_seen_at = Instant(0)
        self._is_head_heard = False
        """Whether others saw it, and not this process."""
        self._witnesses = Witnesses()
        self._heads: dict[int, tuple[BlockNumber, Instant]] = {}
        """The newest block of each endpoint, by its number, and when it was seen."""

    def witnesses(self) -> tuple["EvmChain", ...]:
        """Give the chain as at most two single endpoints see it."""
        singly, now = self._rpc.singly(), self._clock.now()
        chosen = self._witnesses.choose(tuple(singly), now=now)
        # Whoever reads by an endpoint that contradicts the others may never see what there is to end.
        self._rpc.trust(chosen if self._witnesses.is_in_doubt else ())
        return tuple(EvmChain(self._settings, singly[number], self._clock) for number in chosen)

    def doubt(self) -> None:
        """Have others as witnesses next, where there are any."""
        self._witnesses.doubt(now=self._clock.now())

    def by_endpoint(self) -> Mapping[int, "EvmChain"]:
        """Give the chain as each endpoint sees it."""
        singly = sorted(self._rpc.singly().items())
        return {number: EvmChain(self._settings, rpc, self._clock) for number, rpc in singly}

    def probe(self) -> tuple[EndpointProbe, ...]:
        """Ask every endpoint for its newest block."""
        return tuple(self._probed(told, rests=rests) for told, rests in self._rpc.each([_HEAD]))

    def read(self, reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:
        """Read contracts in one batch, which also brings the newest head for the next one.

        Funds are not read of an endpoint that stands still or lags: it would not show a withdrawal that is
        due soon.
        """
        is_hearsay = self._is_head_heard and at is None and not fresh
        try:
            return self._read(reads, fresh=fresh, at=at)
        except ChainUnreachableError:
            if not is_hearsay:
                raise
        # Others saw that head elsewhere; ours may not have it yet.
        return self._read(reads, fresh=True, at=None)

    def _read(self, reads: Sequence[Read], *, fresh: bool, at: BlockNumber | None) -> Reading:
        block = at if at is not None else self._settings.confirmed_block(self._recent_head(fresh=fresh))
        calls = [_eth_call(read, block) for read in reads]
        reads_funds = any(read.depth is Depth.CONFIRMED for read in reads)
        unfit = self._is_behind if reads_funds else None
        newest, *answers = self._rpc.batch([_HEAD, *calls], unfit=unfit)
        head = self._block(self._rpc.result(newest))
        self._saw(head.number)
        if reads_funds and self._settings.is_too_old(head.timestamp_seconds, self._clock.now()):
            cause = f"its newest block, {head.number}, is too old to judge funds by"
            raise ChainUnreachableError(self._settings.chain_id, cause)
        given = tuple(self._answer(answer) for answer in answers)
        return Reading(block=block, head=head.number, answers=given)

    def heard_of(self, head: BlockNumber, *, at: Instant) -> None:
        """Read at this block next, unless a newer one is known: a node need not be asked for it."""
        if head >= self._head_number:
            self._is_head_heard = self._is_head_heard or head > self._head_number
            # Another's clock may be ahead of ours: what is seen later would be trusted for longer.
            seen_at = max(min(at, self._clock.now()), self._head_seen_at)
            self._head_number, self._head_seen_at = head, Instant(seen_at)

    def simulate(
        self,
        calls: Sequence[Call],
        *,
        sender: Address,
        payers: Sequence[Address] = (),
        trials: Sequence[Trial] = (),
    ) -> Simulation:
        """Estimate or try each call, read the fee market, the sender's count and some balances, in one batch.

        At the newest block, which is the one returned: left to itself a node may take the pending one
        and run its whole mempool first, once per call.
        """
        estimates = [RpcRequest("eth_estimateGas", (_call_object(call, sender), "latest")) for call in calls]
        about = [_HEAD, self._market_question, _count_of(sender, Counted.LATEST)]
        asked = [_balance(payer) for payer in payers]
        tried = [_tried(trial, sender) for trial in trials]
        head, history, count, *answers = self._rpc.batch([*about, *asked, *tried, *estimates])
        balances, answers = answers[: len(asked)], answers[len(asked) :]
        passed, outcomes = answers[: len(tried)], answers[len(tried) :]
        return Simulation(
            block=self._block(self._rpc.result(head)),
            outcomes=tuple(self._estimate(answer) for answer in outcomes),
            fee_history=self._market(self._rpc.result(history)),
            sender_count=WalletNonce(int(self._rpc.result(count), 16)),
            balances=dict(zip(payers, map(self._wei, balances), strict=True)),
            passed=tuple(not isinstance(answer, RpcError) for answer in passed),
        )

    def fee_history(self) -> FeeHistory:
        """What recent blocks paid."""
        question = self._market_question
        return self._market(self._rpc.call(question.method, *question.params))

    def head(self) -> Block:
        """The newest block, if possible of an endpoint that keeps up."""
        (newest,) = self._rpc.batch([_HEAD], unfit=self._is_behind)
        return self._block(self._rpc.result(newest))

    def finalized(self) -> BlockNumber | None:
        """The newest final block; a node that refuses the word, or has no such block yet, knows none."""
        (answer,) = self._rpc.batch([_FINALIZED])
        if answer is None or isinstance(answer, RpcError):
            return None
        return self._block(answer).number

    def transaction_count(self, wallet: Address) -> WalletNonce:
        """A wallet's count of mined transactions."""
        return WalletNonce(int(self._rpc.call("eth_getTransactionCount", wallet, "latest"), 16))

    def transaction_counts(
        self, asked: Sequence[tuple[Address, Counted | BlockNumber]]
    ) -> tuple[WalletNonce, ...]:
        """Counts of wallets' transactions."""
        if not asked:
            return ()
        answers = self._rpc.batch([_count_of(wallet, counted) for wallet, counted in asked])
        return tuple(WalletNonce(int(self._rpc.result(answer), 16)) for answer in answers)

    def balances(self, wallets: Sequence[Address]) -> tuple[Wei, ...]:
        """Native coin of accounts."""
        return tuple(map(self._wei, self._rpc.batch([_balance(wallet) for wallet in wallets])))

    def delegated(self, wallets: Sequence[Address]) -> frozenset[Address]:
        """Accounts whose code is a delegation indicator (EIP-7702)."""
        answers = self._rpc.batch([RpcRequest("eth_getCode", (wallet, "latest")) for wallet in wallets])
        codes = zip(wallets, map(self._rpc.result, answers), strict=True)
        return frozenset(wallet for wallet, code in codes if code.lower().startswith(_DELEGATION))

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Broadcast in order, to all healthy endpoints at once; the first that has all of it is enough."""
        if not envelopes:
            return ()
        requests = [RpcRequest("eth_sendRawTransaction", ("0x" + raw.hex(),)) for raw in envelopes]
        told: list[list[SendResult]] = []
        cause = "every endpoint rests, after it failed again and again"
        try:
            for answers in self._rpc.everywhere(requests):
                if not isinstance(answers, NoAnswerError):
                    told.append([_send_result(answer) for answer in answers])
                elif answers.was_sent:
                    told.append([SendResult(SendOutcome.POSSIBLY_SENT, answers.cause) for _ in envelopes])
                else:
                    cause = answers.cause
                if told and all(result.outcome is SendOutcome.SENT for result in told[-1]):
                    break
            configured = self._rpc.count
        except ChainUnreachableError as error:
            cause, configured = error.cause, 0
        if not told:
            return tuple(SendResult(SendOutcome.POSSIBLY_SENT, cause) for _ in envelopes)
        return tuple(together(results, configured=configured) for results in zip(*told, strict=True))

    def block_receipts(self, numbers: Sequence[BlockNumber]) -> tuple[TransactionReceipt, ...]:
        """All receipts of some blocks."""
        answers = self._rpc.batch([RpcRequest("eth_getBlockReceipts", (hex(number),)) for number in numbers])
        receipts: list[TransactionReceipt] = []
        for number, answer in zip(numbers, answers, strict=True):
            block = self._rpc.result(answer)
            if block is None:
                raise ChainUnreachableError(self._settings.chain_id, f"block {number} is not there yet")
            receipts += [_receipt(receipt) for receipt in block]
        return tuple(receipts)

    def receipts(self, hashes: Sequence[TxHash]) -> tuple[TransactionReceipt | None, ...]:
        """Receipts by hash."""
        return self._receipts(self._rpc.batch([_receipt_of(name) for name in hashes]))

    def calls(self, hashes: Sequence[TxHash]) -> tuple[Call, ...]:
        """Transactions by hash."""
        answers = self._rpc.batch([RpcRequest("eth_getTransactionByHash", (name,)) for name in hashes])
        return tuple(self._call_of(name, answer) for name, answer in zip(hashes, answers, strict=True))

    def receipts_with_head(
        self, hashes: Sequence[TxHash]
    ) -> tuple[Block, tuple[TransactionReceipt | None, ...]]:
        """The newest block, and receipts by hash."""
        head, *answers = self._rpc.batch([_HEAD, *(_receipt_of(name) for name in hashes)])
        return self._block(self._rpc.result(head)), self._receipts(answers)

    # -- following ----------------------------------------------------------------------------

    def blocks(self, numbers: Sequence[BlockNumber]) -> tuple[Block, ...]:
        """Headers of blocks."""
        answers = self._rpc.batch([_header(number) for number in numbers])
        return tuple(self._header_of(number, answer) for number, answer in zip(numbers, answers, strict=True))

    def block_logs(self, blocks: Sequence[Block], wanted: LogFilter) -> tuple[EventLog, ...]:
        """Logs of blocks by their hashes; the last block is asked along, for nodes that know no such error.

        A node that lacks a block must say so: an empty answer from it would be taken for the truth.
        """
        if not blocks:
            return ()
        asked = [RpcRequest("eth_getLogs", (_filter(wanted) | {"blockHash": one.hash},)) for one in blocks]
        last = RpcRequest("eth_getBlockByHash", (blocks[-1].hash, False))
        header, *answers = self._rpc.batch([last, *asked])
        self._header_of(blocks[-1].number, header)
        logs = [_log(log) for answer in answers for log in self._rpc.result(answer)]
        if any(log.block_hash not in {one.hash for one in blocks} for log in logs):
            raise ChainUnreachableError(self._settings.chain_id, "logs of other blocks than those asked for")
        return tuple(logs)

    def range_logs(self, first: BlockNumber, last: BlockNumber, wanted: LogFilter) -> LogRange:
        """Logs of blocks by their numbers, between two readings of the last header, in one batch."""
        bounds = {"fromBlock": hex(first), "toBlock": hex(last)}
        asked = RpcRequest("eth_getLogs", (_filter(wanted) | bounds,))
        before, start, found, end = self._rpc.batch(
            [_header(BlockNumber(first - 1)), _header(last), asked, _header(last)]
        )
        if isinstance(found, RpcError) and is_too_many_logs(found.text):
            raise TooManyLogsError(first=first, last=last)
        logs = tuple(_log(log) for log in self._rpc.result(found))
        newest = self._header_of(last, end)
        if self._header_of(last, start) != newest:
            raise ChainMovedError(f"block {last} was replaced while its logs were read")
        return LogRange(before=self._header_of(BlockNumber(first - 1), before), last=newest, logs=logs)

    def read_at(self, reads: Sequence[tuple[Block, Read]]) -> tuple[bytes | Reverted, ...]:
        """Read contracts by block hash (EIP-1898): a node that lacks the block says so."""
        calls = [_call_at(read, {"blockHash": block.hash}) for block, read in reads]
        return tuple(self._answer(answer) for answer in self._rpc.batch(calls))

    # -- inside -------------------------------------------------------------------------------

    def _probed(self, told: Told, *, rests: bool) -> EndpointProbe:
        head, trouble = None, None
        try:
            if isinstance(told.answers, NoAnswerError):
                trouble = told.answers.cause
            else:
                head = self._block(self._rpc.result(told.answers[0]))
        except ChainUnreachableError as error:
            trouble = error.cause
        took = Milliseconds(round(told.milliseconds))
        return EndpointProbe(number=told.number, took_ms=took, head=head, trouble=trouble, rests=rests)

    def _call_of(self, name: TxHash, answer: Any) -> Call:  # noqa: ANN401 (a JSON value)
        sent = self._rpc.result(answer)
        if sent is None:
            raise ChainUnreachableError(self._settings.chain_id, f"transaction {name} is not there")
        to = checked_address(sent["to"]) if sent["to"] else _NOBODY
        return Call(to, _bytes(sent["input"]), Wei(int(sent["value"], 16)))

    def _receipts(self, answers: Sequence[Any]) -> tuple[TransactionReceipt | None, ...]:
        found = (self._rpc.result(answer) for answer in answers)
        return tuple(_receipt(receipt) if receipt else None for receipt in found)

    def _header_of(self, number: BlockNumber, answer: Any) -> Block:  # noqa: ANN401 (a JSON value)
        header = self._rpc.result(answer)
        if header is None:
            raise ChainUnreachableError(self._settings.chain_id, f"block {number} is not there")
        return self._block(header)

    @property
    def _market_question(self) -> RpcRequest:
        return _GAS_PRICE if self._settings.fee_model is FeeModel.LEGACY else _FEE_HISTORY

    def _market(self, answer: Any) -> FeeHistory:  # noqa: ANN401 (a JSON value)
        """Read the market out of a node's answer, which has to fit the configured fee model."""
        if self._settings.fee_model is FeeModel.LEGACY:
            return FeeHistory.legacy(Wei(int(answer, 16)))
        if not answer.get("baseFeePerGas"):
            raise ChainUnreachableError(self._settings.chain_id, _NO_BASE_FEE)
        return _fee_history(answer)

    def _recent_head(self, *, fresh: bool) -> BlockNumber:
        """The head as seen within the last block time: a new one is read along with every batch."""
        if fresh or self._clock.now() - self._head_seen_at > self._settings.block_time_ms:
            self._saw(BlockNumber(int(self._rpc.call("eth_blockNumber"), 16)))
        return self._head_number

    def _is_behind(self, number: int, answers: Sequence[Any]) -> bool:
        """Whether an endpoint stands still, or lags far behind another one; its head is the first answer."""
        if isinstance(answers[0], RpcError) or answers[0] is None:
            return True
        head, now = self._block(answers[0]), self._clock.now()
        self._heads[number] = (head.number, now)
        others = [
            seen for one, (seen, at) in self._heads.items() if one != number and now - at <= _REMEMBERED_MS
        ]
        lags = head.number < max(others, default=BlockNumber(0)) - STALE_BLOCKS
        return lags or self._settings.is_stale(head.timestamp_seconds, now)

    def _saw(self, head: BlockNumber) -> None:
        self._head_number, self._head_seen_at, self._is_head_heard = head, self._clock.now(), False

    def _block(self, header: Any) -> Block:  # noqa: ANN401 (a JSON value)
        if header is None:
            raise ChainUnreachableError(self._settings.chain_id, "the endpoint has no head")
        return Block(
            number=BlockNumber(int(header["number"], 16)),
            hash=BlockHash(header["hash"].lower()),
            parent_hash=BlockHash(header["parentHash"].lower()),
            timestamp_seconds=Seconds(int(header["timestamp"], 16)),
        )

    def _wei(self, answer: Any) -> Wei:  # noqa: ANN401 (a JSON value)
        return Wei(int(self._rpc.result(answer), 16))

    def _answer(self, answer: Any) -> bytes | Reverted:  # noqa: ANN401 (a JSON value)
        if isinstance(answer, RpcError) and is_revert(answer.code, answer.text):
            return Reverted(_bytes(answer.data), answer.text)
        return _bytes(self._rpc.result(answer))

    def _estimate(self, answer: Any) -> Gas | Reverted:  # noqa: ANN401 (a JSON value)
        """Any refusal to estimate is the call's own: the batch around it was answered."""
        if isinstance(answer, RpcError):
            is_execution = is_revert(answer.code, answer.text)
            return Reverted(_bytes(answer.data), answer.text, is_execution=is_execution)
        return Gas(int(answer, 16))


def _eth_call(read: Read, confirmed: BlockNumber) -> RpcRequest:
    return _call_at(read, "latest" if read.depth is Depth.HEAD else hex(confirmed))


def _call_at(read: Read, block: str | dict[str, str]) -> RpcRequest:
    call: dict[str, str] = {"to": read.to, "data": "0x" + read.data.hex()}
    if read.gas is not None:
        call["gas"] = hex(read.gas)
    if read.sender is not None:
        call["from"] = read.sender
    return RpcRequest("eth_call", (call, block))


def _count_of(wallet: Address, counted: Counted | BlockNumber) -> RpcRequest:
    block = counted.value if isinstance(counted, Counted) else hex(counted)
    return RpcRequest("eth_getTransactionCount", (wallet, block))


def _receipt_of(name: TxHash) -> RpcRequest:
    return RpcRequest("eth_getTransactionReceipt", (name,))


def _balance(account: Address) -> RpcRequest:
    return RpcRequest("eth_getBalance", (account, "latest"))


def _header(number: BlockNumber) -> RpcRequest:
    return RpcRequest("eth_getBlockByNumber", (hex(number), False))


def _filter(wanted: LogFilter) -> dict[str, object]:
    places = [wanted.topics, *([wanted.second_topics] if wanted.second_topics else [])]
    topics = [["0x" + topic.hex() for topic in place] for place in places]
    return {"address": list(wanted.contracts), "topics": topics}


@lru_cache(maxsize=4_096)
def _address(lower_case: str) -> Address:
    """Give the checksum of an address, which a busy block repeats in many logs."""
    return checked_address(lower_case)


def _log(log: Any) -> EventLog:  # noqa: ANN401 (a JSON value)
    return EventLog(
        contract=_address(log["address"].lower()),
        topics=tuple(_bytes(topic) for topic in log["topics"]),
        data=_bytes(log["data"]),
        block_number=BlockNumber(int(log["blockNumber"], 16)),
        block_hash=BlockHash(log["blockHash"].lower()),
        transaction_hash=TxHash(log["transactionHash"].lower()),
    )


def _call_object(call: Call, sender: Address) -> dict[str, str]:
    return {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "value": hex(call.value)}


def _tried(trial: Trial, sender: Address) -> RpcRequest:
    limited = _call_object(trial.call, sender) | {"gas": hex(trial.gas)}
    return RpcRequest("eth_call", (limited, "latest"))


def _fee_history(history: Any) -> FeeHistory:  # noqa: ANN401 (a JSON value)
    rewards = history.get("reward") or []
    return FeeHistory(
        next_base_fee=Wei(int(history["baseFeePerGas"][-1], 16)),
        tips={
            tier: tuple(Wei(int(block[column], 16)) for block in rewards)
            for column, tier in enumerate(_TIERS)
        },
    )


def _send_result(answer: Any) -> SendResult:  # noqa: ANN401 (a JSON value)
    if isinstance(answer, RpcError):
        return send_result(answer.text)
    return SendResult(SendOutcome.SENT)


def _receipt(receipt: Any) -> TransactionReceipt:  # noqa: ANN401 (a JSON value)
    return TransactionReceipt(
        hash=TxHash(receipt["transactionHash"].lower()),
        block_number=BlockNumber(int(receipt["blockNumber"], 16)),
        block_hash=BlockHash(receipt["blockHash"].lower()),
        succeeded=int(receipt["status"], 16) == 1,
        gas_used=Gas(int(receipt["gasUsed"], 16)),
        effective_gas_price=Wei(int(receipt["effectiveGasPrice"], 16)),
        l1_fee=Wei(int(receipt.get("l1Fee") or "0x0", 16)),
        logs=tuple(_log(log) for log in receipt["logs"]),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
