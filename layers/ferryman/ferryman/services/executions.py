"""Executions: a message that the chain has carried out, whatever its row remembers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.economics import Bill, outcome_of
from ferryman.domain.errors import ChainMovedError, TooManyLogsError
from ferryman.domain.events import Event, Step
from ferryman.domain.transaction import Transaction, take_step, unhindered
from ferryman.domain.units import BlockNumber, Instant, Milliseconds, TransactionId, TxHash
from ferryman.intents.kind import IntentKind
from ferryman.ports import Chain, Clock, EventLog, TransactionReceipt
from ferryman.services.agreement import agreed
from ferryman.services.chains import ChainAccess
from ferryman.services.spent import Spent, Word, spent_by_each_word

_LOG_BLOCKS: Final = 1_000
_FEWEST_LOG_BLOCKS: Final = 10
_DEEPEST_REORG: Final = 10_000
"""Blocks before a message's acceptance that are searched at most, where hardly anything is ever final."""
ANY_BLOCK: Final = BlockNumber(0)
LOOKED_AT_AGAIN_MS: Final = Milliseconds(60_000)
"""How long after what others carried out is recorded it is looked at again: their block may vanish."""

Execution = TransactionReceipt | str | None
"""A receipt; a text, if nobody can say yet; None: it was not executed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executions:
    """Looks for the transaction that carried a message out: the contract's events name its id."""

    kinds: Mapping[str, IntentKind]
    clock: Clock

    def find(
        self, row: Transaction, access: ChainAccess, *, since: BlockNumber = ANY_BLOCK, is_late: bool = False
    ) -> Execution:
        """Find the transaction that executed a message.

        Args:
            row: the message.
            access: its chain.
            since: the block by which its end was judged: who knows less cannot say that it was not executed.
            is_late: whether it ends for its deadline: then no block may come any more that this lets it into.

        Returns:
            Its receipt; a text if it is not deep yet or nothing sure can be said; None if none executed it.

        Raises:
            ChainUnreachableError, ChainMovedError, TooManyLogsError: as its port says.

        """
        (spent,) = spent_by_each_word([row], access, self.kinds)
        found = self._found(row, spent, access, since)
        if found is None and is_late and spent and any(_may_let_in(row, word) for word in spent.answers):
            return "the chain is not past its deadline yet"
        return found

    def find_each(
        self, rows: Sequence[Transaction], access: ChainAccess, *, since: BlockNumber
    ) -> dict[TransactionId, Execution]:
        """Find the transactions that executed some messages; one batch says of most that none did.

        That is the end of a message, so each witness is asked.

        Returns:
            What `find` says, by id.

        Raises:
            ChainUnreachableError, ChainMovedError, TooManyLogsError: as `find`.

        """
        spent = spent_by_each_word(rows, access, self.kinds)
        return {
            row.transaction_id: self._found(row, word, access, since)
            for row, word in zip(rows, spent, strict=True)
        }

    def _found(
        self, row: Transaction, spent: Spent | None, access: ChainAccess, since: BlockNumber
    ) -> Execution:
        """Judge what the witnesses say of a message's nonce; where it is used, look for who used it."""
        if spent is None:
            return "the contract gives no answer about it"
        if any(word.head < since for word in spent.answers):
            return f"a node does not know block {since} yet, by which it was judged"
        if not any(word.is_seen for word in spent.answers):
            return None
        if not spent.confirms(lambda word: word.is_deep):
            return "the chain has just executed it, or another of its nonce: look again"
        kind = self.kinds[row.kind]
        names = (self._hash_of(row, kind, word, access.settings) for word in spent.answers)
        name = next((name for name in names if name), None)
        if name is None:
            return None  # another message used the nonce
        (receipt,) = agreed(access, lambda chain: chain.receipts([name]))
        return receipt or "its receipt is not there yet: look again"

    def recovered(
        self, row: Transaction, receipt: TransactionReceipt, access: ChainAccess
    ) -> tuple[Transaction, Event]:
        """Take the step that says so; with whom it shared the transaction nobody knows any more.

        No nonce of ours is reopened should that block vanish, so the row itself stays due.
        """
        kind = self.kinds[row.kind]
        bill = Bill(
            gas_used=receipt.gas_used,
            gas_price=receipt.effective_gas_price,
            l1_fee=receipt.l1_fee,
            position=0,
            size=1,
        )
        outcome = outcome_of(
            kind.schedule(row.payload, access.settings),
            fee_taken=kind.fee_taken(row.transaction_id, row.payload, receipt.logs),
            bill=bill,
            predicted_cost=row.predicted_cost,
        )
        facts: dict[str, object] = {
            "hash": receipt.hash,
            "block_number": receipt.block_number,
            "block_hash": receipt.block_hash,
            "gas_used": receipt.gas_used,
            "effective_gas_price": receipt.effective_gas_price,
            **dict.fromkeys(("batch_size", "batch_position", "gas_share")),
            "confirmations": access.chain.head().number - receipt.block_number + 1,
            "reason": None,
        }
        name, now = kind.events[Step.RECOVERED], self.clock.now()
        after, event = take_step(row, Step.RECOVERED, name=name, at=now, **facts | outcome.facts())
        return unhindered(after, due_at=Instant(now + LOOKED_AT_AGAIN_MS)), event

    def _hash_of(
        self, row: Transaction, kind: IntentKind, word: Word, settings: ChainSettings
    ) -> TxHash | None:
        """Search a witness' logs, newest first, back to what no reorg has replaced since its acceptance.

        By what it said itself, the block that used the nonce has to be among them: one address may stand for
        many nodes, and another of them may be behind.
        """
        chain, wanted, size = word.witness, kind.executions(row.payload), _LOG_BLOCKS
        head = chain.head().number
        if head < word.block:
            msg = f"a node is behind: at block {head} it does not know block {word.block} yet"
            raise ChainMovedError(msg)
        now, finalized = self.clock.now(), chain.finalized()
        first = max(_first_block(row, settings, head=head, finalized=finalized, now=now), 1)
        last = int(head)
        while last >= first:
            start = max(first, last - size + 1)
            try:
                logs = chain.range_logs(BlockNumber(start), BlockNumber(last), wanted).logs
            except TooManyLogsError:
                if size <= _FEWEST_LOG_BLOCKS:
                    raise
                size = max(size // 4, _FEWEST_LOG_BLOCKS)
                continue
            for name, told in _by_transaction(logs).items():
                is_told = kind.is_execution(row.transaction_id, row.payload, told)
                if is_told and _is_called(row, kind, name, chain):
                    return name
            last = start - 1
        return None


def _may_let_in(row: Transaction, word: Word) -> bool:
    """Whether blocks may still come in which a message is in time: none that is deep is later."""
    (deep,) = word.witness.blocks([word.block])
    return deep.timestamp_seconds <= row.deadline_seconds


def _is_called(row: Transaction, kind: IntentKind, name: TxHash, chain: Chain) -> bool:
    """Whether a transaction carried out this very message, where its logs do not say so."""
    head, evidence = kind.call_head(row.payload), kind.ordered.evidence(row.payload) if kind.ordered else b""
    if head is None and not evidence:
        return True
    (call,) = chain.calls([name])
    is_own = head is None or (call.to == kind.to_call(row.payload).to and call.data.startswith(head))
    return is_own and evidence in call.data


def _by_transaction(logs: Sequence[EventLog]) -> dict[TxHash, list[EventLog]]:
    """Put together what each transaction told, in order."""
    told: defaultdict[TxHash, list[EventLog]] = defaultdict(list)
    for log in logs:
        told[log.transaction_hash].append(log)
    return told


def _first_block(
    row: Transaction,
    settings: ChainSettings,
    *,
    head: BlockNumber,
    finalized: BlockNumber | None,
    now: Instant,
) -> int:
    """Where a search for a transaction's execution may end.

    A reorg may have put it into an earlier block than it was accepted at, but not before what was final. One
    received without the chain has no block: it is reckoned by the time, as if they came twice as fast.
    """
    since = row.accepted_block
    if since is None:
        blocks = 2 * (now - row.received_at) // settings.block_time_ms
        since = BlockNumber(max(head - max(blocks, _LOG_BLOCKS), 0))
    final = settings.was_final(since, head=head, final=settings.final_block(head, finalized))
    return max(final, since - _DEEPEST_REORG)
