"""What is counted of transactions, and what is measured of a chain's state, for whoever asks over HTTP."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from ferryman.domain.events import Event, Step
from ferryman.domain.nonces import WalletState
from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    Gas,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    Wei,
)

LATENCY_BOUNDS: Final = (
    *(250, 500, 1_000, 1_500, 2_000, 2_500, 3_500, 5_000, 7_500, 10_000),
    *(20_000, 30_000, 60_000, 300_000, 900_000, 3_600_000),
)
"""Milliseconds: upper bounds of the histograms of how long transactions took; the last bucket has none."""
LATENCIES: Final[Mapping[Step, str]] = MappingProxyType(
    {Step.BOUND: "b", Step.INCLUDED: "m", Step.CONFIRMED: "settled"}
)
"""What the time since acceptance is counted to, and what its counters begin with: the item that they
are in should stay below 1 KB, above which each write costs twice."""
QUANTILES: Final = (50, 95, 99)
"""Percent."""
_SLOWEST: Final = "more"
_SPAN_MS: Final = Milliseconds(3_600_000)
_BPS: Final = 10_000
_ENDS: Final = frozenset({"accepted", "confirmed", "failed"})
_HISTOGRAMS: Final = frozenset(LATENCIES.values())
_NOTHING: Final = Wei(0)
_SEPARATOR: Final = "__"
"""Between the parts of a counter's name, which is of letters, digits and `_`; parts hold single ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointGauge:
    """An RPC endpoint of a chain at one moment, as the process that measured it found it."""

    number: int
    """Its place in the chain's list, from 1."""
    took_ms: Milliseconds
    """How long its answer took, or how long it was waited for."""
    head: BlockNumber | None = None
    head_age_seconds: Seconds | None = None
    is_behind: bool = False
    """Its newest block is too old to be believed."""
    trouble: str | None = None
    """Why it did not answer; None if it did."""
    rests: bool = False
    """That process leaves it alone for now, after it failed again and again."""

    @property
    def is_well(self) -> bool:
        """Whether it answers, and with the present."""
        return self.trouble is None and not self.is_behind


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletGauge:
    """A relayer wallet at one moment."""

    address: Address
    balance_wei: Wei | None
    """None while the chain is away."""
    window_used: int
    window_free: int
    window: int = 0
    """How many nonces it may have open."""
    state: WalletState = WalletState.ACTIVE
    day_spent_wei: Wei = _NOTHING
    """What its settled nonces of the day (UTC) have cost."""
    is_low: bool = False
    """It is not used until it has more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The sums at a moment, as far as the news since then rest on them."""

    at: Instant
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """A chain at one moment, as confirm saw it."""

    at: Instant
    head: BlockNumber | None
    """None while the chain is away; the tables were measured all the same."""
    final: BlockNumber
    """The newest block that no reorg replaces any more; 0 while that cannot be said."""
    head_age_seconds: Seconds | None
    """Our clock less the block's time, at least 0; None while the chain is away."""
    outbox_age_seconds: Seconds
    """How long the transaction that waits longest for a nonce has waited since it was accepted."""
    unpayable: int = 0
    """How many transactions wait because no wallet can pay for them."""
    open_by_status: Mapping[str, int]
    reserved: Mapping[Address, TokenUnits]
    """Token -> units held for open transactions."""
    wallets: tuple[WalletGauge, ...]
    endpoints: tuple[EndpointGauge, ...] = ()
    gas_price_wei: Wei | None = None
    """What a transaction of the normal tier is expected to pay per gas; None: an older release measured."""
    earned: Mapping[Address, TokenUnits] = field(default_factory=dict)
    """Token -> units of fees that wait in contracts to be collected."""
    past: tuple[Snapshot, ...] = ()
    """The sums an hour ago and more, and less than an hour ago; what came since the first is recent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStatistics:
    """What is known of a chain: sums since its first transaction, and the state that was kept last."""

    chain_id: ChainId
    counts: Mapping[str, int]
    gauges: Gauges | None

    def mean_cost_error_bps(self) -> float | None:
        """How far costs were above their predictions, on average; None before the first."""
        predictions = self.counts.get("predictions", 0)
        return self.counts.get("cost_error_bps", 0) / predictions if predictions else None

    def success_ratio(self) -> float | None:
        """Share of the transactions that ended CONFIRMED; None before the first end."""
        ended: Counter[str] = Counter()
        for name, count in self.counts.items():
            ended[parts_of(name)[0]] += count
        total = ended["confirmed"] + ended["failed"]
        return ended["confirmed"] / total if total else None

    def recent(self) -> "Recent | None":
        """Give what happened in the last hour or two; None before it was first measured."""
        if self.gauges is None or not self.gauges.past:
            return None
        since = self.gauges.past[0]
        news = {name: count - since.counts.get(name, 0) for name, count in kept(self.counts).items()}
        return Recent(duration_ms=Milliseconds(self.gauges.at - since.at), counts=news)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What happened in a span of time that ended with the newest measurement."""

    duration_ms: Milliseconds
    counts: Mapping[str, int]

    def accepted_per_hour(self) -> int | None:
        """How many transactions were accepted, by the hour; None in the first minute."""
        accepted = self.counts.get("accepted", 0)
        return accepted * _SPAN_MS // self.duration_ms if self.duration_ms else None

    def success_bps(self) -> int | None:
        """Share of those that ended CONFIRMED, basis points; None if none ended."""
        confirmed, failed = self.counts.get("confirmed", 0), self.counts.get("failed", 0)
        return confirmed * _BPS // (confirmed + failed) if confirmed + failed else None

    def latency_ms(self, step: Step, percent: int) -> Milliseconds | None:
        """Within how long of acceptance so many percent reached a step; None if none did."""
        return quantile(_buckets(self.counts, LATENCIES[step]), percent)


