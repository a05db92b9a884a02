"""Explanation: what a transaction waits for and what happens next, in words for a person at 3 a.m."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ferryman.domain.blockers import Blocker
from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import FeeHistory, can_rise, is_passed
from ferryman.domain.nonces import FillReason, NonceRow, Purpose, Wallet
from ferryman.domain.pauses import Pause
from ferryman.domain.terms import terms_of
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockNumber, Instant, Seconds, TxHash, WalletNonce, Wei
from ferryman.services.waiting import NO_FUNDS, NO_WALLET, NO_WINDOW, OVER_BUDGET
from ferryman.services.wanting import asked_at

_GWEI: Final = 10**9
_WALLET_WAITS: Final[Mapping[str, str]] = MappingProxyType(
    {
        NO_WALLET: "It goes on after `ferryman wallets add`.",
        NO_FUNDS: "It goes on once a wallet has more coin; `ferryman wallets` shows which are low.",
        OVER_BUDGET: "It goes on at midnight (UTC), or with a larger `wallet_daily_gas_wei`.",
    }
)
"""What wallets lack -> what ends that."""
_AGAIN: Final = "submit looks at it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """What one endpoint says of a transaction and its wallet."""

    number: int
    head: BlockNumber | None = None
    head_age_seconds: Seconds | None = None
    transaction_count: WalletNonce | None = None
    """How many transactions of the wallet are mined, as it sees them."""
    balance_wei: Wei | None = None
    mined: TxHash | None = None
    """Which of our attempts it has a receipt of."""
    mined_block: BlockNumber | None = None
    error: str | None = None
    """Why it said nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything there is to know about a transaction at one moment."""

    row: Transaction
    settings: ChainSettings
    now: Instant
    pauses: Sequence[Pause] = ()
    """Those that cover it."""
    wallet: Wallet | None = None
    nonce_row: NonceRow | None = None
    lower: Sequence[NonceRow] = ()
    """Open nonces of its wallet below its own, lowest first."""
    market: FeeHistory | None = None
    endpoints: Sequence[EndpointView] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The answer: one sentence, who is waited for, and what comes next."""

    summary: str
    blocker: Blocker
    next_action: str | None = None
    next_at: Instant | None = None
    """When that happens at the latest; None: when the blocker is gone."""


def explain(situation: Situation) -> Explanation:
    """Say why a transaction is where it is."""
    row = situation.row
    if row.status is Status.CONFIRMED:
        summary = f"Done: it is mined in block {row.block_number} (confirmations: {row.confirmations})."
        return Explanation(summary=summary, blocker=Blocker.NOTHING)
    if row.status is Status.FAILED:
        return _failed(situation)
    return _bound(situation) if row.status is Status.PENDING else _unbound(situation)


def _failed(situation: Situation) -> Explanation:
    row = situation.row
    summary = f"It has failed, and its funds are free again: {row.reason}."
    timely = situation.now // 1000 < row.deadline_seconds
    hint = f"Nothing by itself; `ferryman retry {row.transaction_id}` brings it back." if timely else None
    return Explanation(summary=summary, blocker=Blocker.NOTHING, next_action=hint)


# -- without a nonce --------------------------------------------------------------------------------


def _unbound(situation: Situation) -> Explanation:
    """Explain what has no nonce yet: no gas can be spent on it."""
    row, now = situation.row, situation.now
    tried = f"after {row.waits} tries" if row.waits else "before its first try"
    if row.permanent_reason:
        return Explanation(
            summary=f"It is given up as {row.permanent_reason} ({row.last_error}); no gas was spent.",
            blocker=Blocker.DEAD_LETTER,
            next_action="deadletter ends it and frees its funds.",
        )
    if now // 1000 >= row.deadline_seconds:
        return Explanation(
            summary="Its deadline has passed before it got a nonce; no gas was spent.",
            blocker=Blocker.DEADLINE,
            next_action="submit ends it and frees its funds.",
            next_at=row.due_at,
        )
    if situation.pauses:
        pause = situation.pauses[0]
        return Explanation(
            summary=f"It waits because {pause.by} paused this work {_ago(pause.since, now)}"
            + (f": {pause.note}." if pause.note else "."),
            blocker=Blocker.PAUSE,
            next_action="It goes on after `ferryman resume`, or ends at its deadline.",
        )
    if situation.endpoints and all(view.error for view in situation.endpoints):
        return Explanation(
            summary=f"It waits for the chain, {tried}: no RPC endpoint answers.",
            blocker=Blocker.ENDPOINTS,
            next_action=_AGAIN,
            next_at=row.due_at,
        )
    return _unbound_otherwise(situation, tried)


