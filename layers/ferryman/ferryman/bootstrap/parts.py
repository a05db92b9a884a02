"""Parts that several steps are built of."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.denials import tell_denials
from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.adapters.dynamodb.journalled import JournalledTables
from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.sqs import SqsQueue
from ferryman.adapters.ssm import SsmEndpoints
from ferryman.adapters.ssm_settings import SsmSettings
from ferryman.adapters.tracing import trace_client, tracing_of
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import ChainsConfig, EndpointsConfig, IngestConfig
from ferryman.domain.chain import ChainSettings
from ferryman.domain.lanes import Lane
from ferryman.domain.units import ChainId
from ferryman.services.chains import ChainAccess
from ferryman.version import VERSION

ConfigT = TypeVar("ConfigT", bound=ChainsConfig)
TRACING: Final = tracing_of()
AWS_CONNECTIONS: Final = 10
"""What a client of boto3 keeps open, and so how many threads may use one without waiting for each other."""
# boto3 waits 60 s by default: longer than a function lives. And it checks the form of each request, which
# takes as long as making it: 1 ms for an acceptance, 7 ms for a full batch, on a whole core. A few functions
# make our requests; the conformance tests of those have it check, and AWS does anyway. What boto3 tells of
# itself and of its machine it would put together anew, twice for each request.
AWS: Final = Config(
    parameter_validation=False,
    user_agent=f"ferryman/{VERSION}",
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": 3},
    max_pool_connections=AWS_CONNECTIONS,
)
# Asked when a function starts, which must not take long: what is not known then is asked again later.
SSM: Final = AWS.merge(
    Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
)
# No client is made where every chain's settings are in the variable.
_STORED: Final = SsmSettings(lambda: boto3.client("ssm", config=SSM))


def aws_client(service: str, **options: str) -> Any:  # noqa: ANN401 (boto3 types clients by literals)
    """Give a client whose time limits are below the functions'."""
    client = boto3.client(service, config=AWS, **options)  # type: ignore[call-overload]
    trace_client(client, TRACING)
    # Loggers of one service are one: these lines name their request, as all do.
    tell_denials(client, StructuredLog(Logger()))
    return client


def chains_config(config: type[ConfigT]) -> ConfigT:
    """Read a step's environment, and what is stored apart of its chains' settings; SSM is asked if any is."""
    return config.read_with(_STORED)


def tables(config: object) -> DynamoDbTables:
    """Give the tables that a step's configuration names, and no others."""
    fields: Mapping[str, object] = dict(config)  # type: ignore[call-overload]
    names = {
        field.removesuffix("_table"): str(name) for field, name in fields.items() if field.endswith("_table")
    }
    return DynamoDbTables(aws_client("dynamodb"), names)


def journalled_tables(config: object, telemetry: Telemetry) -> JournalledTables:
    """Give the tables of a step that writes events."""
    return JournalledTables(tables(config), telemetry.journal)


def submit_queues(config: IngestConfig) -> SqsQueue:
    """Give the queues to submit, one a lane."""
    urls = {Lane.EXPRESS: config.express_queue_url, Lane.STANDARD: config.submit_queue_url}
    return SqsQueue(aws_client("sqs"), urls)


def rpc_endpoints(config: EndpointsConfig, chain_id: ChainId, telemetry: Telemetry) -> SsmEndpoints:
    """Give a chain's RPC addresses; a chain whose addresses cannot be read is unreachable, and no other."""
    client = boto3.client("ssm", config=SSM)
    name = config.rpc_urls_parameter(chain_id)
    endpoints = SsmEndpoints(
        client, name, chain_id, clock=SystemClock(), log=telemetry.log, metrics=telemetry.metrics
    )
    endpoints.load()
    return endpoints


def chains(
    config: EndpointsConfig,
    telemetry: Telemetry,
    *,
    patience_seconds: float,
    known: Mapping[ChainId, SsmEndpoints] | None = None,
) -> dict[ChainId, ChainAccess]:
    """Give each chain with a kept connection, whose endpoints may be silent for so long.

    Args:
        config: names the chains and where their addresses are.
        telemetry: gets what is measured.
        patience_seconds: for how long.
        known: addresses that the caller has read already.

    """
    clock = SystemClock()

    def access(one: ChainSettings) -> ChainAccess:
        endpoints = known[one.chain_id] if known else rpc_endpoints(config, one.chain_id, telemetry)
        rpc = JsonRpc(
            one.chain_id,
            endpoints,
            metrics=telemetry.metrics,
            tracing=TRACING,
            timeout_seconds=patience_seconds,
            most_in_batch=one.rpc_batch_size,
        )
        return ChainAccess(one, EvmChain(one, rpc, clock))

    return {one.chain_id: access(one) for one in config.chains}
