"""template.yaml as CloudFormation gets it: after SAM's own transform, as AWS runs it."""

import logging
from copy import deepcopy
from functools import cache
from typing import Any, Final

import pytest
from samtranslator.translator.transform import transform

from tests.support.template import template

_PARAMETERS: Final = {"Chains": "[{}]"}


class _NoPolicies:
    """Managed policies by name, of which we use none."""

    def load(self) -> dict[str, str]:
        """Give them."""
        return {}


def transformed(*, layer: str = "1", release: str = "1", **parameters: str) -> dict[str, dict[str, Any]]:
    """Transform the template, packaged with code and a layer at addresses of their own.

    Args:
        layer: which content our layer has.
        release: what `make build` writes in.
        parameters: of the template.

    Returns:
        The resources by their logical names.

    """
    source = deepcopy(template())
    source["Globals"]["Function"]["Tags"]["release"] = release
    for one in source["Resources"].values():
        if one["Type"] == "AWS::Serverless::Function":
            one["Properties"]["CodeUri"] = f"s3://artifacts/{one['Properties']['CodeUri']}"
        elif one["Type"] == "AWS::Serverless::LayerVersion":
            one["Properties"]["ContentUri"] = f"s3://artifacts/{one['Properties']['ContentUri']}/{layer}"
    logging.getLogger("samtranslator").setLevel(logging.CRITICAL)
    resources: dict[str, dict[str, Any]] = transform(source, _PARAMETERS | parameters, _NoPolicies())[
        "Resources"
    ]
    return resources


@cache
def api_body() -> dict[str, Any]:
    """Give the REST API's definition."""
    # SAM asks boto3 for the region's name, which the definition does not depend on.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        body: dict[str, Any] = transformed()["Api"]["Properties"]["Body"]
    return body
