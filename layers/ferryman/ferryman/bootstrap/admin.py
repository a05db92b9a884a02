"""Builds admin."""

from collections.abc import Mapping
from dataclasses import dataclass

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.confirmer import LambdaConfirmer
from ferryman.adapters.dead_letters import DeadLetterQueueUrls, SqsDeadLetters
from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.leases import DynamoLeases
from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.log import StructuredLog
from ferryman.adapters.sqs import SqsQueue
from ferryman.adapters.usage_plans import ApiGatewayUsagePlans
from ferryman.bootstrap.parts import aws_client, chains, chains_config, journalled_tables, submit_queues
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import AdminConfig, DeadLetterQueue
from ferryman.domain.units import ChainId
from ferryman.intents import KINDS
from ferryman.services.admin import Admin
from ferryman.services.assurance import Assurance
from ferryman.services.chains import ChainAccess
from ferryman.services.emptying import Emptying
from ferryman.services.explaining import Explaining
from ferryman.services.keys import Keys
from ferryman.services.pausing import Pausing
from ferryman.services.recover import Recover
from ferryman.services.recovering import Recovering
from ferryman.services.redriving import Redriving
from ferryman.services.resetting import Resetting
from ferryman.services.retrying import Retrying
from ferryman.services.rotating import Rotating


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """The services behind the operators' routes."""

    admin: Admin
    pausing: Pausing
    retrying: Retrying
    redriving: Redriving
    keys: Keys
    recovering: Recovering
    rotating: Rotating
    resetting: Resetting
    emptying: Emptying
    explaining: Explaining


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ports:
    """What several of the services are built of."""

    chains: Mapping[ChainId, ChainAccess]
    store: DynamoTransactions
    wallets: DynamoWallets
    recovery: DynamoRecovery
    leases: DynamoLeases
    pauses: DynamoPauses
    dead_letters: SqsDeadLetters
    confirmer: LambdaConfirmer
    clock: SystemClock
    log: StructuredLog


def administer(telemetry: Telemetry) -> Administration:
    """Give the services, from the environment."""
    config = chains_config(AdminConfig)
    stored, clock, log = journalled_tables(config, telemetry), SystemClock(), telemetry.log
    ports = _Ports(
        chains=chains(config, telemetry, patience_seconds=4),
        store=DynamoTransactions(stored, lists_closed=bool(config.retention_days)),
        wallets=DynamoWallets(stored),
        recovery=DynamoRecovery(stored),
        leases=DynamoLeases(stored),
        pauses=DynamoPauses(stored),
        dead_letters=SqsDeadLetters(aws_client("sqs"), _urls(config.dead_letter_queues)),
        confirmer=LambdaConfirmer(aws_client("lambda"), config.confirm_function),
        clock=clock,
        log=log,
    )
    chain_ids = tuple(ports.chains)
    return Administration(
        admin=_admin(ports, DynamoStatistics(stored)),
        pausing=Pausing(store=ports.pauses, chain_ids=chain_ids, kinds=tuple(KINDS), clock=clock, log=log),
        retrying=_retrying(ports, submit_queues(config)),
        redriving=Redriving(dead_letters=ports.dead_letters, log=log),
        keys=Keys(
            access=DynamoAccess(stored),
            plans=ApiGatewayUsagePlans(aws_client("apigateway"), config.deployment),
            clock=clock,
            log=log,
        ),
        recovering=Recovering(recovery=lambda *, is_dry: _recover(ports, is_dry=is_dry), chain_ids=chain_ids),
        rotating=Rotating(wallets=ports.wallets, chain_ids=chain_ids, clock=clock, log=log),
        resetting=_resetting(ports),
        emptying=_emptying(ports),
        explaining=_explaining(ports),
    )


def _admin(ports: _Ports, statistics: DynamoStatistics) -> Admin:
    return Admin(
        chains=ports.chains,
        store=ports.store,
        wallets=ports.wallets,
        leases=ports.leases,
        pauses=ports.pauses,
        statistics=statistics,
        dead_letters=ports.dead_letters,
        clock=ports.clock,
    )


def _retrying(ports: _Ports, queue: SqsQueue) -> Retrying:
    return Retrying(
        kinds=KINDS,
        chains=ports.chains,
        store=ports.store,
        assurance=Assurance(ports.store),
        queue=queue,
        leases=ports.leases,
        confirmer=ports.confirmer,
        clock=ports.clock,
        log=ports.log,
    )


def _recover(ports: _Ports, *, is_dry: bool) -> Recover:
    return Recover(
        kinds=KINDS,
        chains=ports.chains,
        store=ports.store,
        wallets=ports.wallets,
        recovery=ports.recovery,
        clock=ports.clock,
        log=ports.log,
        is_dry=is_dry,
    )


def _resetting(ports: _Ports) -> Resetting:
    return Resetting(
        chains=ports.chains,
        wallets=ports.wallets,
        recovery=ports.recovery,
        clock=ports.clock,
        log=ports.log,
    )


def _emptying(ports: _Ports) -> Emptying:
    return Emptying(
        chains=ports.chains,
        wallets=ports.wallets,
        leases=ports.leases,
        confirmer=ports.confirmer,
        clock=ports.clock,
        log=ports.log,
    )


def _explaining(ports: _Ports) -> Explaining:
    return Explaining(
        chains=ports.chains,
        store=ports.store,
        wallets=ports.wallets,
        pauses=ports.pauses,
        clock=ports.clock,
    )


def _urls(queues: Mapping[str, DeadLetterQueue]) -> dict[str, DeadLetterQueueUrls]:
    return {name: DeadLetterQueueUrls(queue.url, queue.target) for name, queue in queues.items()}
