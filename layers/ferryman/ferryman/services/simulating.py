"""Simulation: would each call go through now, what may it cost, and if not, will it ever?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import ChainUnreachableError, FeeCapExceededError
from ferryman.domain.fees import FeeHistory, price
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, BlockNumber, Gas, WalletNonce, Wei
from ferryman.intents.kind import IntentKind
from ferryman.ports import Reverted, Simulation
from ferryman.services.agreement import Hearing, hear
from ferryman.services.chains import ChainAccess
from ferryman.services.parcels import Ready
from ferryman.services.spent import spent_by_each_word

GAS_HEADROOM_BPS: Final = 12_500
"""Gas limit over the estimate: a slot that is warm or set now may not be so at inclusion."""
_BPS: Final = 10_000
_USED: Final = "nonce_used"
_EARLY: Final = "what its sender signed before it is not mined yet"


_Seen = tuple[Gas | Reverted, Simulation]


@dataclass(frozen=True, slots=True)
class Doomed:
    """A row that will never go through."""

    row: Transaction
    reason: str
    """A machine-readable word."""
    witnesses: int
    """How many endpoints say so."""
    block: BlockNumber
    """By which each of them says so."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Each simulated row in one of four lists."""

    ready: tuple[Ready, ...]
    failed: tuple[Doomed, ...]
    waiting: tuple[tuple[Transaction, str], ...]
    """With what stands in the way now, and is not their own fault."""
    failing: tuple[tuple[Transaction, str], ...]
    """With a cause that may be their own, and may pass."""
    market: FeeHistory
    sender_count: WalletNonce
    """Mined transactions of the wallet it was done for."""
    balances: Mapping[Address, Wei]
    """Of the accounts that were asked about."""

    @classmethod
    def of(cls, seen: Simulation) -> "Verdicts":
        """Give what was seen of the market and the wallets, with a verdict on nothing."""
        return cls((), (), (), (), seen.fee_history, seen.sender_count, seen.balances)


def simulate(
    rows: Sequence[Transaction],
    access: ChainAccess,
    *,
    kinds: Mapping[str, IntentKind],
    sender: Address,
    payers: Sequence[Address] = (),
) -> Verdicts:
    """Simulate rows, each on its own, from a relayer wallet, and read `payers`' balances along the way.

    No nonce and no gas is spent on it.

    Raises:
        ChainUnreachableError: as `Chain.simulate`.

    """
    calls = [kinds[row.kind].to_call(row.payload) for row in rows]
    simulation = access.chain.simulate(calls, sender=sender, payers=payers)
    told = _sorted_by(simulation, rows, calls, access, kinds)
    last = [row for row, _ in told.failing if row.failures + 1 >= access.settings.failures_allowed]
    heard = _Witnesses(access, kinds, sender)
    failed, doubted = heard.doomed(told.suspects)
    late, early_yet = heard.turns(told.early)
    spared = heard.spared(last)
    kept = {row.transaction_id for row, _ in spared}
    return Verdicts(
        tuple(told.ready),
        (*failed, *late),
        (*told.waiting, *early_yet, *doubted, *spared),
        tuple((row, cause) for row, cause in told.failing if row.transaction_id not in kept),
        simulation.fee_history,
        simulation.sender_count,
        simulation.balances,
    )


@dataclass(slots=True)
class _Told:
    """Rows by what one endpoint says of them."""

    ready: list[Ready] = field(default_factory=list)
    suspects: list[Transaction] = field(default_factory=list)
    """Never, it says."""
    early: list[Transaction] = field(default_factory=list)
    """Another nonce of their sender is next."""
    waiting: list[tuple[Transaction, str]] = field(default_factory=list)
    failing: list[tuple[Transaction, str]] = field(default_factory=list)


def _sorted_by(
    simulation: Simulation,
    rows: Sequence[Transaction],
    calls: Sequence[Call],
    access: ChainAccess,
    kinds: Mapping[str, IntentKind],
) -> _Told:
    told = _Told()
    for row, call, outcome in zip(rows, calls, simulation.outcomes, strict=True):
        if _permanent_reason(row, outcome, simulation, kinds):
            told.suspects.append(row)
        elif _is_out_of_turn(row, outcome, kinds):
            told.early.append(row)
        elif cause := _own_failure(row, outcome, access, kinds):
            told.failing.append((row, cause))
        elif isinstance(outcome, Reverted):
            told.waiting.append((row, f"simulation reverts: {outcome.text}"))
        elif dear := too_dear(row, simulation, access):
            told.waiting.append((row, dear))
        else:
            told.ready.append(Ready(row, max(with_headroom(outcome), call.least_gas)))
    return told


