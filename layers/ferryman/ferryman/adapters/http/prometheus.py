"""Statistics in Prometheus' text format (version 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from ferryman.domain.fees import BPS
from ferryman.domain.pauses import Pause
from ferryman.domain.statistics import (
    LATENCIES,
    LATENCY_BOUNDS,
    QUANTILES,
    ChainStatistics,
    counter,
    parts_of,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_STAGES: Final[Mapping[str, str]] = {
    "bind_ms": "accepted to bound",
    "inclusion_ms": "bound to included",
    "confirmation_ms": "included to confirmed",
}
_GAUGES: Final[Mapping[str, str]] = {
    "head": "Newest block that confirm saw",
    "head_age_seconds": "Age of that block when it was seen",
    "unpayable": "Transactions that wait because no wallet can pay for them",
    "outbox_age_seconds": "How long the transaction that waits longest for a nonce has waited",
}


def exposition(chains: Iterable[ChainStatistics], pauses: Iterable[Pause] = ()) -> str:
    """Write the statistics of all chains, and what operators have paused."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(tuple(chains), tuple(pauses)))
    return generate_latest(registry).decode()


class _Collected(Collector):
    """What was read is what is told: nothing is kept in the process."""

    def __init__(self, chains: tuple[ChainStatistics, ...], pauses: tuple[Pause, ...]) -> None:
        self._chains = chains
        self._pauses = pauses

    def collect(self) -> Iterator[Metric]:
        """Give the families."""
        yield from _families(self._chains)
        yield _paused(self._pauses)


