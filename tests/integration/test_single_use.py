"""What may be used once, used by many at the same moment.

Over MiniStack: in moto, threads of one process can come between the check of a condition and its write.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.client import DynamoDbTables
from ferryman.adapters.dynamodb.operations import Table
from ferryman.domain.access import Caller, Challenge, Ticket
from ferryman.domain.units import Address, ChainId, Instant
from tests.support.ministack import client
from tests.support.template import table_requests

NOW = Instant(1_700_000_000_000)
LATER = Instant(NOW + 60_000)
ADDRESS, CHAIN_ID = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8"), ChainId(31337)


@pytest.fixture
def access(aws_url: str) -> DynamoAccess:
    """Give the store over the deployed table."""
    dynamodb = client("dynamodb", aws_url, max_pool_connections=16)
    name = f"single-use-{Table.ACCESS}"
    if name not in dynamodb.list_tables()["TableNames"]:
        dynamodb.create_table(TableName=name, **table_requests()[Table.ACCESS])
    return DynamoAccess(DynamoDbTables(dynamodb, {Table.ACCESS: name}))


def at_once(take: Callable[[], object]) -> int:
    """Take 16 times, eight at a time; give how many got it."""
    with ThreadPoolExecutor(8) as callers:
        taken = [callers.submit(take) for _ in range(16)]
        return sum(bool(one.result()) for one in taken)


@pytest.mark.parametrize("nonce", [f"nonce{number}" for number in range(5)])
def test_of_many_that_take_a_challenge_one_succeeds(access: DynamoAccess, nonce: str) -> None:
    """Two sign-ins with one message would be a replay."""
    access.put_challenge(Challenge(nonce=nonce, address=ADDRESS, chain_id=CHAIN_ID, expires_at=LATER))

    assert at_once(lambda: access.take_challenge(nonce, address=ADDRESS, chain_id=CHAIN_ID, now=NOW)) == 1


@pytest.mark.parametrize("digest", [f"digest{number}" for number in range(5)])
def test_of_many_that_take_a_ticket_one_succeeds(access: DynamoAccess, digest: str) -> None:
    """Whoever reads it over a shoulder is late."""
    access.put_ticket(Ticket(digest=digest, caller=Caller(name="key:1"), expires_at=LATER))

    assert at_once(lambda: access.take_ticket(digest, now=NOW)) == 1
