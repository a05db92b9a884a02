"""Stored settings of chains in SSM parameters: against MiniStack, and against an SSM that refuses."""

import json
from typing import Any, Final

import pytest

from ferryman.adapters.ssm_settings import SsmSettings
from ferryman.domain.errors import ChainSettingsError, StoreUnavailableError
from local.ports import LOOPBACK, any_free_port
from tests.support.http_server import Answer, serving
from tests.support.ministack import client

NAME: Final = "/ferryman/chains/84532/settings"
AMZ_JSON: Final = {"Content-Type": "application/x-amz-json-1.1"}


def settings_at(url: str) -> SsmSettings:
    """Give our adapter."""
    return SsmSettings(lambda: client("ssm", url))


def put(url: str, value: str) -> int:
    """Store a value as the deployment document says, and give its version."""
    stored: Any = client("ssm", url).put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)
    return int(stored["Version"])


def test_the_version_that_is_named_is_read_whatever_is_newer(aws_url: str) -> None:
    """So a change is in use when it is deployed, and not when the next process starts."""
    old, new = put(aws_url, '{"window": 1}'), put(aws_url, '{"window": 2}')
    read = settings_at(aws_url)

    assert [read(f"{NAME}:{version}") for version in (old, new)] == ['{"window": 1}', '{"window": 2}']


@pytest.mark.parametrize("missing", ["/ferryman/chains/1/settings:1", f"{NAME}:999"])
def test_a_missing_parameter_or_version_is_named(aws_url: str, missing: str) -> None:
    """Nothing takes its place: what a chain's escrow is, nobody guesses."""
    put(aws_url, "{}")

    with pytest.raises(ChainSettingsError) as refused:
        settings_at(aws_url)(missing)

    assert str(refused.value) == f"parameter {missing} does not exist"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDeniedException", ChainSettingsError),
        ("ThrottlingException", StoreUnavailableError),
        ("InternalServerError", StoreUnavailableError),
    ],
)
def test_what_passes_is_told_from_what_has_to_be_mended(code: str, error: type[Exception]) -> None:
    """The log says what to do; Lambda starts the function again in either case."""
    answer = Answer(400, json.dumps({"__type": code}).encode(), AMZ_JSON)
    with serving(lambda _: answer) as store, pytest.raises(error, match=code):
        settings_at(store.url)(f"{NAME}:1")


def test_an_ssm_that_is_away_is_trouble_that_passes() -> None:
    """No connection at all."""
    with pytest.raises(StoreUnavailableError, match="SSM did not answer"):
        settings_at(f"http://{LOOPBACK}:{any_free_port()}")(f"{NAME}:1")


def test_a_parameter_is_read_once_in_a_process() -> None:
    """A version never changes; x402 is built of two steps' configurations."""
    answer = Answer(200, json.dumps({"Parameter": {"Value": "{}"}}).encode(), AMZ_JSON)
    with serving(lambda _: answer) as store:
        read = settings_at(store.url)

        assert [read(f"{NAME}:1"), read(f"{NAME}:1")] == ["{}", "{}"]
        assert len(store.bodies) == 1