def _families(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    yield from _counters(chains)
    yield _settlement(chains)
    yield from _gauges(chains)
    yield from _recent(chains)
    yield from _money(chains)
    yield from _wallets(chains)
    yield from _endpoints(chains)


def _counters(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    by_name = {
        "accepted": _counter("accepted", "Accepted transactions", "kind"),
        "confirmed": _counter("confirmed", "Confirmed transactions", "kind"),
        "failed": _counter("failed", "Failed transactions", "kind", "reason"),
        "fees": _counter("fee_units", "Token units of fees that mined transactions have paid", "kind"),
    }
    sums = {
        "reorged": _counter("reorged", "Inclusions undone by a reorg"),
        "reopened": _counter("reopened", "Ends undone by a reorg"),
        "gas_used": _counter("gas_used", "Gas of mined transactions"),
        "gas_cost_wei": _counter("gas_cost_wei", "What that gas cost"),
        "predictions": _counter("predictions", "Mined transactions whose cost was predicted"),
    }
    stages = _counter("stage_seconds", "Time that confirmed transactions spent in each stage", "stage")
    for chain in chains:
        chain_id = str(chain.chain_id)
        for name, value in sorted(chain.counts.items()):
            what, *labels = parts_of(name)
            if labels and what in by_name:
                by_name[what].add_metric([chain_id, *labels], value)
        for name, family in sums.items():
            family.add_metric([chain_id], chain.counts.get(name, 0))
        for name, stage in _STAGES.items():
            stages.add_metric([chain_id, stage], chain.counts.get(name, 0) / 1000)
    yield from (*by_name.values(), *sums.values(), stages)


def _settlement(chains: tuple[ChainStatistics, ...]) -> Metric:

    family = HistogramMetricFamily(
        "ferryman_settlement_seconds", "From accepted to confirmed", labels=["chain_id"]
    )
    for chain in chains:
        total, buckets = 0, []
        for bound in LATENCY_BOUNDS:
            total += chain.counts.get(counter("settled", str(bound)), 0)
            buckets.append((str(bound / 1000), total))
        total += chain.counts.get(counter("settled", "more"), 0)
        buckets.append(("+Inf", total))
        family.add_metric([str(chain.chain_id)], buckets, chain.counts.get("settlement_ms", 0) / 1000)
    return family


def _gauges(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    families = {name: _gauge(name, text) for name, text in _GAUGES.items()}
    ratio = _gauge("success_ratio", "Share of ended transactions that were confirmed")
    error_sum = _gauge("cost_error_bps_sum", "Sum of what costs were above their predictions")
    error_mean = _gauge("cost_error_bps", "What costs were above their predictions, on average")
    observed = _gauge("observed_timestamp_seconds", "When the gauges of a chain were measured, Unix time")
    open_rows = _gauge("open", "Transactions that are not over", "status")
    reserved = _gauge("reserved_units", "Token units held for open transactions", "token")
    for chain in chains:
        chain_id = str(chain.chain_id)
        if (success := chain.success_ratio()) is not None:
            ratio.add_metric([chain_id], success)
        error_sum.add_metric([chain_id], chain.counts.get("cost_error_bps", 0))
        if (error := chain.mean_cost_error_bps()) is not None:
            error_mean.add_metric([chain_id], error)
        if chain.gauges is None:
            continue
        for name, family in families.items():
            if (value := getattr(chain.gauges, name)) is not None:
                family.add_metric([chain_id], value)
        observed.add_metric([chain_id], chain.gauges.at / 1000)
        for status, count in sorted(chain.gauges.open_by_status.items()):
            open_rows.add_metric([chain_id, status], count)
        for token, units in sorted(chain.gauges.reserved.items()):
            reserved.add_metric([chain_id, token], units)
    yield from (ratio, error_sum, error_mean, observed, *families.values(), open_rows, reserved)


def _recent(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    """Write what came since an hour ago or two: summaries, for whoever keeps no history of the sums."""
    span = _gauge("recent_seconds", "How long a time the recent figures are of")
    requests = _gauge("recent_accepted_per_hour", "Transactions accepted, by the hour, recently")
    success = _gauge("recent_success_ratio", "Share of recently ended transactions that were confirmed")
    latency = _gauge(
        "recent_latency_seconds", "From accepted to a step, of recently confirmed ones", "step", "quantile"
    )
    for chain in chains:
        if (recent := chain.recent()) is None:
            continue
        chain_id = str(chain.chain_id)
        span.add_metric([chain_id], recent.duration_ms / 1000)
        if (accepted := recent.accepted_per_hour()) is not None:
            requests.add_metric([chain_id], accepted)
        if (share := recent.success_bps()) is not None:
            success.add_metric([chain_id], share / BPS)
        for step in LATENCIES:
            for percent in QUANTILES:
                if (took := recent.latency_ms(step, percent)) is not None:
                    latency.add_metric([chain_id, step.value, str(percent / 100)], took / 1000)
    yield from (span, requests, success, latency)


def _money(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    earned = _gauge("earned_units", "Token units of fees that wait in contracts", "token")
    gas_price = _gauge("gas_price_wei", "What a transaction of the normal tier is expected to pay per gas")
    for chain in chains:
        if chain.gauges is None:
            continue
        for token, units in sorted(chain.gauges.earned.items()):
            earned.add_metric([str(chain.chain_id), token], units)
        if chain.gauges.gas_price_wei is not None:
            gas_price.add_metric([str(chain.chain_id)], chain.gauges.gas_price_wei)
    yield from (earned, gas_price)


def _wallets(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    balance = _gauge("wallet_balance_wei", "Native coin of a relayer wallet", "wallet")
    used = _gauge("wallet_window_used", "Nonces of a wallet that are open", "wallet")
    free = _gauge("wallet_window_free", "Nonces that a wallet may still open", "wallet")
    window = _gauge("wallet_window", "Nonces that a wallet may have open", "wallet")
    state = _gauge("wallet_state", "1 for the state a wallet is in", "wallet", "state")
    low = _gauge("wallet_low", "1 for a wallet that is not used until it has more coin", "wallet")
    spent = _gauge("wallet_day_spent_wei", "What a wallet has spent on gas today (UTC)", "wallet")
    for chain in chains:
        for wallet in chain.gauges.wallets if chain.gauges else ():
            labels = [str(chain.chain_id), wallet.address]
            if wallet.balance_wei is not None:
                balance.add_metric(labels, wallet.balance_wei)
            used.add_metric(labels, wallet.window_used)
            free.add_metric(labels, wallet.window_free)
            window.add_metric(labels, wallet.window)
            state.add_metric([*labels, wallet.state.value], 1)
            low.add_metric(labels, wallet.is_low)
            spent.add_metric(labels, wallet.day_spent_wei)
    yield from (balance, used, free, window, state, low, spent)


def _endpoints(chains: tuple[ChainStatistics, ...]) -> Iterator[Metric]:
    up = _gauge("endpoint_up", "1 for an RPC endpoint that answers with a recent block, else 0", "endpoint")
    rests = _gauge("endpoint_rests", "1 for one that is left alone after failures in a row", "endpoint")
    took = _gauge("endpoint_seconds", "How long it took to answer", "endpoint")
    head = _gauge("endpoint_head", "Its newest block", "endpoint")
    for chain in chains:
        for endpoint in chain.gauges.endpoints if chain.gauges else ():
            labels = [str(chain.chain_id), str(endpoint.number)]
            up.add_metric(labels, endpoint.is_well)
            rests.add_metric(labels, endpoint.rests)
            took.add_metric(labels, endpoint.took_ms / 1000)
            if endpoint.head is not None:
                head.add_metric(labels, endpoint.head)
    yield from (up, rests, took, head)


def _paused(pauses: tuple[Pause, ...]) -> Metric:
    family = _gauge("paused", "1 for what operators have paused; an empty label stands for all", "kind")
    for pause in pauses:
        family.add_metric([str(pause.scope.chain_id or ""), pause.scope.kind or ""], 1)
    return family


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"ferryman_{name}", text, labels=["chain_id", *labels])


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"ferryman_{name}", text, labels=["chain_id", *labels])
