"""What watch costs in DynamoDB's units, counted from its own requests."""

from ferryman.adapters.dynamodb.operations import Table
from ferryman.domain.units import Milliseconds
from local.bench.units import CountingTables
from tests.fakes.settled import MemoryWorld, memory_world


def counted_world() -> tuple[MemoryWorld, CountingTables]:
    """Give a world over counting tables, followed to its head."""
    memory, tables = memory_world(), CountingTables()
    memory.world.tables = tables
    memory.world.restart()
    for _ in range(3):
        memory.world.watch_once()
    tables.write_units.clear()
    tables.read_units.clear()
    return memory, tables


def test_a_payment_costs_watch_one_write_unit() -> None:
    """The account, once for all that happened to it in a block; its nonce and itself are read."""
    memory, tables = counted_world()
    token, payer = memory.world.settings.tokens[0], memory.payers[0].address
    memory.clock.sleep(Milliseconds(1_000))
    memory.chain.head()
    memory.chain.execute_elsewhere(token, payer, 1, 5)
    memory.chain.lock(token, payer, 5)

    memory.world.watch_once()

    marked = 1  # a nonce that was not ours; ours cost none
    assert tables.write_units[Table.ACCOUNTS] == 1 + marked
    assert tables.read_units[Table.ACCOUNTS] == 2


def test_a_block_costs_watch_one_write_unit() -> None:
    """The cursor with its hashes stays below a kilobyte; taking and giving back the lease is once a run."""
    memory, tables = counted_world()
    for _ in range(20):
        memory.clock.sleep(Milliseconds(1_000))
        memory.chain.head()
        memory.world.watch_once()

    lease = 2
    assert tables.write_units[Table.CURSORS] == 20 * (1 + lease)
    assert not tables.write_units[Table.ACCOUNTS]
