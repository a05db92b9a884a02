"""template.yaml, read: what is deployed, for tests that must not repeat it."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]  # its stubs are no dependency of ours

ROOT: Final = Path(__file__).resolve().parents[2]
_REST: Final = "Api"


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # untyped
    """Reads CloudFormation's short tags (`!Ref x`) as their long forms."""


def _tagged(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    match node:
        case yaml.ScalarNode():
            return {name: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {name: loader.construct_sequence(node, deep=True)}
        case _:
            raise TypeError(node)


_Loader.add_multi_constructor("!", _tagged)


@cache
def template() -> dict[str, Any]:
    """Read the template."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with tags)
    return loaded


def resources(of_type: str) -> dict[str, dict[str, Any]]:
    """Give the properties of each resource of a type, in the template's order."""
    found = template()["Resources"].items()
    return {name: one["Properties"] for name, one in found if one["Type"] == of_type}


def functions() -> dict[str, dict[str, Any]]:
    """Give each step's function by the name of its folder, in the template's order."""
    found = resources("AWS::Serverless::Function").values()
    return {one["CodeUri"].removeprefix("functions/"): one for one in found}


def environment(step: str) -> set[str]:
    """Give the variables that a step gets, its own and those of all."""
    shared = template()["Globals"]["Function"]["Environment"]["Variables"]
    return {*shared, *functions()[step]["Environment"]["Variables"]}


def rest_routes() -> set[tuple[str, str, str]]:
    """Give method, path and step of each REST route."""
    return {
        (event["Properties"]["Method"].lower(), event["Properties"]["Path"], step)
        for step, function in functions().items()
        for event in function.get("Events", {}).values()
        if event["Type"] == _REST
    }


def table_requests() -> dict[str, dict[str, Any]]:
    """Give, by logical name (`transactions`), what CreateTable takes of each table's definition."""
    taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
    return {
        name.removesuffix("Table").lower(): {key: one[key] for key in taken if key in one}
        for name, one in resources("AWS::DynamoDB::Table").items()
    }
