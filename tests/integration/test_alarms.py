"""The template's alarms on MiniStack's CloudWatch: our own metric lines, forwarded as CloudWatch takes them.

The emulator ignores dimensions and missing data, so what this shows is that each alarm's metric, statistic,
comparison and threshold go off on what we write. `tests/unit/test_alarms.py` compares the dimensions.
"""

import json
from typing import Any, Final

import pytest

from ferryman.adapters.metrics import NAMESPACE, EmfMetrics
from ferryman.domain.metrics import Metric
from tests.support.ministack import client
from tests.support.template import resources, template

ALARMS: Final = {
    name: alarm
    for name, alarm in resources("AWS::CloudWatch::Alarm").items()
    if alarm["Namespace"] == NAMESPACE
}
DEPLOYMENT: Final = "ferryman-tried"
CASES: Final[dict[str, tuple[Metric, dict[str, str | int], float, float]]] = {
    "ConfirmMissingAlarm": (Metric.CONFIRM_LOOKS, {"chain_id": 1}, 5, 0),
    "WatchLagAlarm": (Metric.WATCH_LAG_SECONDS, {"chain_id": 1}, 2, 400),
    "HeadAgeAlarm": (Metric.HEAD_AGE, {"chain_id": 1}, 12, 400),
    "ReorgOfConfirmedAlarm": (Metric.REOPENED, {"chain_id": 1}, 0, 1),
    "OverFundsAlarm": (Metric.OVER_FUNDS, {"chain_id": 1}, 0, 1),
    "OutboxAgeAlarm": (Metric.OUTBOX_AGE, {"chain_id": 1}, 3, 700),
    "FailureRateAlarm": (Metric.FAILURE, {"chain_id": 1}, 0, 1),
    "AcceptanceTimeAlarm": (Metric.ACCEPTANCE_TIME, {"kind": "payment"}, 40, 4_000),
    "LowBalanceAlarm": (Metric.WALLET_BALANCE, {"chain_id": 1, "wallet": "0x"}, 2, 0.01),
    "UnpayableAlarm": (Metric.UNPAYABLE, {"chain_id": 1}, 0, 3),
    "BudgetUsedAlarm": (Metric.BUDGET_USED, {"chain_id": 1, "wallet": "0x"}, 20, 85),
    "StrangerAlarm": (Metric.STRANGERS, {"chain_id": 1, "wallet": "0x"}, 0, 1),
    "GasBudgetAlarm": (Metric.GAS_COST, {"chain_id": 1}, 0.001, 1.5),
    "RpcErrorsAlarm": (Metric.RPC_ERRORS, {"chain_id": 1, "endpoint": 1}, 1, 50),
    "RpcParameterAlarm": (Metric.RPC_PARAMETER_ERRORS, {"chain_id": 1}, 0, 1),
    "UnwitnessedAlarm": (Metric.UNWITNESSED, {"chain_id": 1}, 1, 50),
}
"""Alarm -> what it watches, a value that is well, and one that is not."""


def forward(cloudwatch: Any, lines: str) -> None:  # noqa: ANN401 (boto3 types clients by literals)
    """Do what CloudWatch Logs does with embedded metric lines, which the emulator does not."""
    for line in map(json.loads, lines.splitlines()):
        (directive,) = line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]:
            values = line[metric["Name"]]
            data = [
                {
                    "MetricName": metric["Name"],
                    "Unit": metric["Unit"],
                    "Dimensions": [{"Name": name, "Value": line[name]} for name in names],
                    "Values": values if isinstance(values, list) else [values],
                }
                for names in directive["Dimensions"]
            ]
            cloudwatch.put_metric_data(Namespace=directive["Namespace"], MetricData=data)


def plain(value: Any) -> Any:  # noqa: ANN401 (a value of the template)
    """Resolve what a template's value refers to."""
    if not isinstance(value, dict):
        return value
    parameters = template()["Parameters"]
    return DEPLOYMENT if value["Ref"] == "AWS::StackName" else parameters[value["Ref"]]["Default"]


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_goes_off_on_our_own_lines_and_comes_back(
    name: str, aws_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """First well, then not: OK, then ALARM."""
    cloudwatch: Any = client("cloudwatch", aws_url)
    metric, dimensions, well, ill = CASES[name]
    alarm = {key: plain(value) for key, value in ALARMS[name].items() if not key.endswith("Actions")}
    alarm["Dimensions"] = [{"Name": one["Name"], "Value": plain(one["Value"])} for one in alarm["Dimensions"]]
    alarm["Threshold"] = float(alarm["Threshold"])
    cloudwatch.put_metric_alarm(AlarmName=name, **alarm)
    states = []

    for value in (well, ill) if name != "ConfirmMissingAlarm" else (ill, well):
        metrics = EmfMetrics(DEPLOYMENT)
        metrics.add(metric, value, **dimensions)
        metrics.write()
        forward(cloudwatch, capsys.readouterr().out)
        (told,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        states.append(told["StateValue"])

    expected = ["OK", "ALARM"] if name != "ConfirmMissingAlarm" else ["ALARM", "OK"]
    assert states == expected