def _unbound_otherwise(situation: Situation, tried: str) -> Explanation:
    row = situation.row
    if row.last_error == NO_WINDOW:
        summary = f"It waits for a free nonce, {tried}: every wallet has as many in flight as it may."
        return Explanation(
            summary=summary,
            blocker=Blocker.WINDOW,
            next_action="It gets one when something else is mined; `ferryman wallets` shows what is open.",
            next_at=row.due_at,
        )
    if row.last_error and row.last_error in _WALLET_WAITS:
        return Explanation(
            summary=f"It waits for a wallet, {tried}: {row.last_error}.",
            blocker=Blocker.WALLETS,
            next_action=_WALLET_WAITS[row.last_error],
            next_at=row.due_at,
        )
    if row.last_error:
        failures = f", {row.failures} of them counted as failures" if row.failures else ""
        return Explanation(
            summary=f"It cannot go on now, {tried}{failures}: {row.last_error}.",
            blocker=Blocker.SIMULATION,
            next_action=_AGAIN,
            next_at=row.due_at,
        )
    assured = "" if row.status is Status.VALIDATED else " Its funds are not reserved yet."
    return Explanation(
        summary=f"It is accepted, {_ago(row.received_at, situation.now)}, and waits for submit.{assured}",
        blocker=Blocker.QUEUE,
        next_action="If its message was lost, confirm sends another.",
        next_at=row.due_at,
    )


# -- with a nonce -----------------------------------------------------------------------------------


def _bound(situation: Situation) -> Explanation:
    """Explain what holds a nonce: it keeps it until something is mined with it."""
    row, nonce_row = situation.row, situation.nonce_row
    if nonce_row is None or row.transaction_id not in nonce_row.intents or nonce_row.is_settled:
        return Explanation(
            summary=f"Its row names nonce {row.nonce} of {row.wallet}, and that nonce does not name it.",
            blocker=Blocker.RESTORE,
            next_action="Run `ferryman recover`: this happens after a restore only.",
        )
    mined = [view for view in situation.endpoints if view.mined]
    if row.block_number is not None or mined:
        return _mined(situation, mined)
    if situation.endpoints and all(view.error for view in situation.endpoints):
        return Explanation(
            summary=f"It holds nonce {row.nonce} of {row.wallet}, and no RPC endpoint answers.",
            blocker=Blocker.ENDPOINTS,
            next_action="confirm looks again at every block time, and goes on by itself.",
        )
    return _unmined(situation, nonce_row)


def _mined(situation: Situation, mined: Sequence[EndpointView]) -> Explanation:
    row, needed = situation.row, situation.settings.required_confirmations
    block = row.block_number or mined[0].mined_block
    heads = [view.head for view in situation.endpoints if view.head is not None]
    depth = max(max(heads) - block + 1, 1) if heads and block is not None else None
    fill = situation.nonce_row is not None and situation.nonce_row.fill_reason
    what = "What is mined with its nonce" if fill else "It"
    return Explanation(
        summary=f"{what} is in block {block}, {depth or '?'} of {needed} blocks deep.",
        blocker=Blocker.CONFIRMATIONS,
        next_action="confirm ends it when enough blocks are on top, and all endpoints agree.",
    )


