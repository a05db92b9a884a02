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
from ferryman.adapters.usage_plans import ApiGatewayUsagePlans
from ferryman.bootstrap.parts import aws_client, chains, chains_config, journalled_tables, submit_queues
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import AdminConfig, DeadLetterQueue
from ferryman.intents import KINDS
from ferryman.services.admin import Admin
from ferryman.services.assurance import Assurance
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


def administer(telemetry: Telemetry) -> Administration:
    """Give the services, from the environment."""
    config = chains_config(AdminConfig)
    stored, clock, log = journalled_tables(config, telemetry), SystemClock(), telemetry.log
    store = DynamoTransactions(stored, lists_closed=bool(config.retention_days))
    leases, pauses = DynamoLeases(stored), DynamoPauses(stored)
    accessible = chains(config, telemetry, patience_seconds=4)
    sqs, confirmer = aws_client("sqs"), LambdaConfirmer(aws_client("lambda"), config.confirm_function)
    dead_letters = SqsDeadLetters(sqs, _urls(config.dead_letter_queues))

    def recovery(*, is_dry: bool) -> Recover:
        return Recover(
            kinds=KINDS,
            chains=accessible,
            store=store,
            wallets=DynamoWallets(stored),
            recovery=DynamoRecovery(stored),
            clock=clock,
            log=log,
            is_dry=is_dry,
        )

    return Administration(
        admin=Admin(
            chains=accessible,
            store=store,
            wallets=DynamoWallets(stored),
            leases=leases,
            pauses=pauses,
            statistics=DynamoStatistics(stored),
            dead_letters=dead_letters,
            clock=clock,
        ),
        pausing=Pausing(store=pauses, chain_ids=tuple(accessible), kinds=tuple(KINDS), clock=clock, log=log),
        retrying=Retrying(
            kinds=KINDS,
            chains=accessible,
            store=store,
            assurance=Assurance(store),
            queue=submit_queues(config),
            leases=leases,
            confirmer=confirmer,
            clock=clock,
            log=log,
        ),
        redriving=Redriving(dead_letters=dead_letters, log=log),
        keys=Keys(
            access=DynamoAccess(stored),
            plans=ApiGatewayUsagePlans(aws_client("apigateway"), config.deployment),
            clock=clock,
            log=log,
        ),
        recovering=Recovering(recovery=recovery, chain_ids=tuple(accessible)),
        resetting=Resetting(
            chains=accessible,
            wallets=DynamoWallets(stored),
            recovery=DynamoRecovery(stored),
            clock=clock,
            log=log,
        ),
        emptying=Emptying(
            chains=accessible,
            wallets=DynamoWallets(stored),
            leases=leases,
            confirmer=confirmer,
            clock=clock,
            log=log,
        ),
        explaining=Explaining(
            chains=accessible, store=store, wallets=DynamoWallets(stored), pauses=pauses, clock=clock
        ),
        rotating=Rotating(wallets=DynamoWallets(stored), chain_ids=tuple(accessible), clock=clock, log=log),
    )


def _urls(queues: Mapping[str, DeadLetterQueue]) -> dict[str, DeadLetterQueueUrls]:
    return {name: DeadLetterQueueUrls(queue.url, queue.target) for name, queue in queues.items()}
