"""The faucet: tokens for whoever asks, once for each account, and for few accounts from one address."""

from dataclasses import dataclass

from ferryman.domain.errors import FieldProblem, NotFoundError
from ferryman.domain.faucet import FaucetLimitedError, source_of
from ferryman.domain.quotas import Limit
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import CorrelationId, Instant
from ferryman.intents.faucet.request import KIND, Wanted, wanted
from ferryman.ports import AllowanceStore, Clock, TransactionStore
from ferryman.services.awaiting import Awaiting
from ferryman.services.ingest import Ingest


@dataclass(frozen=True, slots=True, kw_only=True)
class Faucet:
    """Accepts grants and waits for them, as for any message that somebody has signed."""

    is_open: bool
    """Whether the deployment has faucets at all."""
    ingest: Ingest
    awaiting: Awaiting
    store: TransactionStore
    allowances: AllowanceStore
    clock: Clock

    def __call__(
        self, body: object, *, source: str, correlation_id: CorrelationId | None = None
    ) -> tuple[Transaction, Wanted]:
        """Give tokens to an account; its row as it is when it has them, or patience ends.

        Args:
            body: the request.
            source: the IP address that it came from, as the gateway saw it.
            correlation_id: of the request.

        Returns:
            The row, and what it was made for.

        Raises:
            NotFoundError: there is no faucet, or none on that chain.
            NotAllowedError: the chain is no test chain.
            FaucetLimitedError: the account has had its part, or the address has asked for too many.
            RequestError: as `Ingest`.
            StoreUnavailableError: nobody knows whether it is given: ask again.

        """
        if not self.is_open:
            raise NotFoundError("This deployment has no faucet.")
        began = self.clock.now()
        chains = {chain_id: access.settings for chain_id, access in self.ingest.chains.items()}
        asked = wanted(body, chains)
        grant = asked.grant(asked.faucet.window(began))
        name = self.ingest.kinds[KIND].parse(grant, chains).transaction_id
        if self.store.get(name):  # before the address is charged for what it does not get
            raise _account_limited(asked, began)
        self._charge(asked, source, began)
        accepted = self.ingest(KIND, grant, correlation_id=correlation_id)
        if not accepted.is_new:
            raise _account_limited(asked, began)
        return self.awaiting(accepted.transaction, since=began), asked

    def _charge(self, asked: Wanted, source: str, now: Instant) -> None:
        """Count one for the address that asks, also if that is then refused: trying is not free.

        Raises:
            FaucetLimitedError: it is one too many.

        """
        faucet, chain_id = asked.faucet, asked.chain.chain_id
        window, most = faucet.window(now), faucet.per_source
        ends_at = faucet.end_of(window)
        if not self.allowances.take(chain_id, source_of(source), window, most=most, ends_at=ends_at):
            problem = FieldProblem("address", f"{most} accounts were asked for from your IP address")
            raise FaucetLimitedError(Limit.FAUCET_SOURCE, problem, again_at=ends_at, now=now)


def _account_limited(asked: Wanted, now: Instant) -> FaucetLimitedError:
    problem = FieldProblem("address", f"has had its {asked.faucet.currency}, or it is on its way")
    ends_at = asked.faucet.end_of(asked.faucet.window(now))
    return FaucetLimitedError(Limit.FAUCET_ACCOUNT, problem, again_at=ends_at, now=now)
