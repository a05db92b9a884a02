"""Configuration: one frozen model per step, read once from the environment.

A field `submit_queue_url` is the variable SUBMIT_QUEUE_URL; one that is missing or wrong stops the
function at its start, with the name of the variable.
"""

import os
import re
from collections.abc import Mapping
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Json, NonNegativeInt, StringConstraints

from ferryman.domain.chain import ChainSettings
from ferryman.domain.stored_settings import ReadParameter, with_stored_settings
from ferryman.domain.units import ChainId, Milliseconds, Seconds
from ferryman.intents.x402.catalogue import Catalogue

_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}")
Name = Annotated[str, StringConstraints(min_length=1)]
ParameterPath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_.-]+)+$")]


def _one_of_each(chains: tuple[ChainSettings, ...]) -> tuple[ChainSettings, ...]:
    if not chains or len({chain.chain_id for chain in chains}) != len(chains):
        msg = "must hold at least one chain, and each once"
        raise ValueError(msg)
    return chains


Chains = Annotated[Json[tuple[ChainSettings, ...]], AfterValidator(_one_of_each)]


def _key_ids(text: str) -> str:
    if not all(text.split(",")):
        msg = "must be key ids with commas between them"
        raise ValueError(msg)
    return text


def _origins(text: str) -> str:
    if not all(_ORIGIN.fullmatch(one) for one in text.split(",")) and text:
        msg = "must be origins with commas between them: scheme and host, without a path"
        raise ValueError(msg)
    return text


class StepConfig(BaseModel):
    """What every step reads."""

    # A wrong value is not repeated: it may be a secret in the wrong place.
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    deployment: Name
    """The stack's name: the first dimension of every metric."""
    retention_days: NonNegativeInt = 0
    """Days after its end that a transaction is archived and left to expire; 0: never."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the step's variables.

        Raises:
            pydantic.ValidationError: some are missing or wrong; it names them.

        """
        names = cls.model_fields
        return cls.model_validate(
            {name: environment[name.upper()] for name in names if name.upper() in environment}
        )