def kept(counts: Mapping[str, int]) -> dict[str, int]:
    """Give the sums that a snapshot keeps: of each end, and the histograms."""
    sums: Counter[str] = Counter()
    for name, count in counts.items():
        first, *_ = parts_of(name)
        if first in _ENDS:
            sums[first] += count
        elif first in _HISTOGRAMS:
            sums[name] += count
    return dict(sums)


def snapshots(past: Sequence[Snapshot], counts: Mapping[str, int], now: Instant) -> tuple[Snapshot, ...]:
    """Give the snapshots to keep: a new one an hour after the one before, and that one."""
    if past and now - past[-1].at < _SPAN_MS:
        return tuple(past)
    return (*past[-1:], Snapshot(at=now, counts=kept(counts)))


def quantile(buckets: Sequence[int], percent: int) -> Milliseconds | None:
    """Estimate within how long so many percent were done, as Prometheus' `histogram_quantile` does.

    A bucket's own are taken to be spread evenly over it; the last bucket's took at least its lower bound.

    Args:
        buckets: how many there are in each, in order, one more than there are bounds.
        percent: 0 to 100.

    """
    rank, below = percent * sum(buckets), 0
    if not sum(buckets):
        return None
    lower = 0
    for count, upper in zip(buckets, LATENCY_BOUNDS, strict=False):
        if count and 100 * (below + count) >= rank:
            return Milliseconds(lower + (upper - lower) * (rank - 100 * below) // (100 * count))
        below, lower = below + count, upper
    return Milliseconds(lower)


def bucket_counter(word: str, took: Milliseconds) -> str:
    """Name the counter of the bucket that a time is in."""
    return counter(word, next((str(bound) for bound in LATENCY_BOUNDS if took <= bound), _SLOWEST))


def _buckets(counts: Mapping[str, int], word: str) -> list[int]:
    names = [*map(str, LATENCY_BOUNDS), _SLOWEST]
    return [counts.get(counter(word, name), 0) for name in names]


def counter(*parts: str) -> str:
    """Name a counter."""
    return _SEPARATOR.join(parts)


def parts_of(name: str) -> tuple[str, ...]:
    """Take a counter's name apart."""
    return tuple(name.split(_SEPARATOR))


def gas_of(event: Event) -> tuple[Gas, Wei] | None:
    """Give the gas that one transaction bears of what an inclusion says was used, and what it cost.

    Those that share a chain transaction each have their part of it in `gas_share`.
    """
    gas, price = event.facts.get("gas_used"), event.facts.get("effective_gas_price")
    share = event.facts.get("gas_share")
    borne = share if isinstance(share, int) else gas
    if not isinstance(borne, int) or not isinstance(price, int):
        return None
    return Gas(borne), Wei(borne * price)


def counts_of(events: Iterable[Event]) -> Counter[str]:
    """Count events of one chain.

    Returns:
        `accepted__<kind>`, `confirmed__<kind>`, `failed__<kind>__<reason>`, `fees__<kind>` (token units),
        `reorged`, `reopened`; `gas_used` and `gas_cost_wei`; of what was settled, by the time since its
        acceptance, `b__<upper bound>` (bound), `m__…` (mined) and `settled__…`, one bucket each;
        `settlement_ms`, and the stages that it is made of: `bind_ms`, `inclusion_ms`, `confirmation_ms`;
        of mined transactions whose cost was predicted `predictions`, and `cost_error_bps`, the sum of
        what they missed it by.

    """
    counts: Counter[str] = Counter()
    for event in events:
        counts.update(_prediction(event))
        counts.update(_gas(event))
        counts.update(_fee(event))
        match event.step:
            case Step.ACCEPTED | Step.RECEIVED:
                counts[counter("accepted", event.kind)] += 1
            case Step.FAILED:
                counts[counter("failed", event.kind, str(event.facts["reason"]))] += 1
            case Step.REORGED:
                counts["reorged"] += 1
            case Step.REOPENED:
                counts["reopened"] += 1
            case Step.RECOVERED:
                counts[counter("confirmed", event.kind)] += 1
            case Step.CONFIRMED:
                counts[counter("confirmed", event.kind)] += 1
                counts.update(_durations(event))
    return counts


def _gas(event: Event) -> dict[str, int]:
    borne = gas_of(event)
    return {"gas_used": borne[0], "gas_cost_wei": borne[1]} if borne else {}


def _fee(event: Event) -> dict[str, int]:
    fee = event.facts.get("fee_taken")
    return {counter("fees", event.kind): fee} if isinstance(fee, int) else {}


def _prediction(event: Event) -> dict[str, int]:
    error = event.facts.get("cost_error_bps")
    return {"predictions": 1, "cost_error_bps": error} if isinstance(error, int) else {}


def _durations(event: Event) -> dict[str, int]:
    reached = event.reached
    accepted = reached.get(Step.ACCEPTED.value, reached.get(Step.RECEIVED.value, event.at))
    bound, included = (reached.get(step.value, event.at) for step in (Step.BOUND, Step.INCLUDED))
    moments = {Step.BOUND: bound, Step.INCLUDED: included, Step.CONFIRMED: event.at}
    took = {LATENCIES[step]: Milliseconds(moment - accepted) for step, moment in moments.items()}
    return {
        **{bucket_counter(word, time): 1 for word, time in took.items()},
        "settlement_ms": event.at - accepted,
        "bind_ms": bound - accepted,
        "inclusion_ms": included - bound,
        "confirmation_ms": event.at - included,
    }
