"""Explaining: asks the tables and every endpoint about one transaction, or one wallet."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from ferryman.domain.errors import ChainUnreachableError, FieldProblem, InvalidFieldsError, NotFoundError
from ferryman.domain.fees import FeeHistory
from ferryman.domain.nonces import NonceRow, Wallet
from ferryman.domain.pauses import Pause
from ferryman.domain.quotas import day_of
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, ChainId, Instant, Seconds, TransactionId, TxHash, rfc3339
from ferryman.ports import Chain, Clock, PauseStore, TransactionStore, WalletStore
from ferryman.services.asking import refuse_unknown_parameters
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.explanation import EndpointView, Situation, explain
from ferryman.services.pausing import told
from ferryman.services.records import attempts_told
from ferryman.services.rotating import wallet_told
from ferryman.services.topics import parsed_address
from ferryman.services.wanting import asked_at

_MOST_SHOWN: Final = 20
"""Open nonces that the page of a wallet lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explaining:
    """Reads everything and changes nothing."""

    chains: Chains
    store: TransactionStore
    wallets: WalletStore
    pauses: PauseStore
    clock: Clock

    def transaction(self, transaction_id: TransactionId) -> dict[str, Any]:
        """Explain a transaction: what blocks it, what each endpoint says, what comes next.

        Raises:
            NotFoundError: there is no such transaction.
            StoreUnavailableError: as its ports say. Endpoints that do not answer are part of the answer.

        """
        row = self.store.get(transaction_id)
        if row is None:
            problem = FieldProblem("transaction_id", "is not known here")
            raise NotFoundError(f"There is no transaction {transaction_id}.", problem)
        situation = self._situation(row, self.chains[row.chain_id])
        found = explain(situation)
        return {
            "transaction_id": row.transaction_id,
            "chain_id": row.chain_id,
            "status": row.status.value,
            "at": rfc3339(situation.now),
            "summary": found.summary,
            "blocked_by": found.blocker.value,
            "next_action": found.next_action,
            "next_at": _time(found.next_at),
            "waits": row.waits,
            "failures": row.failures,
            "last_error": row.last_error,
            "deadline": row.deadline_seconds,
            "paused": [told(pause) for pause in situation.pauses],
            "wallet": wallet_told(situation.wallet, day_of(situation.now)) if situation.wallet else None,
            "nonce": self._nonce(situation.nonce_row) if situation.nonce_row else None,
            "behind": [self._nonce(one) for one in situation.lower[:_MOST_SHOWN]],
            "market": _market(situation.market),
            "endpoints": [_endpoint(view) for view in situation.endpoints],
        }

    def wallet(self, address: Address, chain_id: ChainId) -> dict[str, Any]:
        """Explain a wallet: its head, its open nonces and what each endpoint says of it.

        Raises:
            NotFoundError: it was never used on this chain.
            StoreUnavailableError: as its ports say.

        """
        wallet = self.wallets.wallet(chain_id, address)
        if wallet is None:
            problem = FieldProblem("address", "is no wallet of this deployment on that chain")
            raise NotFoundError(f"{address} is no wallet here.", problem)
        access, nonces = self.chains[chain_id], self.wallets.open_nonces(wallet)
        views = _asked(access, address, nonces[0] if nonces else None, self.clock.now())
        return {
            **wallet_told(wallet, day_of(self.clock.now())),
            "at": rfc3339(self.clock.now()),
            "summary": _wallet_summary(wallet, nonces, views),
            "nonces": [self._nonce(row) for row in nonces[:_MOST_SHOWN]],
            "endpoints": [_endpoint(view) for view in views],
        }

    def _situation(self, row: Transaction, access: ChainAccess) -> Situation:
        pauses = [one for one in self.pauses.pauses() if one.scope.covers(row.chain_id, row.kind)]
        now, mattering = self.clock.now(), _mattering(row, pauses)
        known = Situation(row=row, settings=access.settings, now=now, pauses=mattering)
        if row.status.is_terminal:
            return known
        if row.wallet is None or row.nonce is None:
            views = _asked(access, None, None, known.now)
            return replace(known, endpoints=views)
        wallet = self.wallets.wallet(row.chain_id, row.wallet)
        nonces = self.wallets.open_nonces(wallet) if wallet else ()
        own = self.wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        views = _asked(access, row.wallet, own, known.now)
        mined = max((view.transaction_count or 0 for view in views), default=0)
        lower = [one for one in nonces if mined <= one.nonce < row.nonce]
        market = _or_none(access.chain.fee_history)
        return replace(known, wallet=wallet, nonce_row=own, lower=lower, market=market, endpoints=views)

    def _nonce(self, row: NonceRow) -> dict[str, Any]:
        return {
            "nonce": row.nonce,
            "transactions": list(row.intents),
            "bound_at": rfc3339(row.bound_at),
            "gas_limit": row.gas_limit,
            "wanted": row.wanted.value,
            "asked_again_at": rfc3339(asked_at(row, self.chains[row.chain_id].settings)),
            "fill_reason": row.fill_reason.value if row.fill_reason else None,
            "last_error": row.last_error,
            "attempts": attempts_told(row.attempts),
        }


