"""Metrics on standard output, as CloudWatch reads them."""

import json
from typing import Any

import pytest

from ferryman.adapters.metrics import MOST_VALUES, EmfMetrics
from ferryman.domain.metrics import Metric


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Give the lines that were printed."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_declares_its_metric_unit_and_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch takes a metric from a line only if `_aws` names it and its dimensions are members."""
    metrics = EmfMetrics("ferryman-dev")
    metrics.add(Metric.FAILED, chain_id=31337, kind="payment", reason="reverted")

    metrics.write()

    (line,) = lines(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "Ferryman"
    assert directive["Metrics"] == [{"Name": "Failed", "Unit": "Count"}]
    assert directive["Dimensions"] == [["deployment"], ["deployment", "chain_id", "kind", "reason"]]
    assert line["Failed"] == 1
    assert {name: line[name] for name in directive["Dimensions"][1]} == {
        "deployment": "ferryman-dev",
        "chain_id": "31337",
        "kind": "payment",
        "reason": "reverted",
    }


def test_an_invocation_writes_one_line_for_each_set_of_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts added up, and of measurements every value: percentiles need them all."""
    metrics = EmfMetrics("ferryman-dev")
    for milliseconds in (5, 7.5):
        metrics.add(Metric.SETTLEMENT_TIME, milliseconds, chain_id=1)
        metrics.add(Metric.CONFIRM_LOOKS, chain_id=1)
    metrics.add(Metric.CONFIRM_LOOKS, chain_id=10)

    metrics.write()

    first, second = lines(capsys)
    assert (first["chain_id"], first["SettlementTime"], first["ConfirmLooks"]) == ("1", [5, 7.5], 2)
    assert (second["chain_id"], second["ConfirmLooks"]) == ("10", 1)


def test_more_values_than_a_line_may_hold_go_over_several(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch drops a metric with more than 100 values."""
    metrics = EmfMetrics("ferryman-dev")
    for value in range(2 * MOST_VALUES + 1):
        metrics.add(Metric.FAILURE, value, chain_id=1)
    metrics.add(Metric.REORGED, 3, chain_id=1)

    metrics.write()

    written = lines(capsys)
    assert [value for line in written[:2] for value in line["Failure"]] == list(range(2 * MOST_VALUES))
    assert written[2]["Failure"] == 2 * MOST_VALUES
    assert sum(line.get("Reorged", 0) for line in written) == 3
    for line in written:
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        assert all(metric["Name"] in line for metric in directive["Metrics"])


def test_what_is_written_is_not_written_again(capsys: pytest.CaptureFixture[str]) -> None:
    """The next invocation begins at nothing; a metric without dimensions has only the whole."""
    metrics = EmfMetrics("ferryman-dev")
    metrics.add(Metric.DEAD_LETTERS, 2)

    metrics.write()
    metrics.write()

    (line,) = lines(capsys)
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["deployment"]]
    assert line["DeadLetters"] == 2


@pytest.mark.parametrize("dimensions", [{}, {"chain_id": 1, "wallet": "0x"}], ids=["missing", "unknown"])
def test_dimensions_are_the_metrics_own(dimensions: dict[str, Any]) -> None:
    """With others it would be a different metric, which no alarm watches."""
    with pytest.raises(KeyError):
        EmfMetrics("ferryman-dev").add(Metric.REORGED, **dimensions)
