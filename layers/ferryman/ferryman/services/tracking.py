"""Tracking one chain: what its logs changed is read again, and what a reorg undid is void."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ferryman.domain.accounts import CachedAccount, ContractAccount, Values
from ferryman.domain.cursor import Cursor
from ferryman.domain.errors import (
    ChainMovedError,
    ChainUnreachableError,
    ContractMismatchError,
    TooManyLogsError,
)
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Address, BlockNumber, Instant, Milliseconds
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    AccountCache,
    Block,
    Clock,
    CursorStore,
    EventLog,
    Following,
    Log,
    LogFilter,
    Metrics,
    NonceMarker,
)
from ferryman.services.chains import ChainAccess
from ferryman.services.followed import followed_name

CACHED_MS: Final = 3_600_000
"""How long a reading is believed: bounds what an endpoint that loses a log can do."""
_FIRST_SPAN: Final = 2_000
_MOST_SPAN: Final = 100_000
"""Blocks whose logs are asked for at once while catching up."""

_History = tuple[tuple[BlockNumber, Values], ...]


@dataclass(slots=True, kw_only=True)
class Tracker:
    """One run's way along one chain; the cursor moves last, so that it never promises too much."""

    kinds: Mapping[str, IntentKind]
    access: ChainAccess
    accounts: AccountCache
    cursors: CursorStore
    clock: Clock
    log: Log
    metrics: Metrics
    lease_ms: Milliseconds
    is_clean: bool = True
    """Whether everything that was written is covered by the cursor."""
    blocks_behind: int | None = None
    """How many blocks the last look left, or found if it came to nothing; None before the first."""
    _span: int = _FIRST_SPAN
    _most_span: int = _MOST_SPAN
    _is_ours: bool = False

    def look(self, following: Following) -> Following:
        """Follow the chain to its head, or a good deal towards it.

        Raises:
            ChainUnreachableError, ChainMovedError, TooManyLogsError: look again; nothing is lost.
            ContractMismatchError: a contract is not the one we are configured for.
            StaleRowError: another run follows the chain now.
            StoreUnavailableError: look again.

        """
        self._check_contracts()
        seen_at = self.clock.now()
        head = self.access.chain.head()
        following = self._started(following, head)
        if not (self.is_clean and (following.was_left or following.cursor is None)):
            following = self._voided(following)
        cursor = _present(following)
        if not self._is_canonical(cursor, head):
            following = self._undone(following, head)
            cursor = _present(following)
        self.blocks_behind = head.number - cursor.number
        if head.number - cursor.number > self.access.settings.kept_blocks:
            after = self._caught_up(cursor, head)
        else:
            after = replace(self._followed(cursor, head), seen_at=seen_at)
        moved = self._moved(following, after)
        self.blocks_behind = head.number - after.number
        return moved

    @property
    def is_behind(self) -> bool:
        """Whether there are blocks that can be followed at once."""
        return bool(self.blocks_behind)

    # -- beginnings ---------------------------------------------------------------------------

    def _check_contracts(self) -> None:
        """Ask once a run whether the contracts are ours: a cached answer rests on it."""
        if self._is_ours:
            return
        settings = self.access.settings
        for kind in self.kinds.values():
            if kind.followed:
                answers = self.access.chain.read(kind.contract_reads(settings)).answers
                given = [answer for answer in answers if isinstance(answer, bytes)]
                if len(given) != len(answers) or not kind.is_our_contract(given, settings):
                    msg = "The contract on chain is not the one this deployment is configured for."
                    raise ContractMismatchError(msg)
        self._is_ours = True

    def _started(self, following: Following, head: Block) -> Following:
        """Begin before the contracts' first block, unless these very contracts are followed already."""
        settings, cursor = self.access.settings, following.cursor
        name = followed_name(self.kinds, settings)
        if cursor and cursor.followed == name:
            return following
        first = min(contract.first_block(settings) for contract in self._contracts().values())
        number = BlockNumber(min(max(first - 1, 0), head.number))
        (block,) = self.access.chain.blocks([number])
        before = cursor or Cursor(
            chain_id=settings.chain_id,
            followed=name,
            number=number,
            recent=(),
            timestamp_seconds=block.timestamp_seconds,
            # Above every fork of an earlier life, whose items may still be there.
            fork=self.clock.now(),
        )
        self.log.info("following from the beginning", chain_id=settings.chain_id, block=number)
        return self._moved(following, before.restarted(name, number, (block.hash,), block.timestamp_seconds))

    def _voided(self, following: Following) -> Following:
        """Void what may have been written beyond the cursor, by a run that died or by a look that failed."""
        cursor = _present(following)
        return self._moved(following, cursor.forked(cursor.number))

    # -- reorgs -------------------------------------------------------------------------------

    def _is_canonical(self, cursor: Cursor, head: Block) -> bool:
        """Whether the cursor's block is part of the chain that the head ends.

        Raises:
            ChainMovedError: the endpoint is behind the cursor, on the same chain: it proves nothing.

        """
        ours = cursor.hash_of(cursor.number)
        if head.number == cursor.number:
            return head.hash == ours
        if head.number == cursor.number + 1:
            return head.parent_hash == ours
        common = BlockNumber(min(head.number, cursor.number))
        (theirs,) = self.access.chain.blocks([common])
        known = cursor.hash_of(common)
        if theirs.hash != known and known is not None:
            return False
        if head.number < cursor.number:
            msg = f"the endpoint is at block {head.number}, behind {cursor.number}"
            raise ChainMovedError(msg)
        return True

    def _undone(self, following: Following, head: Block) -> Following:
        """Go back to the newest block of ours that the chain still has, or to the beginning."""
        cursor, chain = _present(following), self.access.chain
        oldest = cursor.number - len(cursor.recent) + 1
        newest = min(head.number, cursor.number)
        numbers = [BlockNumber(number) for number in range(oldest, newest + 1)]
        theirs = chain.blocks(numbers)
        common = [block.number for block in theirs if cursor.hash_of(block.number) == block.hash]
        if not common:
            self.log.error("a reorg deeper than what is kept", chain_id=cursor.chain_id, block=oldest)
            self._count_undone(len(cursor.recent))
            return self._started(replace(following, cursor=replace(cursor, followed="")), head)
        ancestor = max(common)
        self.log.warning("blocks undone", chain_id=cursor.chain_id, ancestor=ancestor, newest=cursor.number)
        self._count_undone(cursor.number - ancestor)
        return self._moved(following, cursor.forked(ancestor))

    def _count_undone(self, blocks: int) -> None:
        self.metrics.add(Metric.WATCH_UNDONE_BLOCKS, blocks, chain_id=self.access.settings.chain_id)

    # -- forward ------------------------------------------------------------------------------

    def _caught_up(self, cursor: Cursor, head: Block) -> Cursor:
        """Follow a range of old blocks: accounts they touched are forgotten until they are touched again."""
        keep = self.access.settings.kept_blocks
        last = BlockNumber(min(cursor.number + self._span, head.number - keep))
        try:
            found = self.access.chain.range_logs(BlockNumber(cursor.number + 1), last, self._filter())
        except TooManyLogsError:
            self._span = self._most_span = max(self._span // 2, 1)
            raise
        except ChainUnreachableError:
            self._span = max(self._span // 2, 1)  # falling silent is another way to refuse
            raise
        self._span = min(self._span * 2, self._most_span)
        if found.before.hash != cursor.hash_of(cursor.number):
            msg = f"block {cursor.number} was replaced"
            raise ChainMovedError(msg)
        touched, nonces = self._touched(found.logs)
        self.is_clean = False
        self._mark(nonces)
        self.accounts.drop([account for account, _ in touched])
        after = cursor.advanced(
            last, (found.last.hash,), timestamp_seconds=found.last.timestamp_seconds, keep=keep
        )
        return replace(after, changed_at=self.clock.now() if touched else after.changed_at)

    def _followed(self, cursor: Cursor, head: Block) -> Cursor:
        """Follow the newest blocks one by one: each account they touched is read at each of them."""
        if head.number == cursor.number:
            return cursor
        blocks = self._blocks_to(cursor, head)
        logs = self.access.chain.block_logs(blocks, self._filter())
        touched, nonces = self._touched(logs)
        newer = self._read(touched, {block.hash: block for block in blocks})
        self.is_clean = False
        self._mark(nonces)
        self._keep(newer, cursor, head)
        after = cursor.advanced(
            head.number,
            [block.hash for block in blocks],
            timestamp_seconds=head.timestamp_seconds,
            keep=self.access.settings.kept_blocks,
        )
        return replace(after, changed_at=self.clock.now() if newer else after.changed_at)

    def _blocks_to(self, cursor: Cursor, head: Block) -> tuple[Block, ...]:
        """Headers from the cursor to the head, each the parent of the next."""
        numbers = [BlockNumber(number) for number in range(cursor.number + 1, head.number)]
        blocks = (*(self.access.chain.blocks(numbers) if numbers else ()), head)
        parent = cursor.hash_of(cursor.number)
        for block in blocks:
            if block.parent_hash != parent:
                msg = f"block {block.number} does not follow the one before"
                raise ChainMovedError(msg)
            parent = block.hash
        return blocks

    def _touched(
        self, logs: Iterable[EventLog]
    ) -> tuple[list[tuple[ContractAccount, EventLog]], list[NonceMarker]]:
        """Say which accounts logs touch, in which block, and which nonces."""
        contracts, chain_id = self._contracts(), self.access.settings.chain_id
        touches = [
            (contracts[log.contract].touched(chain_id, log), log) for log in logs if log.contract in contracts
        ]
        touched = [(touch.account, log) for touch, log in touches if touch.account]
        return touched, [touch.nonce for touch, _ in touches if touch.nonce]

    def _read(
        self, touched: Iterable[tuple[ContractAccount, EventLog]], blocks: Mapping[str, Block]
    ) -> dict[ContractAccount, _History]:
        """Read each touched account at each block that touched it."""
        contracts = self._contracts()
        places = list(dict.fromkeys((account, blocks[log.block_hash]) for account, log in touched))
        places.sort(key=lambda place: place[1].number)
        reads = [(block, contracts[account.contract].account_read(account)) for account, block in places]
        found: dict[ContractAccount, _History] = {}
        for (account, block), answer in zip(places, self.access.chain.read_at(reads), strict=True):
            if not isinstance(answer, bytes) or not answer:
                raise ChainUnreachableError(self.access.settings.chain_id, "an account cannot be read")
            values = contracts[account.contract].account_values(answer)
            found[account] = (*found.get(account, ()), (block.number, values))
        return found

    # -- writing ------------------------------------------------------------------------------

    def _mark(self, nonces: Sequence[NonceMarker]) -> None:
        """Keep the nonces that the chain has seen and no transaction of ours holds."""
        if nonces:
            self.accounts.mark_seen(self.accounts.unclaimed(nonces))

    def _keep(self, newer: Mapping[ContractAccount, _History], cursor: Cursor, head: Block) -> None:
        before = {cached.account: cached for cached in self.accounts.accounts(list(newer))} if newer else {}
        oldest = BlockNumber(head.number - self.access.settings.kept_blocks)
        expires_at = Instant(self.clock.now() + CACHED_MS)
        for account, history in newer.items():
            known = before.get(account)
            believed = known.believed_through(cursor.believed_through(known.fork)) if known else None
            grown = CachedAccount(
                account=account,
                fork=cursor.fork,
                history=believed.history if believed else (),
                expires_at=expires_at,
                version=(known.version if known else 0) + 1,
            )
            self.accounts.keep(grown.with_history(history, oldest=oldest))

    def _moved(self, following: Following, cursor: Cursor) -> Following:
        until = Instant(self.clock.now() + self.lease_ms)
        moved = self.cursors.move(following, cursor, until=until)
        self.is_clean = True
        return replace(moved, was_left=True)

    # -- what is followed ---------------------------------------------------------------------

    def _contracts(self) -> dict[Address, FollowedContract]:
        settings = self.access.settings
        return {
            kind.followed.contract(settings): kind.followed for kind in self.kinds.values() if kind.followed
        }

    def _filter(self) -> LogFilter:
        contracts = self._contracts()
        topics = dict.fromkeys(topic for contract in contracts.values() for topic in contract.topics)
        return LogFilter(contracts=tuple(contracts), topics=tuple(topics))


def _present(following: Following) -> Cursor:
    if following.cursor is None:  # `_started` gave it one
        raise AssertionError
    return following.cursor