def wallet_request(address: str, parameters: Mapping[str, str], chains: Chains) -> tuple[Address, ChainId]:
    """Read which wallet is asked for: `chain_id` may be left out where only one chain is served.

    Raises:
        InvalidFieldsError: it names none.

    """
    refuse_unknown_parameters(parameters, {"chain_id"})
    served = [str(chain_id) for chain_id in chains]
    chosen = parameters.get("chain_id", served[0] if len(served) == 1 else "")
    if chosen not in served:
        problem = FieldProblem("chain_id", f"must be one of those served: {', '.join(served)}")
        raise InvalidFieldsError("A wallet is looked at on one chain.", problem)
    return parsed_address("address", address), ChainId(int(chosen))


def _mattering(row: Transaction, pauses: Sequence[Pause]) -> Sequence[Pause]:
    """Give the pauses that hold a transaction up: what has a nonce goes on."""
    return pauses if row.status in {Status.RECEIVED, Status.VALIDATED} else ()


def _asked(
    access: ChainAccess, wallet: Address | None, row: NonceRow | None, now: Instant
) -> list[EndpointView]:
    """Ask every endpoint, all at once: one that hangs takes its own time limit, and no more."""
    try:
        endpoints = access.chain.by_endpoint()
    except ChainUnreachableError as error:
        return [EndpointView(number=1, error=error.cause)]
    hashes = [attempt.hash for attempt in row.attempts] if row else []
    with ThreadPoolExecutor(len(endpoints)) as threads:
        return list(threads.map(lambda pair: _view(pair[0], pair[1], wallet, hashes, now), endpoints.items()))


def _view(
    number: int, chain: Chain, wallet: Address | None, hashes: Sequence[TxHash], now: Instant
) -> EndpointView:
    try:
        head = chain.head()
        age = Seconds(max(now // 1000 - head.timestamp_seconds, 0))
        view = EndpointView(number=number, head=head.number, head_age_seconds=age)
        if wallet is not None:
            (balance,) = chain.balances([wallet])
            view = replace(view, transaction_count=chain.transaction_count(wallet), balance_wei=balance)
        mined = next((one for one in (chain.receipts(hashes) if hashes else ()) if one), None)
    except ChainUnreachableError as error:
        return EndpointView(number=number, error=error.cause)
    return replace(view, mined=mined.hash, mined_block=mined.block_number) if mined else view


def _or_none(read: Callable[[], FeeHistory]) -> FeeHistory | None:
    """Read the market; without it there is one thing less to say, and the endpoints say why."""
    try:
        return read()
    except ChainUnreachableError:
        return None


def _wallet_summary(wallet: Wallet, nonces: Sequence[NonceRow], views: Sequence[EndpointView]) -> str:
    counts = [view.transaction_count for view in views if view.transaction_count is not None]
    state = (
        "" if wallet.state.value == "active" else f" It is {wallet.state.value}: nothing new is bound to it."
    )
    if not counts:
        return f"No RPC endpoint answers; {wallet.open_count} nonces are open.{state}"
    if not nonces:
        behind = f" The chain has counted {max(counts)}." if max(counts) > wallet.next_nonce else ""
        return f"Nothing is open; the next nonce is {wallet.next_nonce}.{behind}{state}"
    head = nonces[0]
    if min(counts) > head.nonce:
        return (
            f"Nonce {head.nonce} is mined, and {wallet.open_count} are open until that is deep enough.{state}"
        )
    what = f"transaction {head.intents[0]}" if head.intents else "nothing: it is only used up"
    return f"The head is nonce {head.nonce} of {wallet.open_count} open ones; it carries {what}.{state}"


def _endpoint(view: EndpointView) -> dict[str, Any]:
    return {
        "endpoint": view.number,
        "error": view.error,
        "head": view.head,
        "head_age_seconds": view.head_age_seconds,
        "transaction_count": view.transaction_count,
        "balance_wei": None if view.balance_wei is None else str(view.balance_wei),
        "mined": view.mined,
        "mined_block": view.mined_block,
    }


def _market(market: FeeHistory | None) -> dict[str, str] | None:
    return None if market is None else {"next_base_fee": str(market.next_base_fee)}


def _time(moment: Instant | None) -> str | None:
    return None if moment is None else rfc3339(moment)
