"""Dead letters: finish what is permanent, and bring back what is not. It never decides by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ferryman.domain.errors import StaleRowError, StoreUnavailableError
from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status, Transaction
from ferryman.intents.kind import IntentKind
from ferryman.ports import Change, Clock, Hint, Log, Metrics, NonceHint, TransactionStore
from ferryman.services.about import about
from ferryman.services.ending import fail_unbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadletter:
    """Looks at the row behind each message that was given up."""

    kinds: Mapping[str, IntentKind]
    store: TransactionStore
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(self, hints: Iterable[Hint]) -> frozenset[Hint]:
        """Settle messages.

        Returns:
            Those whose outcome could not be written down.

        """
        given = list(hints)
        unsettled = frozenset(hint for hint in given if not self._settled(hint))
        if settled := len(given) - len(unsettled):
            self.metrics.add(Metric.DEAD_LETTERS, settled)
        return unsettled

    def _settled(self, hint: Hint) -> bool:
        if isinstance(hint, NonceHint):
            self.log.warning("a nonce message died; confirm asks again", wallet=hint.wallet, nonce=hint.nonce)
            return True
        try:
            row = self.store.get(hint.transaction_id)
            if row is None:
                self.log.error("a dead message names no transaction", **about(hint))
            else:
                self._finish(row)
        except StoreUnavailableError as error:
            self.log.warning("dead message not settled", **about(hint), cause=str(error))
            return False
        return True

    def _finish(self, row: Transaction) -> None:
        """End a row only if it carries a permanent reason; one that merely had bad luck is due now."""
        if row.status not in {Status.RECEIVED, Status.VALIDATED}:
            return  # over, or bound: then confirm owns it
        if row.permanent_reason:
            fail_unbound(
                row,
                row.permanent_reason,
                kind=self.kinds[row.kind],
                store=self.store,
                clock=self.clock,
                log=self.log,
                witnesses=row.permanent_witnesses,
            )
            return
        due = replace(row, due_at=self.clock.now(), version=row.version + 1)
        try:
            self.store.write(Change(before=row, after=due))
        except StaleRowError:
            self.log.info("somebody else went on with the row", **about(row))
