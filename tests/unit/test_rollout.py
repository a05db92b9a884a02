"""Staged rollout: the APIs call an alias, which moves to published versions only, and back on an alarm."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.build import mark_release
from local.errors import LocalStackError
from tests.support.template import functions, resources, template
from tests.support.transformed import transformed

STAGED = [name for name, one in resources("AWS::Serverless::Function").items() if "AutoPublishAlias" in one]
REST = {
    name
    for name, one in resources("AWS::Serverless::Function").items()
    if any(event["Type"] == "Api" for event in one.get("Events", {}).values())
}


def of_type(found: dict[str, dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Give the properties of the resources of a type."""
    return {name: one["Properties"] for name, one in found.items() if one["Type"] == kind}


def versions(**changes: str) -> set[str]:
    """Give the names of all versions: one with another name is published anew."""
    return set(of_type(transformed(**changes), "AWS::Lambda::Version"))


def test_every_function_behind_an_api_is_staged() -> None:
    """What a caller waits for; what works off queues, streams and schedules is made for a failed run."""
    missing = (REST | {"SocketFunction", "AuthorizerFunction"}) - set(STAGED)

    assert not missing, "what ingest has: AutoPublishAlias, …AllProperties and `*staged`"


@pytest.mark.parametrize("step", ["confirm", "submit", "deadletter", "notify"])
def test_what_starts_itself_or_is_started_by_events_has_no_alias(step: str) -> None:
    """Its names, mappings and retry settings would have to name the alias too, or reach old code."""
    assert "AutoPublishAlias" not in functions()[step]


def test_the_apis_call_the_alias_and_nothing_else() -> None:
    """An integration or a permission of the bare function would pass the rollout by."""
    found = transformed()
    wired = json.dumps([found["Api"]["Properties"]["Body"], found["WebSocketIntegration"]["Properties"]])
    permissions = of_type(found, "AWS::Lambda::Permission").values()
    allowed = {
        one["FunctionName"]["Ref"] for one in permissions if "apigateway" in json.dumps(one["Principal"])
    }

    assert allowed == {f"{name}Aliaslive" for name in STAGED}
    for name in STAGED:
        assert f"{name}Aliaslive" in wired
        assert f"{name}.Arn" not in wired
        assert f'"{name}"' not in wired


@pytest.mark.parametrize("change", [{"layer": "2"}, {"release": "2"}], ids=["our code", "a release"])
def test_each_change_publishes_a_new_version_of_every_staged_function(change: dict[str, str]) -> None:
    """Our code is in a layer, and a parameter's value is in no property: neither publishes by itself."""
    before, after = versions(), versions(**change)

    assert len(before) == len(after) == len(STAGED)
    assert not before & after


def test_nothing_is_published_when_nothing_changed() -> None:
    """A rollout of the same code would only cost time."""
    assert versions() == versions()


def test_without_a_release_a_parameter_alone_publishes_nothing() -> None:
    """Why `make build` writes one; when SAM learns better, the tag may go."""
    assert versions(LogLevel="DEBUG") == versions()


def test_all_at_once_needs_no_codedeploy() -> None:
    """CloudFormation moves the alias; an account without CodeDeploy is enough."""
    assert not [one for one in transformed().values() if one["Type"].startswith("AWS::CodeDeploy")]


@pytest.mark.parametrize("rollout", ["Canary10Percent5Minutes", "Linear10PercentEvery1Minute"])
def test_a_staged_rollout_goes_back_on_either_alarm(rollout: str) -> None:
    """Each staged function has its deployment group, with the alarms and the way back."""
    found = transformed(Rollout=rollout)
    groups = of_type(found, "AWS::CodeDeploy::DeploymentGroup")

    assert groups.keys() == {f"{name}DeploymentGroup" for name in STAGED}
    for group in groups.values():
        assert group["DeploymentConfigName"] == {
            "Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": rollout}]
        }
        assert group["AlarmConfiguration"]["Alarms"] == [
            {"Name": {"Ref": "ApiServerErrorsAlarm"}},
            {"Name": {"Ref": "AcceptanceTimeAlarm"}},
        ]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    for name in STAGED:
        assert "CodeDeployLambdaAliasUpdate" in found[f"{name}Aliaslive"]["UpdatePolicy"]


def test_every_offered_rollout_is_one_that_sam_knows() -> None:
    """A name that CodeDeploy does not have would fail in the middle of a deployment."""
    for rollout in template()["Parameters"]["Rollout"]["AllowedValues"]:
        groups = of_type(transformed(Rollout=rollout), "AWS::CodeDeploy::DeploymentGroup").values()
        for group in groups:
            assert "Fn::Sub" in group["DeploymentConfigName"]


def test_a_release_is_written_once_and_over_the_last_one(tmp_path: Path) -> None:
    """In the tag of all functions, which is in the template once."""
    built = tmp_path / "template.yaml"
    built.write_text("Globals:\n  Function:\n    Tags:\n      release: unreleased\n    Timeout: 3\n")

    mark_release(built, "one")
    mark_release(built, "two")

    assert built.read_text() == "Globals:\n  Function:\n    Tags:\n      release: two\n    Timeout: 3\n"


def test_a_template_without_a_place_for_the_release_is_refused(tmp_path: Path) -> None:
    """Else nothing would be published, in silence."""
    built = tmp_path / "template.yaml"
    built.write_text("Globals: {}\n")

    with pytest.raises(LocalStackError, match="release"):
        mark_release(built, "one")
