"""What a receipt means for each intent of a nonce: of many in one transaction, each has its own fate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.events import Step
from ferryman.domain.nonces import FillReason, NonceRow, Purpose
from ferryman.domain.transaction import BINDING_FACTS, INCLUSION_FACTS, Status, Transaction, gas_share
from ferryman.intents.kind import IntentKind, Leg
from ferryman.ports import TransactionReceipt

_REVERTED: Final = "reverted"
_OVERTAKEN: Final = "it reverted, as it does if a reorg puts it before what precedes it"
"""Why what takes its turn is tried once more: simulated anew, once what precedes it is mined."""
_UNTOLD: Final = "not_executed"
"""Mined without a revert, and its contract does not say that it did what was signed."""

Facts = dict[str, object]
NO_BINDING: Final[Mapping[str, None]] = MappingProxyType(dict.fromkeys(BINDING_FACTS))
"""What a transaction that waits for another nonce no longer has."""


@dataclass(frozen=True, slots=True)
class Mined:
    """A receipt, and how deep it is."""

    receipt: TransactionReceipt
    depth: int
    """Blocks from its own (counted as 1) to the head."""
    is_deep: bool
    """Whether that is as deep as the chain requires, by the word of every witness."""
    purpose: Purpose = Purpose.CALL
    """What was mined does with the nonce."""
    witnesses: int = 1
    """How many endpoints say so."""

    @property
    def block(self) -> BlockId:
        """The block that holds it."""
        return BlockId(self.receipt.block_number, self.receipt.block_hash)


def is_carried(intent: Transaction, row: NonceRow) -> bool:
    """Whether an intent still waits for this nonce: not over, nor left out of it and bound to another."""
    return intent.status is Status.PENDING and (intent.wallet, intent.nonce) == (row.wallet, row.nonce)


def rests_on(intent: Transaction, row: NonceRow) -> bool:
    """Whether an intent is over because of what this nonce brought into a block.

    After a restore it may name a nonce, and be over because of another one that the tables had forgotten.
    """
    is_here = (intent.wallet, intent.nonce) == (row.wallet, row.nonce)
    is_ours = intent.hash in {attempt.hash for attempt in row.attempts}
    return intent.status.is_terminal and is_here and is_ours and intent.block_hash is not None


def others_block(intent: Transaction, row: NonceRow) -> BlockId | None:
    """Give the block by which others carried an intent out, if it is over by that and has this nonce."""
    is_here = (intent.wallet, intent.nonce) == (row.wallet, row.nonce)
    if intent.status is not Status.CONFIRMED or not is_here or rests_on(intent, row):
        return None
    if intent.block_number is None or intent.block_hash is None:
        return None
    return BlockId(intent.block_number, intent.block_hash)


def has_lost_its_end(intent: Transaction, row: NonceRow, mined: Mined | None) -> bool:
    """Whether an intent is over because of a block that does not hold it any more."""
    return rests_on(intent, row) and moved_from(intent, row, mined) is not None


def moved_from(intent: Transaction, row: NonceRow, mined: Mined | None) -> BlockId | None:
    """Give the block that an intent says holds it, if the chain has just said otherwise."""
    if not (is_carried(intent, row) or rests_on(intent, row)):
        return None
    if intent.block_number is None or intent.block_hash is None:
        return None
    is_there = mined is not None and _place(intent) == (mined.receipt.hash, mined.receipt.block_hash)
    return None if is_there else BlockId(intent.block_number, intent.block_hash)


def leg_of(intent: Transaction, row: NonceRow, mined: Mined, kind: IntentKind) -> Leg:
    """Say what became of an intent in a mined transaction.

    Its own row says whether it was in company: a restore may have taken the others off the nonce.
    """
    if mined.purpose is Purpose.FILL:
        return _unfulfilled(intent, row)
    receipt = mined.receipt
    if intent.batch_size is None and not receipt.succeeded:
        if kind.ordered and _may_try_again(intent, mined):
            return Leg(is_done=False, cause=_OVERTAKEN)
        return Leg(is_done=False, reason=_REVERTED)
    if not receipt.succeeded:
        return Leg(is_done=False, cause="the batch reverted as a whole")
    leg = kind.leg(intent.transaction_id, intent.payload, receipt.logs)
    if intent.batch_size is None:
        # Alone it was carried out or not, whatever the call says that did not revert.
        return leg if leg.is_done else Leg(is_done=False, reason=leg.reason or _UNTOLD)
    return replace(leg, cause=f"left out of its batch: {leg.cause}") if leg.cause else leg


def _may_try_again(intent: Transaction, mined: Mined) -> bool:
    """Whether a reorg may be why it reverted: once in any case, and once for each reorg that is known of it.

    What others had carried out goes back in the moment in which it is opened again: that was no try.
    """
    reached = intent.reached
    if intent.block_hash and _place(intent) != (mined.receipt.hash, mined.receipt.block_hash):
        return True
    undone = max(reached.get(Step.REORGED.value, 0), reached.get(Step.REOPENED.value, 0))
    return reached.get(Step.RETURNED.value, 0) <= undone


def _unfulfilled(intent: Transaction, row: NonceRow) -> Leg:
    """Say what becomes of an intent whose nonce was filled: it ends with a reason of its own, or tries again.

    Of bytes that carry many, nobody knows which of them a node refuses: each goes on alone.
    """
    if row.fill_reason is FillReason.REJECTED and intent.batch_size is not None:
        return Leg(is_done=False, cause=f"no node takes its batch: {row.last_error}")
    if row.fill_reason is None:
        return Leg(is_done=False, cause="its nonce was filled")
    return Leg(is_done=False, reason=row.fill_reason.value)


def steps_of(
    intent: Transaction, row: NonceRow, mined: Mined | None, leg: Leg | None
) -> Iterator[tuple[Step, Facts]]:
    """Give the steps of an intent since it was last written, with the facts of each.

    What a batch left out is told nothing before the batch is deep enough: until then it may still be
    carried out, in another block. One that is deep at first sight is told so in one step.

    Args:
        intent: its row as it was read.
        row: the nonce.
        mined: the receipt of what consumed the nonce, if there is one.
        leg: what became of the intent in it.

    """
    if not is_carried(intent, row):
        return
    is_known = mined is not None and _place(intent) == (mined.receipt.hash, mined.receipt.block_hash)
    if intent.block_hash and not is_known:
        yield Step.REORGED, dict.fromkeys(INCLUSION_FACTS)
    if mined is None or leg is None:
        return
    news: Facts = {} if is_known else _inclusion(intent, mined.receipt)
    if not mined.is_deep:
        if news and (leg.is_done or leg.reason == _REVERTED):
            yield Step.INCLUDED, news
        return
    news |= {"confirmations": mined.depth, "witnesses": mined.witnesses}
    if leg.is_done:
        yield Step.CONFIRMED, news
    elif leg.reason:
        yield Step.FAILED, {**news, "reason": leg.reason}
    else:
        yield Step.RETURNED, dict(NO_BINDING)


def _place(intent: Transaction) -> tuple[object, object]:
    return intent.hash, intent.block_hash


def is_executed_after_all(intent: Transaction, row: NonceRow, mined: Mined, kind: IntentKind) -> bool:
    """Whether a nonce carried out an intent that had left it.

    A reorg undid the block that had left it out, and the one that took its place did not.
    """
    if is_carried(intent, row) or intent.status is Status.CONFIRMED or not mined.is_deep:
        return False
    return kind.leg(intent.transaction_id, intent.payload, mined.receipt.logs).is_done


def back_on(row: NonceRow, intent: Transaction) -> Transaction:
    """Give an intent with the place that it had on a nonce."""
    size = len(row.intents)
    return replace(
        intent,
        wallet=row.wallet,
        nonce=row.nonce,
        batch_size=size if size > 1 else None,
        batch_position=row.intents.index(intent.transaction_id) if size > 1 else None,
    )


def execution_of(intent: Transaction, mined: Mined) -> Facts:
    """Give the facts of an intent's execution at the place that it has."""
    place = {name: getattr(intent, name) for name in BINDING_FACTS}
    depth = {"confirmations": mined.depth, "witnesses": mined.witnesses}
    return {**place, **_inclusion(intent, mined.receipt), **depth, "reason": None}


def _inclusion(intent: Transaction, receipt: TransactionReceipt) -> Facts:
    size, position = intent.batch_size or 1, intent.batch_position or 0
    return {
        "hash": receipt.hash,
        "block_number": receipt.block_number,
        "block_hash": receipt.block_hash,
        "gas_used": receipt.gas_used,
        "gas_share": gas_share(receipt.gas_used, position=position, size=size),
        "effective_gas_price": receipt.effective_gas_price,
    }
