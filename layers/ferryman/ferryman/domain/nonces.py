"""Relayer wallets and the nonces they hold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ferryman.domain.blocks import BlockId
from ferryman.domain.fees import Eip1559Fees, Tier
from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    Gas,
    Instant,
    Seconds,
    TransactionId,
    TxHash,
    WalletNonce,
    Wei,
)

FILL_GAS: Final = Gas(21_000)
"""What a transfer takes on most chains; some take more, for its data on another one."""
_PASSED: Final = "used by a transaction that is not ours"
_ALWAYS: Final = Instant(0)
_FIRST: Final = WalletNonce(0)
_NOTHING: Final = Wei(0)


class Wanted(StrEnum):
    """What confirm asks submit to do with a nonce."""

    NOTHING = "nothing"
    SEND = "send"
    """Sign it if it has no bytes, then broadcast its newest bytes."""
    BUMP = "bump"
    """Sign the same call at higher fees and broadcast that; at the cap, broadcast what stands."""
    FILL = "fill"
    """Use it up with a transaction that does nothing, then broadcast that."""


class Purpose(StrEnum):
    """What an attempt does with its nonce."""

    CALL = "call"
    """Carries out the intents bound to the nonce."""
    FILL = "fill"
    """Moves nothing: only uses the nonce up, so that later ones can be mined."""


class FillReason(StrEnum):
    """Why a nonce is used up by nothing; the word its intents end with."""

    REJECTED = "rejected"
    """Nodes will never take the bytes that carry them out."""
    DEADLINE_PASSED = "deadline_passed"
    """The contract will never take any of them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAttempt:
    """One set of signed bytes; several may share a nonce, and at most one of them is mined."""

    hash: TxHash
    raw: bytes
    """The signed EIP-2718 envelope."""
    max_fee_per_gas: Wei
    max_priority_fee_per_gas: Wei
    """Of a legacy transaction, both are its gas price."""
    purpose: Purpose
    signed_at: Instant

    @property
    def fees(self) -> Eip1559Fees:
        """What it offers, wei per gas."""
        return Eip1559Fees(
            max_fee_per_gas=self.max_fee_per_gas, max_priority_fee_per_gas=self.max_priority_fee_per_gas
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceRow:
    """A wallet's nonce from the moment it is bound until what consumed it is deep enough."""

    chain_id: ChainId
    wallet: Address
    nonce: WalletNonce
    intents: tuple[TransactionId, ...]
    gas_limit: Gas
    """From the simulation before the bind, with headroom."""
    bound_at: Instant
    reserved_cost: Wei = _NOTHING
    """What its wallet keeps for it: at the bind, and then as much as its dearest bytes may cost."""
    data_fee: Wei | None = None
    """The most of that for its data on L1, where the chain takes something for that."""
    transfer_to: Address | None = None
    """Who gets coin by it: a wallet that the treasury tops up."""
    transfer_wei: Wei | None = None
    attempts: tuple[TransactionAttempt, ...] = ()
    urgent_from: Instant = _ALWAYS
    """When the first of its intents becomes urgent: from then on its hints go by the express lane.

    0 in rows that were bound before there were lanes.
    """
    deadline_seconds: Seconds | None = None
    """Unix time after which the contract takes none of its intents; None if nobody wrote it down."""
    tier: Tier = Tier.NORMAL
    """The fastest of its intents' tiers: what shares a transaction shares its fees."""
    wanted: Wanted = Wanted.NOTHING
    wanted_at: Instant | None = None
    """When confirm asked for it; None while it has not."""
    sends_wanted: int = 0
    """How often confirm has asked since the newest bytes: each pause is longer than the one before."""
    overdue_from: BlockNumber | None = None
    """The newest block when it first asked for one: a stall is counted from there."""
    fill_reason: FillReason | None = None
    """Why it is to be filled: the first reason. Its intents are carried out after all if that is mined."""
    is_settled: bool = False
    settled_in: BlockId | None = None
    """The block of what consumed it: should that vanish before it is final, the nonce is opened again."""
    last_error: str | None = None
    """What a node said of bytes that it will never take."""
    version: int = 1

    @property
    def is_fill(self) -> bool:
        """Whether it is only to be used up: its intents are given up, or it has nothing to carry out."""
        return self.fill_reason is not None or not (self.intents or self.transfer_to)

    @property
    def lacks_bytes(self) -> bool:
        """Whether something has to be signed before it can be mined as it should be."""
        if self.fill_reason is None:
            return not self.attempts
        return not any(attempt.purpose is Purpose.FILL for attempt in self.attempts)

    @property
    def is_outbid(self) -> bool:
        """Whether nodes refused its newest bytes at their price, and confirm has not asked for more yet."""
        return self.wanted is Wanted.BUMP and self.wanted_at is None

    def is_expired(self, chain_seconds: Seconds) -> bool:
        """Whether none of its intents can be carried out any more when a block has that time."""
        return self.deadline_seconds is not None and chain_seconds > self.deadline_seconds

    def last_touched(self) -> Instant:
        """When something was last done, or asked to be done, to get it mined."""
        signed = (attempt.signed_at for attempt in self.attempts)
        return max(self.bound_at, self.wanted_at or self.bound_at, *signed, self.bound_at)

    def cost_of(self, gas_limit: Gas, fees: Eip1559Fees) -> Wei:
        """Give the most that bytes for it may cost its wallet, with what they move; a fill moves less."""
        data_fee, moved = self.data_fee or _NOTHING, self.transfer_wei or _NOTHING
        return Wei(gas_limit * fees.max_fee_per_gas + moved + data_fee)

    def covering(self, cost: Wei) -> "NonceRow":
        """Keep no less for it than a cost."""
        return replace(self, reserved_cost=max(self.reserved_cost, cost))

    def with_attempt(self, attempt: TransactionAttempt) -> "NonceRow":
        """Keep an attempt; what was wanted is thereby done, and its patience begins anew."""
        return replace(
            self,
            attempts=(*self.attempts, attempt),
            wanted=Wanted.NOTHING,
            sends_wanted=0,
            overdue_from=None,
            version=self.version + 1,
        )

    def outbid(self) -> "NonceRow":
        """Note that nodes do not take its newest bytes at their price."""
        return replace(self, wanted=Wanted.BUMP, wanted_at=None, version=self.version + 1)

    def filling(self, reason: FillReason, *, cause: str | None = None) -> "NonceRow":
        """Give up what it carries; the first reason stands."""
        return replace(
            self,
            fill_reason=self.fill_reason or reason,
            last_error=self.last_error or cause,
            wanted=Wanted.FILL,
        )

    def passed_by(self) -> "NonceRow":
        """Note that somebody else has used it: what it carries has to go elsewhere."""
        return replace(self, last_error=_PASSED, version=self.version + 1)

    def wanting(self, wanted: Wanted, *, at: Instant, head: BlockNumber | None = None) -> "NonceRow":
        """Ask submit for something.

        Args:
            wanted: what.
            at: now.
            head: the newest block.

        """
        return replace(
            self,
            wanted=wanted,
            wanted_at=at,
            sends_wanted=self.sends_wanted + 1,
            overdue_from=head if self.overdue_from is None else self.overdue_from,
            version=self.version + 1,
        )

    def settled(self, block: BlockId | None = None) -> "NonceRow":
        """Close the nonce: what consumed it is deep enough, in this block."""
        return replace(
            self, is_settled=True, settled_in=block, wanted=Wanted.NOTHING, version=self.version + 1
        )

    def reopened(self) -> "NonceRow":
        """Open the nonce again: the block of what consumed it is gone. Its bytes are kept."""
        return replace(
            self,
            is_settled=False,
            settled_in=None,
            sends_wanted=0,
            overdue_from=None,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True)
class Mark:
    """A nonce below which all were settled when a block was the newest."""

    nonce: WalletNonce
    block: BlockNumber


class WalletState(StrEnum):
    """Whether a wallet takes new work."""

    ACTIVE = "active"
    DRAINING = "draining"
    """Binds nothing new; what is open is finished."""
    RETIRED = "retired"
    """Drained, and nothing of it is followed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    """A relayer wallet's row: the next nonce to bind, the oldest not yet settled, how many may be open."""

    chain_id: ChainId
    address: Address
    next_nonce: WalletNonce
    lowest_open: WalletNonce
    window: int = 1
    """How many nonces may be open at once; it follows what nodes take (`domain.windows`)."""
    state: WalletState = WalletState.ACTIVE
    lowest_final: WalletNonce = _FIRST
    """What consumed the nonces below is final. Those from here to `lowest_open` a reorg may open again."""
    mark: Mark | None = None
    """What `lowest_final` becomes next: once the block is final."""
    reopenings: int = 0
    """How often nonces were opened again: a run that saw fewer may not raise `lowest_open`."""
    is_low: bool = False
    """Its balance was seen to be too low, and not yet to be enough again."""
    is_delegated: bool = False
    """It has an EIP-7702 delegation: nodes keep one transaction of such an account."""
    bound_cost: Wei = _NOTHING
    """What was kept for all nonces that were ever bound."""
    settled_cost: Wei = _NOTHING
    """The part of that which is kept no longer."""
    needed_balance: Wei = _NOTHING
    """What it has to have before it binds anything new, wei: a nonce had to offer more than it can pay for.

    Forgotten when nothing of it is open.
    """
    day: int = 0
    """The newest day that its spending was counted on, in days since the Unix epoch (UTC)."""
    day_spent: Wei = _NOTHING
    """What its settled nonces of that day have cost."""
    sent_day: int = 0
    """Of the treasury: the newest day that it topped wallets up on."""
    day_sent: Wei = _NOTHING
    """What it has sent, or bound to be sent, on that day."""

    def raised(self, lowest_open: WalletNonce, *, head: BlockNumber, final: BlockNumber) -> "Wallet":
        """Free the window below a nonce, and move on what is final.

        Args:
            lowest_open: the lowest nonce that is not settled now.
            head: the newest block.
            final: the newest block that no reorg replaces.

        """
        lowest_final, mark = self.lowest_final, self.mark
        if mark and mark.block <= final:
            lowest_final, mark = mark.nonce, None
        return replace(
            self,
            lowest_open=lowest_open,
            lowest_final=lowest_final,
            mark=mark or Mark(lowest_open, head),
        )

    def freed(self, still_open: Iterable[NonceRow]) -> "Wallet":
        """Keep only what is kept for the nonces that are open.

        Args:
            still_open: their rows, read after the wallet's own; what was bound meanwhile does not count.

        """
        rows = [row for row in still_open if row.nonce < self.next_nonce]
        kept = sum(row.reserved_cost for row in rows)
        needed = self.needed_balance if rows else _NOTHING
        return replace(self, settled_cost=Wei(max(self.bound_cost - kept, 0)), needed_balance=needed)

    def reopened(self, row: NonceRow) -> "Wallet":
        """Let what is followed reach down to a nonce that was opened, and keep what was kept for it."""
        return replace(
            self,
            lowest_open=WalletNonce(min(row.nonce, self.lowest_open)),
            lowest_final=WalletNonce(min(row.nonce, self.lowest_final)),
            settled_cost=Wei(max(self.settled_cost - row.reserved_cost, 0)),
            state=WalletState.DRAINING if self.state is WalletState.RETIRED else self.state,
            mark=None,
            reopenings=self.reopenings + 1,
        )

    def sent_on(self, day: int) -> Wei:
        """Give what the treasury has sent on a day; a clock that is behind never begins a day again."""
        return self.day_sent if day <= self.sent_day else _NOTHING

    def nonce_after(self, count: int) -> WalletNonce:
        """Give the nonce that comes next after so many more are bound."""
        return WalletNonce(self.next_nonce + count)

    def spent_on(self, day: int) -> Wei:
        """Give what it has spent on a day; of a day before the newest nothing is known."""
        return self.day_spent if day == self.day else _NOTHING

    def spending(self, cost: Wei, day: int) -> "Wallet":
        """Count a cost on a day; a clock that is behind counts on the newest one."""
        counted = max(day, self.day)
        return replace(self, day=counted, day_spent=Wei(self.spent_on(counted) + cost))

    @property
    def limit(self) -> int:
        """How many nonces may be open now."""
        return 1 if self.is_delegated else self.window

    @property
    def committed(self) -> Wei:
        """What its balance must still cover for the nonces that are open."""
        return Wei(max(self.bound_cost - self.settled_cost, 0)) if self.open_count else _NOTHING

    @property
    def open_count(self) -> int:
        """How many nonces are bound and not yet settled."""
        return self.next_nonce - self.lowest_open

    def free(self, window: int) -> int:
        """How many more nonces may be bound when `window` may be open at once; none unless it is active."""
        return max(window - self.open_count, 0) if self.state is WalletState.ACTIVE else 0
