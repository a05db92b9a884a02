"""The exposition, read back by Prometheus' own parser."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from ferryman.adapters.http.prometheus import exposition
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.statistics import ChainStatistics, EndpointGauge, Gauges, Snapshot, WalletGauge
from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    Instant,
    Milliseconds,
    Seconds,
    TokenUnits,
    Wei,
)

WALLET = Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906")
TOKEN = Address("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65")
COUNTS = {
    "accepted__payment": 5,
    "confirmed__payment": 3,
    "failed__payment__deadline_passed": 1,
    "gas_used": 180_000,
    "gas_cost_wei": 18 * 10**13,
    "fees__meta-transaction": 17,
    "predictions": 2,
    "cost_error_bps": -300,
    "settled__1000": 1,
    "settled__5000": 1,
    "settled__more": 1,
    "settlement_ms": 4_500_000,
    "bind_ms": 1_500,
}
GAUGES = Gauges(
    at=Instant(1_800_000_000_000),
    head=BlockNumber(90),
    final=BlockNumber(5),
    head_age_seconds=Seconds(2),
    outbox_age_seconds=Seconds(7),
    open_by_status={"PENDING": 1},
    reserved={TOKEN: TokenUnits(1_000)},
    wallets=(WalletGauge(address=WALLET, balance_wei=Wei(5 * 10**17), window_used=1, window_free=15),),
    endpoints=(
        EndpointGauge(number=1, took_ms=Milliseconds(12), head=BlockNumber(90)),
        EndpointGauge(number=2, took_ms=Milliseconds(4_000), trouble="ReadTimeoutError", rests=True),
    ),
    gas_price_wei=Wei(1_001_000_000),
    earned={TOKEN: TokenUnits(17)},
)


def samples(*chains: ChainStatistics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give each sample by its name and labels, without the chain's."""
    return {
        (
            sample.name,
            tuple(sorted((k, v) for k, v in sample.labels.items() if k != "chain_id")),
        ): sample.value
        for family in text_string_to_metric_families(exposition(chains))
        for sample in family.samples
    }


def test_prometheus_reads_counters_gauges_and_the_histogram() -> None:
    """Buckets are cumulative, times are seconds, and totals say so in their names."""
    read = samples(ChainStatistics(chain_id=ChainId(1), counts=COUNTS, gauges=GAUGES))

    assert read["ferryman_accepted_total", (("kind", "payment"),)] == 5
    assert read["ferryman_failed_total", (("kind", "payment"), ("reason", "deadline_passed"))] == 1
    assert read["ferryman_fee_units_total", (("kind", "meta-transaction"),)] == 17
    assert read["ferryman_success_ratio", ()] == 0.75
    assert read["ferryman_predictions_total", ()] == 2
    assert (read["ferryman_cost_error_bps_sum", ()], read["ferryman_cost_error_bps", ()]) == (-300, -150)
    buckets = [
        read["ferryman_settlement_seconds_bucket", (("le", le),)] for le in ("1.0", "2.5", "5.0", "+Inf")
    ]
    assert buckets == [1, 1, 2, 3]
    assert read["ferryman_settlement_seconds_sum", ()] == 4_500
    assert read["ferryman_stage_seconds_total", (("stage", "accepted to bound"),)] == 1.5
    assert read["ferryman_wallet_balance_wei", (("wallet", WALLET),)] == 5 * 10**17
    assert read["ferryman_reserved_units", (("token", TOKEN),)] == 1_000
    assert read["ferryman_earned_units", (("token", TOKEN),)] == 17
    assert read["ferryman_gas_price_wei", ()] == 1_001_000_000
    assert read["ferryman_open", (("status", "PENDING"),)] == 1
    assert read["ferryman_outbox_age_seconds", ()] == 7
    assert ("ferryman_recent_seconds", ()) not in read
    assert read["ferryman_observed_timestamp_seconds", ()] == 1_800_000_000


def test_prometheus_reads_what_is_recent() -> None:
    """Summaries for whoever keeps no history: the last hour or two, in seconds and shares."""
    before = Snapshot(at=Instant(GAUGES.at - 3_600_000), counts={"accepted": 1, "settled__more": 1})
    counts = {**COUNTS, "b__250": 2, "m__1000": 2}

    chain = ChainStatistics(chain_id=ChainId(1), counts=counts, gauges=replace(GAUGES, past=(before,)))
    read = samples(chain)

    assert read["ferryman_recent_seconds", ()] == 3_600
    assert read["ferryman_recent_accepted_per_hour", ()] == 4
    assert read["ferryman_recent_success_ratio", ()] == 0.75
    latency = "ferryman_recent_latency_seconds"
    assert read[latency, (("quantile", "0.5"), ("step", "bound"))] == 0.125
    assert read[latency, (("quantile", "0.95"), ("step", "included"))] == 0.975
    assert read[latency, (("quantile", "0.99"), ("step", "confirmed"))] == 4.97


def test_prometheus_reads_how_each_endpoint_does_and_what_is_paused() -> None:
    """By the endpoint's number: its address may hold a key."""
    read = samples(ChainStatistics(chain_id=ChainId(1), counts={}, gauges=GAUGES))
    first, second = (("endpoint", "1"),), (("endpoint", "2"),)
    pauses = [
        Pause(scope=Scope(chain_id=ChainId(1)), by="operator", note="", since=Instant(1)),
        Pause(scope=Scope(kind="payment"), by="operator", note="", since=Instant(1)),
        Pause(scope=Scope(), by="operator", note="", since=Instant(1)),
    ]

    assert (read["ferryman_endpoint_up", first], read["ferryman_endpoint_up", second]) == (1, 0)
    assert (read["ferryman_endpoint_rests", first], read["ferryman_endpoint_rests", second]) == (0, 1)
    assert read["ferryman_endpoint_seconds", second] == 4
    assert read["ferryman_endpoint_head", first] == 90
    assert ("ferryman_endpoint_head", second) not in read
    told = exposition([], pauses)
    for labels in ('chain_id="1",kind=""', 'chain_id="",kind="payment"', 'chain_id="",kind=""'):
        assert f"ferryman_paused{{{labels}}} 1.0" in told


def test_a_chain_that_is_away_has_no_head_and_no_balances() -> None:
    """What is still true of it is told all the same."""
    wallet = replace(GAUGES.wallets[0], balance_wei=None)
    away = replace(GAUGES, head=None, head_age_seconds=None, wallets=(wallet,))

    names = {name for name, _ in samples(ChainStatistics(chain_id=ChainId(1), counts={}, gauges=away))}

    assert not names & {"ferryman_head", "ferryman_head_age_seconds", "ferryman_wallet_balance_wei"}
    assert {"ferryman_open", "ferryman_outbox_age_seconds", "ferryman_wallet_window_free"} <= names


def test_a_chain_without_any_payment_has_no_ratio_and_no_state() -> None:
    """A scraper tells nothing yet from zero."""
    read = samples(ChainStatistics(chain_id=ChainId(1), counts={}, gauges=None))

    assert read["ferryman_gas_used_total", ()] == 0
    names = {name for name, _ in read}
    assert not names & {"ferryman_success_ratio", "ferryman_head", "ferryman_wallet_balance_wei"}
