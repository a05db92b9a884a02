"""Functions with other settings for a while: as after a deploy, or an operator's change of a parameter."""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from local.deployment import rpc_urls_parameter
from tests.e2e.stack import Stack

_ALIAS = "live"
"""Which the API calls."""


@contextmanager
def endpoints_changed(stack: Stack, urls: Sequence[str], *steps: str) -> Iterator[None]:
    """Put the first chain's parameter anew, and have functions without an alias read it; then all back."""
    ssm, name = stack.aws("ssm"), rpc_urls_parameter(stack.description.chain_id)
    before = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]

    def store(value: str) -> None:
        ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    store(json.dumps(list(urls)))
    try:
        start_anew(stack, *steps)
        yield
    finally:
        store(before)
        start_anew(stack, *steps)


@contextmanager
def deployed_with(stack: Stack, step: str, changes: Mapping[str, str]) -> Iterator[None]:
    """Change variables of a function that an alias serves, as a deploy would, and change them back."""
    functions, name = stack.aws("lambda"), f"{stack.description.stack_name}-{step}"
    before = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    version = functions.get_alias(FunctionName=name, Name=_ALIAS)["FunctionVersion"]
    try:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": before | dict(changes)}
        )
        changed = functions.publish_version(FunctionName=name)["Version"]
        functions.update_alias(FunctionName=name, Name=_ALIAS, FunctionVersion=changed)
        yield
    finally:
        functions.update_alias(FunctionName=name, Name=_ALIAS, FunctionVersion=version)
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": before})


def start_anew(stack: Stack, *steps: str) -> None:
    """Have functions start with nothing that they have read: warm ones would go on with it for 15 minutes."""
    client = stack.aws("lambda")
    for step in steps:
        name = f"{stack.description.stack_name}-{step}"
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        marked = {**variables, "STARTED_ANEW": secrets.token_hex(4)}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": marked})
