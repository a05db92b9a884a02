"""The tables, once in memory and once as DynamoDB (moto) makes them of the deployed template."""

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.adapters.dynamodb.operations import Tables
from tests.fakes.tables import MemoryTables
from tests.support.template import table_requests

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_deployments = count()


@pytest.fixture(scope="module")
def dynamodb() -> Iterator["DynamoDBClient"]:
    """Give a client of moto's DynamoDB; making one takes longer than most tests."""
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


@pytest.fixture(params=["memory", "dynamodb"])
def tables(request: pytest.FixtureRequest) -> Tables:
    """Give empty tables, of either making."""
    if request.param == "memory":
        return MemoryTables()
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    prefix = f"deployed{next(_deployments)}"
    for name, definition in table_requests().items():
        wanted: Any = definition
        client.create_table(TableName=f"{prefix}-{name}", **wanted)
    return DynamoDbTables(client, {name: f"{prefix}-{name}" for name in table_requests()})
