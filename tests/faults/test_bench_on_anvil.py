"""The measurements of lanes and batches, with few payments: what does not depend on time."""

from dataclasses import replace

from local.bench.batches import measure_batches
from local.bench.lanes import measure_lanes
from local.bench.plan import QUICK


def test_a_payment_in_a_batch_costs_less_gas_and_a_part_of_a_signature() -> None:
    """The promise of docs/benchmarks.md, from receipts of the real escrow."""
    (table,) = measure_batches(QUICK)

    sizes, transactions, full, gas, _, _, signatures, *_ = zip(*table.rows, strict=True)
    assert sizes == ("1", "10", "40")
    assert full == ("100%",) * 3
    assert transactions == ("40", "4", "1")
    assert signatures == ("1.000", "0.100", "0.025")
    alone, ten, forty = (int(each.replace(",", "")) for each in gas)
    assert forty < ten < 0.7 * alone


def test_urgent_payments_amid_a_flood_are_timed() -> None:
    """All of them and all of the flood are confirmed, or the measurement refuses to answer."""
    plan = replace(QUICK, flood_payments=80, flood_factor_in_batches=2, urgent_payments=3)

    (table,) = measure_lanes(plan)

    counts = {row[0]: int(row[1]) for row in table.rows}
    assert counts["express, no flood"] == 3
    assert counts["express, flood, each alone"] >= 1
    assert counts["standard, flood, each alone"] == 80
    assert counts["standard, flood, in batches"] == 160
