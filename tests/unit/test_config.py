"""Configuration: read once, complete, or the function does not start."""

import json
import traceback

import pytest
from pydantic import ValidationError

from ferryman.config import (
    AuthorizerConfig,
    ConfirmConfig,
    DeadletterConfig,
    DeliverConfig,
    HealthConfig,
    IngestConfig,
    NotifyConfig,
    QueryConfig,
    SigninConfig,
    SocketConfig,
    StepConfig,
    SubmitConfig,
    WatchConfig,
    WebhooksConfig,
    X402Config,
)
from ferryman.domain.errors import ChainSettingsError
from ferryman.domain.units import ChainId
from tests.support.payments import ESCROW, TOKEN
from tests.support.template import environment, functions

STEPS: dict[str, type[StepConfig]] = {
    "ingest": IngestConfig,
    "x402": X402Config,
    "submit": SubmitConfig,
    "confirm": ConfirmConfig,
    "watch": WatchConfig,
    "deadletter": DeadletterConfig,
    "notify": NotifyConfig,
    "deliver": DeliverConfig,
    "webhooks": WebhooksConfig,
    "socket": SocketConfig,
    "query": QueryConfig,
    "signin": SigninConfig,
    "health": HealthConfig,
    "authorizer": AuthorizerConfig,
}
CHAIN = {
    "chain_id": 31337,
    "block_time_ms": 1000,
    "required_confirmations": 1,
    "escrow": ESCROW,
    "tokens": [TOKEN],
    "grace_seconds": 86_400,
}
VARIABLES = {
    "DEPLOYMENT": "ferryman",
    "CHAINS": json.dumps([CHAIN]),
    "CHAIN_SETTINGS_PATH": "/ferryman/chains",
    "RPC_URLS_PATH": "/ferryman/chains",
    "TRANSACTIONS_TABLE": "t",
    "EVENTS_TABLE": "e",
    "WALLETS_TABLE": "w",
    "ACCOUNTS_TABLE": "a",
    "CONNECTIONS_TABLE": "c",
    "WEBHOOKS_TABLE": "h",
    "DELIVERY_QUEUE_URL": "http://127.0.0.1/deliveries",
    "DELIVERY_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/dead",
    "WEBHOOK_KEY_ID": "three",
    "ANY_WEBHOOK_TARGET": "false",
    "CURSORS_TABLE": "u",
    "ACCESS_TABLE": "x",
    "SIGNED_IN_USAGE_KEY": "signed-in",
    "SUBMIT_QUEUE_URL": "http://127.0.0.1/queue",
    "EXPRESS_QUEUE_URL": "http://127.0.0.1/express",
    "CONFIRM_FUNCTION": "confirm",
    "DEAD_LETTER_QUEUE_URL": "dead",
    "WATCH_FUNCTION": "watch",
    "WALLET_KEY_IDS": "one,two",
    "TREASURY_KEY_ID": "three",
    "QUEUES": '{"submit": "http://127.0.0.1/queue"}',
    "EMPTY_QUEUES": "{}",
    "WEBSOCKET_ENDPOINT": "http://127.0.0.1/socket",
    "WEBSOCKET_URL": "ws://127.0.0.1/socket",
    "SESSION_SECONDS": "3600",
    "SIGN_IN_ORIGINS": "https://app.example.com",
    "API_DOMAIN": "execute-api.us-east-1.amazonaws.com",
}


def with_chain(**changes: object) -> dict[str, str]:
    """Give an environment whose chain is changed."""
    return VARIABLES | {"CHAINS": json.dumps([CHAIN | changes])}


def wrong(model: type[StepConfig], variables: dict[str, str]) -> str:
    """Read an environment that must be refused, and give the words."""
    with pytest.raises(ValidationError) as refused:
        model.read(variables)
    return str(refused.value)


@pytest.mark.parametrize("step", STEPS)
def test_a_step_reads_its_environment(step: str) -> None:
    """All of it: a field for each variable, by its name."""
    config = STEPS[step].read(VARIABLES)

    parsed = {"chains", "retention_days", "session_seconds", "any_webhook_target", "queues", "empty_queues"}
    parsed |= {"settle_patience_ms", "discovery_resources", "faucet"}
    read = config.model_dump(exclude=parsed)
    assert read == {name: VARIABLES[name.upper()] for name in read}


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (step, name)
        for step, model in STEPS.items()
        for name, field in model.model_fields.items()
        if field.is_required()
    ],
)
def test_a_missing_variable_is_named(step: str, name: str) -> None:
    """The function stops at its start, and its log says why."""
    variables = {variable: value for variable, value in VARIABLES.items() if variable != name.upper()}

    assert name in wrong(STEPS[step], variables)


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (step, name)
        for step, model in STEPS.items()
        for name in model.model_fields
        if name not in {"sign_in_origins", "treasury_key_id"}
    ],
)
def test_an_empty_variable_is_named(step: str, name: str) -> None:
    """An empty name reaches nothing."""
    assert name in wrong(STEPS[step], VARIABLES | {name.upper(): ""})


