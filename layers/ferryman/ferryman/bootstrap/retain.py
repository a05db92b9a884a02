"""Builds retain."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.adapters.dynamodb.transactions import DynamoTransactions
from ferryman.adapters.s3 import S3Archive
from ferryman.bootstrap.parts import aws_client, chains_config, tables
from ferryman.bootstrap.telemetry import Telemetry
from ferryman.config import RetainConfig
from ferryman.services.retain import Retain


def retain_transactions(telemetry: Telemetry) -> Retain:
    """Give the service, from the environment."""
    config = chains_config(RetainConfig)
    stored = tables(config)
    return Retain(
        chain_ids=tuple(config.by_id()),
        store=DynamoTransactions(stored),
        statistics=DynamoStatistics(stored),
        archive=S3Archive(aws_client("s3"), config.archive_bucket),
        retention_days=config.retention_days,
        clock=SystemClock(),
        log=telemetry.log,
    )
