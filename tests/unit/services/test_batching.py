"""A crowd whose like was estimated a moment ago is only tried; whatever does not go through is estimated."""

from typing import Any

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Gas, Milliseconds, TransactionId, Wei
from ferryman.services.batch_gas import REMEMBERED_MS
from tests.fakes.settled import MemoryWorld, memory_world


def crowd(memory: MemoryWorld, count: int) -> list[Transaction]:
    """Post payments, the payers in turn, and submit what is queued; give their rows."""
    names = posted(memory, count)
    while memory.world.deliver():
        pass
    return list(memory.world.store.get_many(names))


def posted(memory: MemoryWorld, count: int) -> list[TransactionId]:
    """Post payments, the payers in turn; give their ids."""
    payers = (memory.payers[place % len(memory.payers)] for place in range(count))
    bodies = [payer.pay(1_000, deadline=memory.deadline()) for payer in payers]
    return [memory.world.post(body).transaction.transaction_id for body in bodies]


def nonces(memory: MemoryWorld) -> list[NonceRow]:
    """Read the nonces that are not settled."""
    wallets = DynamoWallets(memory.world.tables)
    found = wallets.wallets(memory.world.settings.chain_id)
    return [row for wallet in found for row in wallets.open_nonces(wallet)]


def experienced(**settings: Any) -> MemoryWorld:  # noqa: ANN401 (of `memory_world`)
    """Build a world whose submit has just estimated a batch of ten."""
    memory = memory_world(**{"payers": 5, **settings})
    crowd(memory, 10)
    settled(memory)
    memory.chain.is_mining = False
    memory.chain.estimates = 0
    return memory


def settled(memory: MemoryWorld) -> None:
    """Go on until all is over, and check what must hold of everything."""
    memory.chain.is_mining = True
    memory.world.settle()
    memory.world.check_events()
    memory.world.check_nonces()
    assert memory.world.reserved() == memory.world.held() == 0
    assert not memory.chain.reverted


def test_the_first_crowd_is_estimated_and_the_next_one_is_not() -> None:
    """Each of the ten and the batch; then the chain runs everything once, and the limit is as before."""
    memory = memory_world(payers=5)
    memory.chain.is_mining = False

    crowd(memory, 10)
    at_first = memory.chain.estimates
    crowd(memory, 10)

    assert (at_first, memory.chain.estimates) == (11, 11)
    assert [(len(row.intents), row.gas_limit) for row in nonces(memory)] == [(10, 750_000)] * 2
    settled(memory)


def test_a_smaller_batch_gets_by_with_what_a_larger_one_needed() -> None:
    """A contract keeps some gas back for each batch: a share of it would be too little."""
    memory = experienced()

    crowd(memory, 5)

    assert [(len(row.intents), row.gas_limit) for row in nonces(memory)] == [(5, 750_000)]
    assert memory.chain.estimates == 0
    settled(memory)


def test_a_larger_batch_than_any_that_is_known_is_estimated() -> None:
    """There is nothing to try it with."""
    memory = memory_world(payers=5, batch_size=40)
    crowd(memory, 5)

    crowd(memory, 10)

    assert memory.chain.estimates == 6 + 11
    settled(memory)


def test_an_estimate_is_gone_by_for_a_minute() -> None:
    """What a chain charges moves."""
    memory = experienced()
    memory.clock.sleep(REMEMBERED_MS)

    crowd(memory, 10)

    assert memory.chain.estimates == 11
    settled(memory)


def test_a_batch_that_needs_more_than_its_like_is_estimated() -> None:
    """It would revert as a whole; and the next one knows."""
    memory = experienced()
    memory.chain.payment_gas = Gas(80_000)

    crowd(memory, 10)
    after_one = memory.chain.estimates
    crowd(memory, 10)

    assert (after_one, memory.chain.estimates) == (11, 11)
    assert {row.gas_limit for row in nonces(memory)} == {1_000_000}
    settled(memory)


def test_a_batch_that_needs_a_little_more_than_its_like_goes_without_an_estimate() -> None:
    """Its signatures have fewer bytes that are zero; a limit has room for that."""
    memory = experienced()
    memory.chain.payment_gas = Gas(memory.chain.payment_gas * 10_099 // 10_000)

    crowd(memory, 10)

    assert memory.chain.estimates == 0
    assert [(len(row.intents), row.gas_limit) for row in nonces(memory)] == [(10, 750_000)]
    settled(memory)


def test_one_of_a_crowd_that_would_fail_is_judged_as_ever_and_the_others_go_on_together() -> None:
    """A batch leaves it out in silence: only alone does it show."""
    memory = experienced()
    names, spent = posted(memory, 10), memory.payers[0]
    memory.chain.execute_elsewhere(memory.world.settings.tokens[0], spent.address, spent.nonce, 1_000)

    memory.world.deliver()

    alone = [row for row in memory.world.store.get_many(names) if row.status is not Status.PENDING]
    assert [(row.sender, row.payload["nonce"]) for row in alone] == [(spent.address, str(spent.nonce))]
    # The ten, the nine together, and once more what shall end.
    assert memory.chain.estimates == 10 + 1 + 1
    assert [len(row.intents) for row in nonces(memory)] == [9]


def test_what_has_had_trouble_is_estimated_alone() -> None:
    """A wallet that cannot pay for a batch may be able to pay for some of it."""
    memory = experienced(wallets=1)
    wallet = memory.signer.wallets()[0]
    fee = 2 * memory.chain.base_fee + 10**6
    memory.chain.coins[wallet] = Wei(160_000 * fee)

    rows = crowd(memory, 10)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=1_000)
    while memory.world.deliver():
        pass

    assert {row.status for row in rows} == {Status.VALIDATED}
    assert {len(row.intents) for row in nonces(memory)} == {1}
    memory.chain.coins[wallet] = Wei(10**18)
    settled(memory)


def test_nothing_is_tried_that_costs_more_per_gas_than_the_operator_pays() -> None:
    """It waits, as it does when it is estimated."""
    memory = experienced(max_fee_per_gas_cap_wei=10**10)
    memory.chain.base_fee = Wei(10**11)

    rows = crowd(memory, 10)

    assert {row.status for row in rows} == {Status.VALIDATED}
    assert not nonces(memory)
    memory.chain.base_fee = Wei(10**9)
    settled(memory)