class ChainsConfig(StepConfig):
    """Steps that know the chains."""

    chains: Chains
    chain_settings_path: ParameterPath
    """What the names of the parameters begin with that hold settings of chains."""

    @classmethod
    def read_with(cls, parameter: ReadParameter, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the step's variables, and what is stored apart of its chains' settings.

        Args:
            parameter: gives what is stored.
            environment: the variables.

        Raises:
            pydantic.ValidationError: some are missing or wrong; it names them.
            ChainSettingsError: what is stored is missing or wrong; it names the parameter.
            StoreUnavailableError: it cannot be read now.

        """
        return cls.read(with_stored_settings(environment, parameter))

    def by_id(self) -> dict[ChainId, ChainSettings]:
        """Give the chains by their ids."""
        return {chain.chain_id: chain for chain in self.chains}


class EndpointsConfig(ChainsConfig):
    """Steps that talk to the chains."""

    rpc_urls_path: ParameterPath
    """What the names of the parameters with RPC addresses begin with."""

    def rpc_urls_parameter(self, chain_id: ChainId) -> str:
        """Name the parameter that holds a chain's RPC addresses."""
        return f"{self.rpc_urls_path}/{chain_id}/rpc-urls"


class IngestConfig(EndpointsConfig):
    """The environment of ingest."""

    transactions_table: Name
    events_table: Name
    accounts_table: Name
    cursors_table: Name
    submit_queue_url: Name
    express_queue_url: Name
    confirm_function: Name


class X402Config(IngestConfig):
    """The environment of x402."""

    wallets_table: Name
    settle_patience_ms: Annotated[Milliseconds, Field(gt=0, le=28_000)] = Milliseconds(20_000)
    """How long `/settle` waits for the confirmation: below the 29 s of API Gateway."""
    discovery_resources: Catalogue = ()
    """What `/discovery/resources` lists."""
    faucet: bool = False
    """Whether `/faucet/usdc` gives what the chains' settings say; only ever on test chains."""


class WatchConfig(EndpointsConfig):
    """The environment of watch."""

    accounts_table: Name
    cursors_table: Name
    watch_function: Name
    """Its own name: a run starts the next."""


class SubmitConfig(EndpointsConfig):
    """The environment of submit."""

    transactions_table: Name
    events_table: Name
    accounts_table: Name
    cursors_table: Name
    confirm_function: Name
    dead_letter_queue_url: Name
    wallets_table: Name
    wallet_key_ids: Annotated[Name, AfterValidator(_key_ids)]
    """Ids or ARNs of the wallets' KMS keys, with commas between them."""
    treasury_key_id: str = ""
    """ARN of the KMS key that tops wallets up; empty: none does."""


class ConfirmConfig(IngestConfig):
    """The environment of confirm."""

    wallets_table: Name


class DeadletterConfig(StepConfig):
    """The environment of deadletter."""

    transactions_table: Name
    events_table: Name
    accounts_table: Name


class NotifyConfig(StepConfig):
    """The environment of notify."""

    connections_table: Name
    webhooks_table: Name
    delivery_queue_url: Name
    cursors_table: Name
    websocket_endpoint: Name
    """API Gateway's management endpoint of the WebSocket API."""


class HealthConfig(EndpointsConfig):
    """The environment of health."""

    transactions_table: Name
    events_table: Name
    wallets_table: Name
    accounts_table: Name
    connections_table: Name
    cursors_table: Name
    queues: Json[dict[str, Name]]
    """Name -> URL of each queue that work passes through."""
    empty_queues: Json[dict[str, Name]]
    """Name -> URL of each queue that should be empty."""
    wallet_key_ids: Annotated[Name, AfterValidator(_key_ids)]
    """Ids or ARNs of the wallets' KMS keys, with commas between them."""


class QueryConfig(ChainsConfig):
    """The environment of query."""

    transactions_table: Name
    events_table: Name
    wallets_table: Name
    cursors_table: Name
    websocket_url: Name
    """Where clients connect."""


class SocketConfig(ChainsConfig):
    """The environment of socket."""

    transactions_table: Name
    events_table: Name
    wallets_table: Name
    cursors_table: Name

    connections_table: Name
    websocket_endpoint: Name


class AuthorizerConfig(StepConfig):
    """The environment of authorizer."""

    access_table: Name
    signed_in_usage_key: Name
    """The API Gateway key that counts the calls of everybody who signed in."""


class DeadLetterQueue(BaseModel):
    """A dead-letter queue, and where its messages can go back to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Name
    target: Name | None = None
    """URL of the queue that gave the messages up; None: nothing takes them back."""


class AdminConfig(IngestConfig):
    """The environment of admin."""

    wallets_table: Name
    access_table: Name
    dead_letter_queues: Json[dict[Name, DeadLetterQueue]]
    """JSON object: the step whose messages they are, and its queue."""


class WebhooksConfig(StepConfig):
    """The environment of webhooks."""

    webhooks_table: Name
    delivery_queue_url: Name
    webhook_key_id: Name
    """Id or ARN of the KMS key that encrypts the secrets."""
    any_webhook_target: bool = False
    """Also http, private addresses and any port: the local stack's receivers are on loopback."""


class DeliverConfig(WebhooksConfig):
    """The environment of deliver."""

    delivery_dead_letter_queue_url: Name


class RetainConfig(ChainsConfig):
    """The environment of retain."""

    transactions_table: Name
    events_table: Name
    cursors_table: Name
    archive_bucket: Name


class SigninConfig(ChainsConfig):
    """The environment of signin."""

    access_table: Name
    session_seconds: Annotated[Seconds, Field(ge=60, le=86_400)]
    """How long a token is good for."""
    sign_in_origins: Annotated[str, AfterValidator(_origins)]
    """Origins that may ask for sign-ins, with commas; empty is the API's own."""
    api_domain: Name
    """What follows the id of an API in its own address."""

    def origins(self, api_id: str) -> tuple[str, ...]:
        """Give the origins that may ask; `api_id` is of the API that was called, as API Gateway tells it."""
        own = f"https://{api_id}.{self.api_domain}"
        return tuple(self.sign_in_origins.split(",")) if self.sign_in_origins else (own,)
