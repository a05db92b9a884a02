"""Completing: a message is accepted, and whoever sent it waits for its end."""

from dataclasses import dataclass

from ferryman.domain.chain import ChainSettings
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import CorrelationId
from ferryman.ports import Clock
from ferryman.services.awaiting import Awaiting
from ferryman.services.ingest import Ingest


@dataclass(frozen=True, slots=True, kw_only=True)
class Completing:
    """Accepts messages as `Ingest` does, and answers when they are over or patience is."""

    ingest: Ingest
    awaiting: Awaiting
    clock: Clock

    def __call__(
        self, kind_name: str, body: object, *, correlation_id: CorrelationId | None = None
    ) -> tuple[Transaction, ChainSettings]:
        """Accept a message, or find its record, and give its row as it is at the end of the wait.

        Returns:
            The row, and the settings of its chain.

        Raises:
            RequestError: it is refused; nothing was stored.
            StoreUnavailableError: nobody knows what became of it: post it again.

        """
        began = self.clock.now()
        accepted = self.ingest(kind_name, body, correlation_id=correlation_id)
        row = self.awaiting(accepted.transaction, since=began)
        return row, self.ingest.chains[row.chain_id].settings
