"""Metrics on standard output, as CloudWatch reads them."""

import json

import pytest

from ferryman.adapters.metrics import EmfMetrics
from ferryman.domain.metrics import Metric


def test_a_line_declares_its_metric_unit_and_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch takes a metric from a line only if `_aws` names it and its dimensions are members."""
    EmfMetrics("ferryman-dev").add(Metric.FAILED, chain_id=31337, kind="payment", reason="reverted")

    line = json.loads(capsys.readouterr().out)
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


def test_a_missing_dimension_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A metric without its dimension would be a different metric."""
    with pytest.raises(KeyError):
        EmfMetrics("ferryman-dev").add(Metric.FAILED, chain_id=31337)

    assert not capsys.readouterr().out
