"""Builds health."""

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
from ferryman.bootstrap.parts import TRACING, aws_client, chains, chains_config, rpc_endpoints, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import HealthConfig
from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
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
    config, clock = chains_config(HealthConfig), SystemClock()
    stored = tables(config)
    known = {chain_id: rpc_endpoints(config, chain_id, telemetry) for chain_id in config.by_id()}
    statistics = DynamoStatistics(stored)
    endpoints = [_EndpointsOf(one, known[one.chain_id], telemetry) for one in config.chains]
    shared: list[Dependency] = [*table_dependencies(stored), *_queues(config), *_keys(config)]
    beating: list[Dependency] = []
    for chain_id in config.by_id():
        beating += [
            ConfirmHeartbeat(chain_id=chain_id, statistics=statistics, clock=clock),
            WatchHeartbeat(chain_id=chain_id, cursors=DynamoCursors(stored), clock=clock),
        ]

    def dependencies() -> list[Dependency]:
        return [*shared, *(one for those in endpoints for one in those()), *beating]

    pauses = DynamoPauses(stored)
    return Sight(
        deep=DeepHealth(
            chain_ids=tuple(config.by_id()),
            dependencies=dependencies,
            pauses=pauses,
            clock=clock,
            log=telemetry.log,
        ),
        statistics=Statistics(statistics=statistics, pauses=pauses, chain_ids=tuple(config.by_id())),
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


class _EndpointsOf:
    """A chain's endpoints as they are listed now; one at least, whose trouble it is that none is known."""

    def __init__(self, settings: ChainSettings, endpoints: SsmEndpoints, telemetry: Telemetry) -> None:
        self._settings = settings
        self._endpoints = endpoints
        self._metrics = telemetry.metrics
        self._known: dict[int, EndpointDependency] = {}

    def __call__(self) -> list[EndpointDependency]:
        """Give them; each keeps its connection from one look to the next."""
        try:
            numbers = [one.number for one in self._endpoints.addresses()]
        except ChainUnreachableError:
            numbers = [1]
        for number in numbers:
            if number not in self._known:
                self._known[number] = self._endpoint(number)
        return [self._known[number] for number in numbers]

    def _endpoint(self, number: int) -> EndpointDependency:
        clock = SystemClock()
        rpc = JsonRpc(
            self._settings.chain_id,
            OneEndpoint(self._endpoints, number),
            metrics=self._metrics,
            tracing=TRACING,
            timeout_seconds=_PATIENCE_SECONDS,
        )
        chain = EvmChain(self._settings, rpc, clock)
        return EndpointDependency(settings=self._settings, number=number, chain=chain, clock=clock)
