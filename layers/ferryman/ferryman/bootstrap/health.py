"""Builds health."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dependencies import (
    EndpointDependency,
    KeyDependency,
    QueueDependency,
    table_dependencies,
)
from ferryman.adapters.dynamodb.cursors import DynamoCursors
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.endpoints import OneEndpoint
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.adapters.ssm import SsmEndpoints
from ferryman.bootstrap.parts import TRACING, aws_client, chains, rpc_endpoints, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import HealthConfig
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import ChainId
from ferryman.ports import Dependency
from ferryman.services.explaining import Explaining
from ferryman.services.health import ConfirmHeartbeat, DeepHealth, WatchHeartbeat
from ferryman.services.statistics import Statistics

_PATIENCE_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The services behind what operators' machines watch."""

    deep: DeepHealth
    statistics: Statistics
    explaining: Explaining


def see_health(telemetry: Telemetry) -> Sight:
    """Give the services, from the environment."""
    config, clock = HealthConfig.read(), SystemClock()
    stored = tables(config)
    known = {chain_id: rpc_endpoints(config, chain_id, telemetry) for chain_id in config.by_id()}
    statistics = DynamoStatistics(stored)
    dependencies: list[Dependency] = [
        *table_dependencies(stored),
        *_queues(config),
        *_keys(config),
        *_endpoints(config, known, telemetry),
    ]
    for chain_id in config.by_id():
        dependencies += [
            ConfirmHeartbeat(chain_id=chain_id, statistics=statistics, clock=clock),
            WatchHeartbeat(chain_id=chain_id, cursors=DynamoCursors(stored), clock=clock),
        ]
    pauses = DynamoPauses(stored)
    return Sight(
        deep=DeepHealth(dependencies=dependencies, pauses=pauses, clock=clock, log=telemetry.log),
        statistics=Statistics(statistics=statistics, chain_ids=tuple(config.by_id())),
        explaining=Explaining(
            chains=chains(config, telemetry, patience_seconds=_PATIENCE_SECONDS, known=known),
            store=DynamoTransactions(stored),
            wallets=DynamoWallets(stored),
            pauses=pauses,
            clock=clock,
        ),
    )


def _queues(config: HealthConfig) -> list[QueueDependency]:
    client = aws_client("sqs")
    working = [
        QueueDependency(client=client, url=url, name=f"queue {name}", is_vital=True)
        for name, url in config.queues.items()
    ]
    dead = [
        QueueDependency(
            client=client, url=url, name=f"dead letters {name}", is_vital=False, should_be_empty=True
        )
        for name, url in config.empty_queues.items()
    ]
    return working + dead


def _keys(config: HealthConfig) -> list[KeyDependency]:
    client = aws_client("kms")
    return [
        KeyDependency(client=client, key_id=key_id, name=f"wallet key {number}")
        for number, key_id in enumerate(config.wallet_key_ids.split(","), start=1)
    ]


def _endpoints(
    config: HealthConfig, known: Mapping[ChainId, SsmEndpoints], telemetry: Telemetry
) -> list[EndpointDependency]:
    """Give each endpoint that is known at the start, and at least one a chain."""
    clock, found = SystemClock(), list[EndpointDependency]()
    for settings in config.chains:
        endpoints = known[settings.chain_id]
        try:
            numbers = [one.number for one in endpoints.addresses()]
        except ChainUnreachableError:
            numbers = [1]
        for number in numbers:
            one = OneEndpoint(endpoints, number)
            rpc = JsonRpc(
                settings.chain_id,
                one,
                metrics=telemetry.metrics,
                tracing=TRACING,
                timeout_seconds=_PATIENCE_SECONDS,
            )
            chain = EvmChain(settings, rpc, clock)
            found.append(EndpointDependency(settings=settings, number=number, chain=chain, clock=clock))
    return found