@pytest.mark.parametrize("step", STEPS)
def test_the_template_sets_what_the_step_reads(step: str) -> None:
    """Neither a variable too few, nor one that nobody reads."""
    set_there = environment(step) - {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME"}
    read_here = {name.upper() for name in STEPS[step].model_fields}

    # What tells of chains is set for all; confirm is its own function, and still reads the name.
    of_chains = {"CHAINS", "CHAIN_SETTINGS_PATH"}
    assert set_there - of_chains == read_here - of_chains


@pytest.mark.parametrize("step", functions())
def test_every_variable_is_written_as_text(step: str) -> None:
    """AWS takes a number for its text; the emulator hands it on, and the function does not start."""
    variables = functions()[step].get("Environment", {}).get("Variables", {})

    assert [name for name, value in variables.items() if not isinstance(value, str | dict)] == []


def test_chains_are_found_by_id() -> None:
    """The defaults of what an operator need not say are the design's."""
    chain = IngestConfig.read(VARIABLES).by_id()[ChainId(31337)]

    assert (chain.escrow, chain.tokens) == (ESCROW, (TOKEN,))
    assert (chain.window, chain.grace_seconds, chain.required_confirmations) == (16, 86_400, 1)


@pytest.mark.parametrize(
    "chains",
    ["", "not json", "{}", "[]", json.dumps([CHAIN, CHAIN]), json.dumps([{"chain_id": 1}])],
    ids=["empty", "no json", "no list", "none", "twice", "half"],
)
def test_chains_that_cannot_be_meant_stop_the_function(chains: str) -> None:
    """No chain, the same chain twice, or half of one."""
    assert "chains" in wrong(IngestConfig, VARIABLES | {"CHAINS": chains})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("escrow", ESCROW[:-1]),
        ("escrow", ESCROW.swapcase()),
        ("tokens", []),
        ("tokens", ["0x"]),
        ("rpc_urls", ["https://one.example"]),
        ("block_time_ms", 0),
        ("required_confirmations", 0),
        ("window", 0),
        ("window", 257),
        ("graze_seconds", 1),
    ],
)
def test_a_wrong_setting_of_a_chain_is_named(field: str, value: object) -> None:
    """Also a misspelt one: its default would be used in silence."""
    assert field in wrong(IngestConfig, with_chain(**{field: value}))


@pytest.mark.parametrize("step", ["ingest", "socket"])
def test_rpc_addresses_among_the_settings_stop_the_function_and_are_not_repeated(step: str) -> None:
    """They are secrets in the wrong place, and a log would be a worse one."""
    with pytest.raises(ValidationError) as refused:
        STEPS[step].read(with_chain(rpc_urls=["https://one.example/s3cr3t"]))

    assert "rpc_urls is no setting" in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


def test_each_chain_has_a_parameter_of_its_own() -> None:
    """Under the path that the template gives."""
    config = IngestConfig.read(VARIABLES)

    assert config.rpc_urls_parameter(ChainId(31337)) == "/ferryman/chains/31337/rpc-urls"


@pytest.mark.parametrize("path", ["ferryman", "/", "/ferryman/", "/a//b", "/a b", "/a*"])
def test_a_path_that_no_parameter_can_have_stops_the_function(path: str) -> None:
    """SSM would say the same, later and in other words."""
    assert "rpc_urls_path" in wrong(IngestConfig, VARIABLES | {"RPC_URLS_PATH": path})


# -- settings that are stored apart -------------------------------------------------------------

STORED = {name: value for name, value in CHAIN.items() if name != "chain_id"}
PARAMETER = "/ferryman/chains/10/settings:3"


def with_stored(parameters: dict[str, str], **changes: object) -> IngestConfig:
    """Read the environment of a deployment with a second chain, whose settings are stored."""
    listed = [CHAIN, {"chain_id": 10, "settings": 3, **changes}]
    return IngestConfig.read_with(parameters.__getitem__, VARIABLES | {"CHAINS": json.dumps(listed)})