def _unmined(situation: Situation, nonce_row: NonceRow) -> Explanation:
    """Explain a nonce that nothing is mined with, as far as anybody says."""
    now = situation.now
    name = f"nonce {nonce_row.nonce} of {nonce_row.wallet}"
    counts = [view.transaction_count for view in situation.endpoints if view.transaction_count is not None]
    if counts and min(counts) > nonce_row.nonce:
        return Explanation(
            summary=f"Something that is not ours was mined with {name}: somebody else uses the wallet's key.",
            blocker=Blocker.STRANGER,
            next_action="confirm makes sure over several looks, then it gets another nonce.",
        )
    if situation.lower:
        lowest = situation.lower[0]
        since = _ago(lowest.bound_at, now)
        return Explanation(
            summary=f"It holds {name}, and waits behind nonce {lowest.nonce}, bound {since}:"
            " a wallet's transactions are mined in order.",
            blocker=Blocker.LOWER_NONCE,
            next_action=f"Look at what holds that: `ferryman explain {lowest.intents[0]}`."
            if lowest.intents
            else "That one has no transaction: it is being used up.",
            next_at=asked_at(lowest, situation.settings),
        )
    if nonce_row.lacks_bytes and nonce_row.fill_reason is None:
        return Explanation(
            summary=f"It got {name} {_ago(nonce_row.bound_at, now)}, and is not signed yet.",
            blocker=Blocker.SIGNATURE,
            next_action="confirm asks submit to sign it; the logs of submit say what stops it.",
            next_at=asked_at(nonce_row, situation.settings),
        )
    if nonce_row.fill_reason is not None:
        return _filling(situation, nonce_row, name)
    return _broadcast(situation, nonce_row, name)


def _filling(situation: Situation, nonce_row: NonceRow, name: str) -> Explanation:
    why = {
        FillReason.DEADLINE_PASSED: "its deadline has passed",
        FillReason.REJECTED: f"no node takes it ({nonce_row.last_error})",
    }
    reason = nonce_row.fill_reason or FillReason.REJECTED
    return Explanation(
        summary=f"{_sentence(name)} is being used up by a transaction that does nothing: {why[reason]}.",
        blocker=Blocker.FILL,
        next_action="When that is mined and deep enough, it fails with this reason and its funds are free.",
        next_at=asked_at(nonce_row, situation.settings),
    )


def _broadcast(situation: Situation, nonce_row: NonceRow, name: str) -> Explanation:
    newest, now = nonce_row.attempts[-1], situation.now
    since = f"{name} was broadcast {_ago(nonce_row.attempts[0].signed_at, now)}"
    since += f", {len(nonce_row.attempts)} times at rising fees" if len(nonce_row.attempts) > 1 else ""
    again = asked_at(nonce_row, situation.settings)
    balances = [view.balance_wei for view in situation.endpoints if view.balance_wei is not None]
    if balances and max(balances) < nonce_row.gas_limit * newest.max_fee_per_gas:
        has = f"{max(balances) / 10**18:.6f}"
        return Explanation(
            summary=f"The wallet {nonce_row.wallet} has {has} of the chain's coin: too little for the gas.",
            blocker=Blocker.BALANCE,
            next_action="Send it coin; then it is mined by itself.",
            next_at=again,
        )
    needed = situation.wallet.needed_balance if situation.wallet else 0
    if balances and max(balances) < needed:
        has, wants = f"{max(balances) / 10**18:.6f}", f"{needed / 10**18:.6f}"
        return Explanation(
            summary=f"{_sentence(since)}, and offers what its wallet can pay for: that has {has} of the"
            f" chain's coin and needs {wants} to offer more.",
            blocker=Blocker.BALANCE,
            next_action="Send it coin; or the market falls. Until then the wallet takes nothing new.",
            next_at=again,
        )
    terms = terms_of(nonce_row, Purpose.CALL, situation.settings)
    if situation.market and is_passed(newest.fees, situation.market, terms.tier, min_tip=terms.min_tip):
        offer, asked = newest.max_fee_per_gas / _GWEI, situation.market.next_base_fee / _GWEI
        rises = can_rise(newest.fees, cap=terms.cap)
        return Explanation(
            summary=f"{_sentence(since)}; it offers {offer:.3f} gwei, the next asks {asked:.3f} and a tip.",
            blocker=Blocker.FEES,
            next_action="submit offers more."
            if rises
            else "It is at its cap: it waits for the market, and is broadcast again.",
            next_at=again,
        )
    return Explanation(
        summary=f"{_sentence(since)}, and waits for a block.",
        blocker=Blocker.BLOCK,
        next_action="If no block takes it, it is broadcast again, and offers more if it stalls.",
        next_at=again,
    )


def _sentence(words: str) -> str:
    """Begin with a capital, and leave addresses alone."""
    return words[:1].upper() + words[1:]


def _ago(since: Instant, now: Instant) -> str:
    """Say how long ago something was, as people do."""
    seconds = max(now - since, 0) // 1000
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} seconds ago"
