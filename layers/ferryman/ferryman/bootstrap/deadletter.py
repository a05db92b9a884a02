"""Builds deadletter."""

from aws_lambda_powertools import Logger

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.log import StructuredLog
from ferryman.bootstrap.parts import tables
from ferryman.config import DeadletterConfig
from ferryman.intents import KINDS
from ferryman.services.deadletter import Deadletter


def settle_deadletters(logger: Logger) -> Deadletter:
    """Give the service, from the environment."""
    config = DeadletterConfig.read()
    return Deadletter(
        kinds=KINDS,
        store=DynamoTransactions(tables(config)),
        clock=SystemClock(),
        log=StructuredLog(logger),
    )