def test_a_chain_whose_settings_are_stored_is_as_one_that_is_written_out() -> None:
    """The variable says which chain and which version, and the order of the list is the order of both."""
    config = with_stored({PARAMETER: json.dumps(STORED)})

    written = IngestConfig.read(VARIABLES | {"CHAINS": json.dumps([CHAIN, CHAIN | {"chain_id": 10}])})
    assert config.chains == written.chains


def test_ten_chains_with_all_there_is_fit_into_a_variable() -> None:
    """CloudFormation takes 4,096 characters: stored settings take thirty of them a chain."""
    listed = json.dumps([{"chain_id": 84532 + place, "settings": 100} for place in range(10)])

    config = IngestConfig.read_with(lambda _: json.dumps(STORED), VARIABLES | {"CHAINS": listed})

    assert len(config.chains) == 10
    assert len(listed) < 500


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        ("not json", "is not a JSON object"),
        ("[]", "is not a JSON object"),
        (json.dumps(CHAIN), "is of another chain"),
        (json.dumps(STORED | {"escrow": ESCROW[:-1]}), "is wrong: escrow"),
        (json.dumps(STORED | {"graze_seconds": 1}), "is wrong: graze_seconds"),
        (json.dumps({"tokens": [TOKEN]}), "is wrong: block_time_ms"),
        (json.dumps(STORED | {"rpc_urls": ["https://one.example/s3cr3t"]}), "rpc_urls is no setting"),
    ],
)
def test_stored_settings_that_are_wrong_stop_the_function_and_name_the_parameter(
    stored: str, problem: str
) -> None:
    """With the field, and without any value."""
    with pytest.raises(ChainSettingsError) as refused:
        with_stored({PARAMETER: stored})

    assert str(refused.value).startswith(f"parameter {PARAMETER} ")
    assert problem in str(refused.value)
    assert "s3cr3t" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "changes", [{"window": 3}, {"settings": 0}, {"settings": "latest"}, {"chain_id": 31337}]
)
def test_a_chain_is_either_written_out_or_stored_in_one_version(changes: dict[str, object]) -> None:
    """What stands in both could differ, and the newest would be another one in each process."""
    with pytest.raises(ValidationError):
        with_stored(
            {PARAMETER: json.dumps(STORED), "/ferryman/chains/31337/settings:3": json.dumps(STORED)},
            **changes,
        )


def test_nothing_is_read_where_all_settings_are_written_out() -> None:
    """A function starts without asking anybody."""

    def nobody(parameter: str) -> str:
        raise AssertionError(parameter)

    assert IngestConfig.read_with(nobody, VARIABLES).chains == IngestConfig.read(VARIABLES).chains
    with pytest.raises(ValidationError, match="chains"):
        IngestConfig.read_with(nobody, VARIABLES | {"CHAINS": "x"})


@pytest.mark.parametrize("keys", [",", "a,", ",a", "a,,b"])
def test_a_hole_in_the_list_of_keys_stops_submit(keys: str) -> None:
    """An empty key id would be asked of KMS at the first payment."""
    assert "wallet_key_ids" in wrong(SubmitConfig, VARIABLES | {"WALLET_KEY_IDS": keys})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("https://api1.execute-api.us-east-1.amazonaws.com",)),
        ("https://app.example.com", ("https://app.example.com",)),
        ("https://a.example,http://127.0.0.1:3000", ("https://a.example", "http://127.0.0.1:3000")),
    ],
)
def test_sign_ins_are_for_the_configured_origins_or_else_for_the_api_itself(
    text: str, expected: tuple[str, ...]
) -> None:
    """Whose id API Gateway tells with each request."""
    config = SigninConfig.read(VARIABLES | {"SIGN_IN_ORIGINS": text})

    assert config.origins("api1") == expected


@pytest.mark.parametrize(
    "text", ["app.example.com", "https://app.example.com/", "https://a,", ",", "ftp://a", "https://a b", "*"]
)
def test_an_origin_that_no_page_can_have_stops_signin(text: str) -> None:
    """It would refuse every sign-in."""
    assert "sign_in_origins" in wrong(SigninConfig, VARIABLES | {"SIGN_IN_ORIGINS": text})


@pytest.mark.parametrize("seconds", ["59", "86401", "soon"])
def test_a_session_lasts_a_minute_to_a_day(seconds: str) -> None:
    """A token is worth the account's lists to whoever finds it."""
    assert "session_seconds" in wrong(SigninConfig, VARIABLES | {"SESSION_SECONDS": seconds})
