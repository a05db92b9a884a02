"""Alarms and dashboard: each names a metric that is emitted, and has its page in the runbook."""

import json
import re
from typing import Any, Final

import pytest

from ferryman.adapters.metrics import NAMESPACE
from ferryman.domain.metrics import Metric
from tests.support.template import ROOT, functions, resources, template

ALARMS: Final = resources("AWS::CloudWatch::Alarm")
OURS: Final = {metric.metric_name: metric for metric in Metric}
AWS: Final = {
    "AWS/SQS": ({"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"}, ["QueueName"]),
    "AWS/Lambda": ({"Errors", "Throttles", "Duration"}, ["FunctionName"]),
    "AWS/ApiGateway": ({"5XXError", "4XXError", "Latency"}, ["ApiName", "Stage"]),
}
"""Metrics that AWS documents, with the dimensions it gives them."""


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    """Give an alarm's dimensions by name."""
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_a_metric_that_is_emitted_under_its_dimensions(name: str) -> None:
    """Under any other name or dimension it would never go off."""
    alarm = ALARMS[name]

    if alarm["Namespace"] == NAMESPACE:
        assert alarm["MetricName"] in OURS
        assert dimensions(alarm) == {"deployment": {"Ref": "AWS::StackName"}}
    else:
        names, dimension_names = AWS[alarm["Namespace"]]
        assert alarm["MetricName"] in names
        assert list(dimensions(alarm)) == dimension_names


@pytest.mark.parametrize("name", [name for name, alarm in ALARMS.items() if "AWS/" in alarm["Namespace"]])
def test_an_alarm_on_aws_own_metrics_names_something_that_is_deployed(name: str) -> None:
    """A queue's or a function's own name."""
    for value in dimensions(ALARMS[name]).values():
        target = value.get("Ref") or value["Fn::GetAtt"].split(".")[0]
        assert target in template()["Resources"] or target in {"AWS::StackName", "StageName"}


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_has_its_section_in_the_runbook(name: str) -> None:
    """What it means, what to look at, what to do, and how it was tried."""
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", runbook, re.DOTALL | re.MULTILINE)

    assert section, f"no section for {name}"
    for part in ("**Means**", "**Look**", "**Do**", "**Tried**"):
        assert part in section[1], (name, part)


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_the_topic_when_it_comes_and_when_it_goes(name: str) -> None:
    """An alarm without an action is a number nobody reads."""
    assert ALARMS[name]["AlarmActions"] == ALARMS[name]["OKActions"] == [{"Ref": "AlarmTopic"}]


def test_silence_is_an_alarm_of_those_that_beat() -> None:
    """Of the others, no data means that nothing happened."""
    breaching = {name for name, alarm in ALARMS.items() if alarm["TreatMissingData"] == "breaching"}

    assert breaching == {"ConfirmMissingAlarm", "WatchLagAlarm"}


def test_the_queues_alarms_cover_every_queue() -> None:
    """Age where work waits, any message where it should not."""
    watched = {
        value["Fn::GetAtt"].split(".")[0]
        for alarm in ALARMS.values()
        if alarm["Namespace"] == "AWS/SQS"
        for value in dimensions(alarm).values()
    }

    # Deliveries wait for a day by design: their dead letters are watched.
    assert watched == set(resources("AWS::SQS::Queue")) - {"DeliveryQueue"}


def test_the_dashboard_shows_metrics_that_are_emitted() -> None:
    """Every line of it, under the dimensions that are there."""
    (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
    widgets = json.loads(dashboard["DashboardBody"]["Fn::Sub"])["widgets"]

    assert widgets
    for namespace, name, dimension, *_ in [line for one in widgets for line in one["properties"]["metrics"]]:
        if namespace == NAMESPACE:
            assert name in OURS
            assert dimension == "deployment"
        else:
            assert name in AWS[namespace][0]
            assert [dimension] == AWS[namespace][1]


@pytest.mark.parametrize("metric", Metric, ids=lambda metric: metric.name)
def test_every_metric_is_emitted_by_some_code(metric: Metric) -> None:
    """One that nothing adds to would be a lie in the list."""
    folders = (ROOT / "layers" / "ferryman" / "ferryman", ROOT / "functions")
    sources = [path for folder in folders for path in folder.rglob("*.py") if path.name != "metrics.py"]

    assert any(re.search(rf"Metric\.{metric.name}\b", path.read_text(encoding="utf-8")) for path in sources)


def test_functions_know_the_deployment_that_their_metrics_are_of() -> None:
    """The same name as in the alarms' dimensions."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]

    assert shared["DEPLOYMENT"] == {"Ref": "AWS::StackName"}
    assert functions()
