"""`advance`: the only code that signs and broadcasts; it does what a nonce still lacks."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import NOTHING, Call, transaction_hash
from ferryman.domain.envelopes import TRANSACTIONS, UnsignedTransaction, opened
from ferryman.domain.errors import (
    FeeCapExceededError,
    SignatureMismatchError,
    SignerUnavailableError,
    StaleRowError,
    StoreUnavailableError,
)
from ferryman.domain.fees import Eip1559Fees, FeeHistory, can_rise, price_up_to, replacement
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import FillReason, NonceRow, Purpose, TransactionAttempt, Wanted
from ferryman.domain.terms import terms_of
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import TransactionId, Wei
from ferryman.intents.kind import IntentKind
from ferryman.ports import (
    Clock,
    Log,
    Metrics,
    Refusal,
    SendOutcome,
    Signer,
    TransactionStore,
    WalletStore,
    Workers,
)
from ferryman.services.chains import ChainAccess
from ferryman.services.coverage import Coverage
from ferryman.services.filling import NO_DATA, fill_call, fill_terms
from ferryman.services.narrowing import heed

_TOO_LITTLE: Final = frozenset({Refusal.REPLACEMENT, Refusal.UNDERPRICED})
"""Refusals that more money answers."""


@dataclass(frozen=True, slots=True)
class _Unsigned:
    """What a nonce lacks, but for the signature."""

    row: NonceRow
    """As it was read."""
    covered: NonceRow
    """With coin kept for it."""
    transaction: UnsignedTransaction
    purpose: Purpose
    counts_as: Metric | None = None


@dataclass(frozen=True, slots=True)
class _Offered:
    """What became of bytes that a node was given."""

    taken: Sequence[NonceRow]
    refused: Sequence[NonceRow]
    """Nonces whose bytes no node will ever take: they have to be filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Signs nonces that have no bytes or have to offer more, and broadcasts."""

    kinds: Mapping[str, IntentKind]
    store: TransactionStore
    wallets: WalletStore
    signer: Signer
    workers: Workers
    """Nonces are signed at the same time: each is two requests, and the last one's would wait for all."""
    clock: Clock
    log: Log
    metrics: Metrics

    def __call__(
        self,
        rows: Sequence[NonceRow],
        access: ChainAccess,
        *,
        known: Mapping[TransactionId, Transaction] | None = None,
        market: FeeHistory | None = None,
    ) -> frozenset[TransactionId]:
        """Bring nonces of one chain as far as they go now.

        Bytes are persisted before they are broadcast, so whatever is mined, we know its hash.
        A nonce that a concurrent run signed meanwhile is left to that run, and one that cannot be signed,
        or whose bytes cannot be kept, to confirm, which asks again.

        Args:
            rows: the nonces as they were read.
            access: their chain.
            known: rows of their intents, where the caller has them.
            market: what recent blocks paid, where the caller knows.

        Returns:
            The intents whose bytes a node took.

        Raises:
            ChainUnreachableError: the fee market could not be read.
            StoreUnavailableError: what is to be signed could not be read.

        """
        coverage = Coverage(access=access, wallets=self.wallets, log=self.log)
        open_rows = [row for row in rows if not row.is_settled]
        standing = [row for row in open_rows if not row.lacks_bytes]
        outbid = [row for row in standing if row.wanted is Wanted.BUMP]
        ready = [row for row in standing if row.wanted is not Wanted.BUMP]
        fills = [row for row in open_rows if row.lacks_bytes and row.is_fill]
        calls = [row for row in open_rows if row.lacks_bytes and not row.is_fill]
        unsigned = list[_Unsigned]()
        if calls or outbid:
            history = market or access.chain.fee_history()
            intents = {**self._intents(calls, known or {}), **(known or {})}
            unsigned += [self._called(row, intents, coverage, history) for row in calls]
            for row in outbid:
                if bump := self._bump(row, coverage, history):
                    unsigned.append(bump)
                else:
                    ready.append(row)
        unsigned += [self._fill(row, coverage) for row in fills]
        offered = self._broadcast([*ready, *self._signed(unsigned)], access)
        self._broadcast(self._signed([self._fill(row, coverage) for row in offered.refused]), access)
        return frozenset(name for row in offered.taken for name in row.intents)

    def _intents(
        self, rows: Sequence[NonceRow], known: Mapping[TransactionId, Transaction]
    ) -> dict[TransactionId, Transaction]:
        missing = [name for row in rows for name in row.intents if name not in known]
        return {row.transaction_id: row for row in self.store.get_many(missing)} if missing else {}

    def _called(
        self,
        row: NonceRow,
        intents: Mapping[TransactionId, Transaction],
        coverage: Coverage,
        history: FeeHistory,
    ) -> _Unsigned:
        """Give what carries a nonce's intents out."""
        settings = coverage.access.settings
        terms = terms_of(row, Purpose.CALL, settings)

        def priced(cap: Wei) -> Eip1559Fees:
            return price_up_to(history, terms.tier, min_tip=terms.min_tip, cap=cap)

        covered, fees = coverage(row, row.gas_limit, priced, cap=terms.cap)
        transaction = TRANSACTIONS[settings.fee_model](
            chain_id=row.chain_id,
            nonce=row.nonce,
            fees=fees,
            gas_limit=row.gas_limit,
            call=self._call(row, intents, settings),
        )
        return _Unsigned(row, covered, transaction, Purpose.CALL)

    def _bump(self, row: NonceRow, coverage: Coverage, history: FeeHistory) -> _Unsigned | None:
        """Give what stands once more, at higher fees; None where cap or coin forbid it: it is left so."""
        standing = row.attempts[-1]
        terms, transaction = terms_of(row, standing.purpose, coverage.access.settings), opened(standing.raw)

        def priced(cap: Wei) -> Eip1559Fees:
            return replacement(standing.fees, history, terms.tier, min_tip=terms.min_tip, cap=cap)

        try:
            covered, fees = coverage(row, transaction.gas_limit, priced, cap=terms.cap)
        except FeeCapExceededError as error:
            self.log.warning("not bumped", wallet=row.wallet, nonce=row.nonce, cause=str(error))
            return None
        return _Unsigned(row, covered, replace(transaction, fees=fees), standing.purpose, Metric.BUMPS)

    def _fill(self, row: NonceRow, coverage: Coverage) -> _Unsigned:
        """Give what uses a nonce up without its intents."""
        covered, gas_limit, fees = fill_terms(row, coverage.access, coverage)
        transaction = TRANSACTIONS[coverage.access.settings.fee_model](
            chain_id=row.chain_id, nonce=row.nonce, fees=fees, gas_limit=gas_limit, call=fill_call(row)
        )
        return _Unsigned(row, covered, transaction, Purpose.FILL, Metric.FILLS)

    def _signed(self, unsigned: Sequence[_Unsigned]) -> list[NonceRow]:
        """Sign and keep all at the same time; leave out what could not be, or what others signed first."""
        done = list[NonceRow]()
        queues: defaultdict[object, list[Callable[[], None]]] = defaultdict(list)

        def keep(one: _Unsigned) -> None:
            if kept := self._kept_or_told(one):
                done.append(kept)
                self._count(one)

        for one in unsigned:
            # More coin is kept in the wallet's own row: two such writes at a time are in each other's way.
            takes_more = one.covered.reserved_cost != one.row.reserved_cost
            queues[one.row.wallet, None if takes_more else one.row.nonce].append(partial(keep, one))
        self.workers.work_off(list(queues.values()))
        return done

    def _kept_or_told(self, one: _Unsigned) -> NonceRow | None:
        """Sign and keep one; what stands in its way is said, and concerns none of the others."""
        said = {"wallet": one.row.wallet, "nonce": one.row.nonce, "transaction_ids": one.row.intents}
        try:
            return self._kept(one)
        except (SignerUnavailableError, StoreUnavailableError) as error:
            self.log.warning("nonce not signed, confirm will ask again", **said, cause=str(error))
        except SignatureMismatchError:
            self.log.error("the key service signs with another key", **said)  # noqa: TRY400 (our Log port)
        return None

    def _kept(self, one: _Unsigned) -> NonceRow | None:
        """Sign a transaction and keep its bytes, and coin for them; None if somebody else was first."""
        row, transaction = one.row, one.transaction
        raw = transaction.signed(self.signer.sign(row.wallet, transaction.signing_hash()))
        self.metrics.add(Metric.SIGNATURES, chain_id=row.chain_id, wallet=row.wallet)
        attempt = TransactionAttempt(
            hash=transaction_hash(raw),
            raw=raw,
            max_fee_per_gas=transaction.fees.max_fee_per_gas,
            max_priority_fee_per_gas=transaction.fees.max_priority_fee_per_gas,
            purpose=one.purpose,
            signed_at=self.clock.now(),
        )
        signed = one.covered.with_attempt(attempt)
        try:
            self.wallets.replace_nonce_row(row, signed)
        except StaleRowError:
            self.log.info("another run signed the nonce first", wallet=row.wallet, nonce=row.nonce)
            return None
        return signed

    def _count(self, one: _Unsigned) -> None:
        """Count a bump or a fill, and say why a nonce is filled."""
        row = one.row
        if one.counts_as:
            self.metrics.add(one.counts_as, chain_id=row.chain_id)
        if one.counts_as is Metric.FILLS:
            self.log.warning(
                "nonce filled",
                wallet=row.wallet,
                nonce=row.nonce,
                transaction_ids=row.intents,
                reason=row.fill_reason,
                cause=row.last_error,
            )

    def _call(
        self, row: NonceRow, intents: Mapping[TransactionId, Transaction], settings: ChainSettings
    ) -> Call:
        """Give the call that carries out what a nonce is for."""
        if row.transfer_to:
            return Call(row.transfer_to, NO_DATA, row.transfer_wei or NOTHING)
        carried = [intents[name] for name in row.intents]
        kind, payloads = self.kinds[carried[0].kind], [intent.payload for intent in carried]
        together = kind.to_batch_call(payloads, settings) if len(payloads) > 1 else None
        return together or kind.to_call(payloads[0])

    def _note_outbid(self, row: NonceRow, access: ChainAccess) -> None:
        """Have confirm ask for more at its next look; at the cap there is no more."""
        standing = row.attempts[-1]
        if not can_rise(standing.fees, cap=terms_of(row, standing.purpose, access.settings).cap):
            return
        try:
            self.wallets.replace_nonce_row(row, row.outbid())
        except StaleRowError:
            self.log.info("somebody else went on with the nonce", wallet=row.wallet, nonce=row.nonce)

    def _broadcast(self, rows: Sequence[NonceRow], access: ChainAccess) -> _Offered:
        """Send the newest bytes of each nonce, lowest first; confirm sees what becomes of them."""
        ordered = sorted(rows, key=lambda row: (row.wallet, row.nonce))
        if not ordered:
            return _Offered(taken=(), refused=())
        results = access.chain.send([row.attempts[-1].raw for row in ordered])
        answered, now = list(zip(ordered, results, strict=True)), self.clock.now()
        for row, result in answered:
            said = {"wallet": row.wallet, "nonce": row.nonce, "hash": row.attempts[-1].hash}
            if result.outcome is SendOutcome.SENT:
                self.log.info("broadcast", transaction_ids=row.intents, **said)
                self.metrics.add(Metric.TIME_TO_BROADCAST, now - row.bound_at, chain_id=row.chain_id)
            else:
                self.log.warning(
                    "broadcast not taken",
                    transaction_ids=row.intents,
                    outcome=result.outcome.value,
                    refusal=result.refusal,
                    cause=result.text,
                    **said,
                )
            if result.refusal in _TOO_LITTLE:
                self._note_outbid(row, access)
        refusals = ((row.wallet, result.refusal) for row, result in answered)
        heed(refusals, access.settings.chain_id, wallets=self.wallets, log=self.log)
        refused = (
            row.filling(FillReason.REJECTED, cause=result.text)
            for row, result in answered
            if result.outcome is SendOutcome.PERMANENT and row.attempts[-1].purpose is Purpose.CALL
        )
        return _Offered(
            taken=tuple(row for row, result in answered if result.outcome is SendOutcome.SENT),
            refused=tuple(refused),
        )