def with_headroom(estimate: Gas) -> Gas:
    """Give the gas limit for an estimate."""
    return Gas(estimate * GAS_HEADROOM_BPS // _BPS)


@dataclass(frozen=True, slots=True)
class _Witnesses:
    """Asks every witness about rows that one endpoint would end: they wait until all of them agree."""

    access: ChainAccess
    kinds: Mapping[str, IntentKind]
    sender: Address

    def doomed(
        self, rows: Sequence[Transaction]
    ) -> tuple[tuple[Doomed, ...], tuple[tuple[Transaction, str], ...]]:
        """Give rows that never go through by every word, for the same reason; and the others."""
        failed: list[Doomed] = []
        doubted: list[tuple[Transaction, str]] = []
        for row, heard in self._heard(rows):
            reasons = heard.about(self._reason_of(row))
            reason = reasons.answers[0] if reasons.answers and reasons.is_unanimous() else None
            if reason:
                block = min(simulation.block.number for _, simulation in heard.answers)
                failed.append(Doomed(row, reason, heard.witnesses, block))
            else:
                doubted.append((row, _why(heard)))
        return tuple(failed), tuple(doubted)

    def turns(
        self, rows: Sequence[Transaction]
    ) -> tuple[tuple[Doomed, ...], tuple[tuple[Transaction, str], ...]]:
        """Give rows whose turn is over by every word, their nonce being used; and those that wait for it."""
        late: list[Doomed] = []
        early: list[tuple[Transaction, str]] = []
        try:
            words = spent_by_each_word(rows, self.access, self.kinds)
        except ChainUnreachableError as error:
            return (), tuple((row, str(error)) for row in rows)
        for row, word in zip(rows, words, strict=True):
            if word and word.confirms(lambda said: said.is_seen):
                late.append(Doomed(row, _USED, word.witnesses, min(said.head for said in word.answers)))
            else:
                early.append((row, _EARLY))
        return tuple(late), tuple(early)

    def _reason_of(self, row: Transaction) -> Callable[[_Seen], str | None]:
        return lambda said: _permanent_reason(row, *said, self.kinds)

    def spared(self, rows: Sequence[Transaction]) -> tuple[tuple[Transaction, str], ...]:
        """Give rows whose failure would be their last, and is not one by every word."""

        def fails(row: Transaction, heard: Hearing[_Seen]) -> bool:
            failures = heard.about(lambda said: _own_failure(row, said[0], self.access, self.kinds))
            return bool(heard.answers) and failures.confirms(bool)

        return tuple((row, _why(heard)) for row, heard in self._heard(rows) if not fails(row, heard))

    def _heard(self, rows: Sequence[Transaction]) -> Iterator[tuple[Transaction, Hearing[_Seen]]]:
        """Simulate rows at every witness; nothing is heard of them if one of those does not answer."""
        if not rows:
            return
        calls = [self.kinds[row.kind].to_call(row.payload) for row in rows]
        try:
            heard = hear(self.access.chain, lambda witness: witness.simulate(calls, sender=self.sender))
        except ChainUnreachableError:
            yield from ((row, Hearing(())) for row in rows)
            return
        for place, row in enumerate(rows):
            yield row, heard.about(_outcome_at(place))


def _outcome_at(place: int) -> Callable[[Simulation], _Seen]:
    return lambda seen: (seen.outcomes[place], seen)


def _why(heard: Hearing[_Seen]) -> str:
    if not heard.answers:
        return "its end waits for a second endpoint, which does not answer"
    return "the endpoints do not agree whether it will ever go through"


def _permanent_reason(
    row: Transaction, outcome: Gas | Reverted, simulation: Simulation, kinds: Mapping[str, IntentKind]
) -> str | None:
    """Give the reason of a revert that time does not heal, if the endpoint is as new as acceptance was."""
    if not isinstance(outcome, Reverted) or simulation.block.number < (row.accepted_block or 0):
        return None
    return kinds[row.kind].permanent_reason(outcome.data)


def _is_out_of_turn(row: Transaction, outcome: Gas | Reverted, kinds: Mapping[str, IntentKind]) -> bool:
    """Whether a revert says no more than that the next nonce of its sender is another one."""
    ordered = kinds[row.kind].ordered
    return isinstance(outcome, Reverted) and ordered is not None and ordered.is_out_of_turn(outcome.data)


def _own_failure(
    row: Transaction, outcome: Gas | Reverted, access: ChainAccess, kinds: Mapping[str, IntentKind]
) -> str | None:
    """Say what counts as a failure of its own: too much gas, or a call that was tried and reverted.

    What its kind knows to pass does not count.
    """
    if not isinstance(outcome, Reverted):
        cap = access.settings.gas_limit_cap
        return f"it needs {outcome} gas, the cap is {cap}" if outcome > cap else None
    if not outcome.is_execution or kinds[row.kind].is_passing(outcome.data):
        return None
    return f"simulation reverts: {outcome.text}"


def too_dear(row: Transaction, simulation: Simulation, access: ChainAccess) -> str | None:
    """Say whether gas costs more than the operator pays now."""
    settings = access.settings
    try:
        price(
            simulation.fee_history,
            row.priority,
            min_tip=settings.min_priority_fee_wei,
            cap=settings.fee_cap(row.priority),
        )
    except FeeCapExceededError as error:
        return str(error)
    return None
