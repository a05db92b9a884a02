"""Functions that read a chain's endpoints anew, as after an operator has changed its parameter."""

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from local.deployment import rpc_urls_parameter
from tests.e2e.stack import Stack


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


def start_anew(stack: Stack, *steps: str) -> None:
    """Have functions start with nothing that they have read: warm ones would go on with it for 15 minutes."""
    client = stack.aws("lambda")
    for step in steps:
        name = f"{stack.description.stack_name}-{step}"
        variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        marked = {**variables, "STARTED_ANEW": secrets.token_hex(4)}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": marked})
