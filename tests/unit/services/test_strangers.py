"""Nonces that others use, that a mempool forgets, or that nobody holds: each heals by itself."""

from dataclasses import replace

from ferryman.adapters.dynamodb.recovery import DynamoRecovery
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow, Purpose
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, ChainId, Milliseconds, WalletNonce
from ferryman.intents.payment.kind import PaymentKind
from ferryman.services.following import Follower
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.witness import FakeWitness, hidden


def only_wallet(memory: MemoryWorld) -> Address:
    """The one wallet there is."""
    (wallet,) = memory.signer.wallets()
    return wallet


def nonce_row(memory: MemoryWorld, nonce: int) -> NonceRow:
    """A nonce of the only wallet."""
    wallets, chain_id = DynamoWallets(memory.world.tables), memory.world.settings.chain_id
    row = wallets.nonce_row(chain_id, only_wallet(memory), WalletNonce(nonce))
    assert row
    return row


def bound(memory: MemoryWorld, count: int = 1) -> None:
    """Bind some payments of the first payer, each alone."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
        memory.world.deliver()


class Unprotected(PaymentKind):
    """A kind whose contract would take a message twice."""

    is_replay_protected = False  # type: ignore[misc]


def heard_through_one_of_two(memory: MemoryWorld) -> FakeWitness:
    """Have the chain be heard through the first of two endpoints; give that one."""
    first = FakeWitness(memory.chain)
    memory.chain.endpoints = (first, FakeWitness(memory.chain))
    memory.world.chain = first
    memory.world.restart()
    return first


def with_next_nonce(memory: MemoryWorld, nonce: int) -> DynamoWallets:
    """Have the only wallet begin at a nonce that is not the chain's; give the store."""
    wallets, chain_id = DynamoWallets(memory.world.tables), memory.world.settings.chain_id
    memory.world.submit.binder.pool(memory.world.submit.chains[chain_id])
    wallet = wallets.wallet(chain_id, only_wallet(memory))
    assert wallet
    after = replace(wallet, next_nonce=WalletNonce(nonce), lowest_open=WalletNonce(nonce))
    DynamoRecovery(memory.world.tables).set_wallet(wallet, after)
    return wallets


def followed(memory: MemoryWorld, *, looks: int) -> None:
    """Let blocks pass, and confirm look at each; nobody submits meanwhile."""
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=looks * 1_000)


def test_a_payment_whose_nonce_a_stranger_used_is_bound_again_and_mined_once() -> None:
    """What is mined with a nonce may be none of ours; the payment goes on under another."""
    memory = memory_world(wallets=1)
    bound(memory)
    memory.chain.strangers.add((only_wallet(memory), 0))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.CONFIRMED, 1)
    assert len(memory.chain.state.executed) == 1
    events = [event.name for event in memory.world.store.events(row.transaction_id)]
    assert events == [
        "payment_accepted",
        "payment_pending",
        "payment_returned",
        "payment_pending",
        "payment_confirmed",
    ]
    assert nonce_row(memory, 0).last_error == "used by a transaction that is not ours"
    assert memory.world.metrics.total(Metric.STRANGERS) == 1
    memory.world.check_events()
    memory.world.check_nonces()


def test_a_wallet_that_was_used_while_it_was_idle_begins_at_the_chains_count() -> None:
    """Nothing is bound to a nonce that is used up: no broadcast is refused, no payment returned."""
    memory = memory_world(wallets=1)
    bound(memory)
    memory.world.settle()
    memory.chain.strangers |= {(only_wallet(memory), nonce) for nonce in range(1, 41)}
    for _ in range(3):
        memory.chain.mine()

    bound(memory)
    memory.world.settle()

    first, second = sorted(memory.world.rows(), key=lambda row: int(row.payload["nonce"]))
    assert (first.nonce, second.nonce, second.status) == (0, 41, Status.CONFIRMED)
    events = memory.world.store.events(second.transaction_id)
    assert "payment_returned" not in [event.name for event in events]
    assert memory.world.metrics.total(Metric.STRANGERS) == 40
    memory.world.check_nonces()


def test_a_count_that_one_of_two_endpoints_makes_up_moves_no_counter() -> None:
    """A counter that is too high stops its wallet (OpenZeppelin #683)."""
    memory = memory_world(wallets=1)
    bound(memory)
    memory.world.settle()
    liar = heard_through_one_of_two(memory)
    liar.counts[only_wallet(memory)] = WalletNonce(700)

    bound(memory)
    liar.counts.clear()
    memory.world.settle()

    assert sorted(row.nonce or 0 for row in memory.world.rows()) == [0, 1]
    assert memory.world.metrics.total(Metric.STRANGERS) == 0
    memory.world.check_nonces()


def test_nonces_above_a_strangers_go_on_as_they_are() -> None:
    """Draining one must not sign the others anew (OpenZeppelin #836: one record, two nonces, paid twice)."""
    memory = memory_world(wallets=1)
    memory.chain.strangers.add((only_wallet(memory), 1))
    memory.chain.is_mining = False
    bound(memory, 3)
    memory.chain.is_mining = True

    memory.world.settle()

    rows = sorted(memory.world.rows(), key=lambda row: int(row.payload["nonce"]))
    assert [(row.status, row.nonce) for row in rows] == [
        (Status.CONFIRMED, 0),
        (Status.CONFIRMED, 3),
        (Status.CONFIRMED, 2),
    ]
    assert len(memory.chain.state.executed) == 3
    memory.world.check_nonces()


def test_a_strangers_transaction_must_be_deep_before_a_payment_is_bound_again() -> None:
    """Its block may vanish, and ours be mined after all."""
    memory = memory_world(wallets=1, required_confirmations=30)
    bound(memory)
    memory.chain.strangers.add((only_wallet(memory), 0))

    followed(memory, looks=20)

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)
    followed(memory, looks=15)
    assert memory.world.rows()[0].status is Status.VALIDATED
    assert memory.world.reserved() == memory.world.held() == 1_000


def test_a_strangers_block_that_vanishes_leaves_the_payment_where_it_was() -> None:
    """Ours is mined in the block that replaces it: it was never signed under another nonce."""
    memory = memory_world(wallets=1, required_confirmations=5)
    stranger = (only_wallet(memory), 0)
    bound(memory)
    memory.chain.strangers.add(stranger)
    followed(memory, looks=4)
    memory.chain.strangers.discard(stranger)
    for _ in range(6):
        memory.chain.reorg()

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.CONFIRMED, 0)
    assert memory.signer.signatures == 1


def test_receipts_that_are_missing_for_a_moment_return_and_fail_nobody() -> None:
    """Absence is not proof (OpenZeppelin #817: 26 mined transactions marked failed at once)."""
    memory = memory_world(wallets=1)
    liar = heard_through_one_of_two(memory)
    liar.receipt_lie = hidden
    bound(memory)

    followed(memory, looks=30)

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)
    liar.receipt_lie = None
    memory.world.settle()
    assert memory.world.rows()[0].status is Status.CONFIRMED
    assert memory.signer.signatures == 1


def test_a_wrong_count_of_one_endpoint_gives_no_nonce_up() -> None:
    """A count from one endpoint and a receipt from another are no proof (Rundler #296)."""
    memory = memory_world(wallets=1)
    liar = heard_through_one_of_two(memory)
    memory.chain.is_mining = False
    bound(memory)
    liar.counts[only_wallet(memory)] = WalletNonce(7)

    followed(memory, looks=10)

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)


def test_a_nonce_that_only_waits_in_a_mempool_is_not_taken_for_used() -> None:
    """The pending count moves before there is a receipt: false "replaced" (engine-core #53)."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    bound(memory)

    followed(memory, looks=20)

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)
    assert memory.signer.signatures == 1


def test_a_restart_goes_on_where_the_tables_are_and_not_where_the_chain_is() -> None:
    """A start-up that takes the chain's count binds nonces twice (thirdweb Engine #326, #461)."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    bound(memory)
    memory.world.restart()

    bound(memory)

    assert sorted(row.nonce or 0 for row in memory.world.rows()) == [0, 1]
    memory.chain.is_mining = True
    memory.world.settle()
    memory.world.check_nonces()


def test_a_nonce_too_low_looks_for_our_own_hashes_first() -> None:
    """The original had mined: signed again under another nonce it is paid twice (Alto #747, rrelayer #36)."""
    memory = memory_world(wallets=1)
    bound(memory)
    memory.chain.mine()
    row = nonce_row(memory, 0)

    results = memory.chain.send([row.attempts[0].raw])
    memory.world.settle()

    assert [result.text for result in results] == ["nonce too low"]
    (payment,) = memory.world.rows()
    assert (payment.status, payment.nonce) == (Status.CONFIRMED, 0)
    assert memory.signer.signatures == 1


def test_what_may_be_carried_out_twice_waits_until_a_strangers_transaction_is_final() -> None:
    """A contract that takes a message twice must never be sent it twice."""
    memory = memory_world(wallets=1)
    bound(memory)
    memory.chain.strangers.add((only_wallet(memory), 0))
    make = memory.world.confirm.follower

    def careful(chain_id: ChainId) -> Follower:
        follower = make(chain_id)
        follower.strangers.kinds = {"payment": Unprotected()}
        return follower

    object.__setattr__(memory.world.confirm, "follower", careful)

    followed(memory, looks=8)

    assert memory.world.rows()[0].status is Status.PENDING
    followed(memory, looks=8)
    assert memory.world.rows()[0].status is Status.VALIDATED


def test_after_a_node_restarts_everything_is_sent_again_from_the_head_within_one_look() -> None:
    """A lost mempool strands whatever stands behind the first gap (OpenZeppelin #808)."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    bound(memory, 5)
    memory.chain.is_reachable = False
    memory.chain.forget()
    memory.world.follow(run_ms=20_000)
    memory.chain.is_reachable = True

    memory.world.follow(run_ms=1_000)
    while memory.world.deliver():
        pass

    assert sorted(nonce for _, nonce in memory.chain.mempool) == [0, 1, 2, 3, 4]
    assert memory.signer.signatures == 5
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_nonces()


def test_a_transaction_that_a_node_drops_is_sent_again_without_being_signed_again() -> None:
    """The others keep waiting behind it only until the next look."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    bound(memory, 3)
    followed(memory, looks=3)
    del memory.chain.mempool[only_wallet(memory), 1]

    followed(memory, looks=1)
    while memory.world.deliver():
        pass

    assert sorted(nonce for _, nonce in memory.chain.mempool) == [0, 1, 2]
    assert memory.signer.signatures == 3


def test_a_healthy_chain_is_not_asked_where_its_wallets_stand() -> None:
    """Positions cost a request; only what is late is worth one."""
    memory = memory_world(wallets=1)
    witness = FakeWitness(memory.chain)
    memory.chain.transaction_counts = witness.transaction_counts  # type: ignore[method-assign]
    bound(memory, 3)

    memory.world.settle()

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert "transaction_counts" not in witness.asked


def test_a_nonce_without_a_row_is_filled_and_what_waits_above_it_is_mined() -> None:
    """Possible only after a restore: the chain waits for a nonce that nobody holds."""
    memory = memory_world(wallets=1)
    with_next_nonce(memory, 2)
    bound(memory)

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.CONFIRMED, 2)
    assert [nonce_row(memory, nonce).attempts[0].purpose for nonce in (0, 1)] == [Purpose.FILL] * 2
    memory.world.check_nonces()


def test_a_counter_that_has_drifted_far_is_not_filled_up_to() -> None:
    """633 nonces (OpenZeppelin #683) are no lost row: an operator resets the wallet."""
    memory = memory_world(wallets=1)
    wallets = with_next_nonce(memory, 633)
    bound(memory)

    followed(memory, looks=10)

    chain_id = memory.world.settings.chain_id
    assert wallets.nonce_row(chain_id, only_wallet(memory), WalletNonce(0)) is None
    assert any("reset it" in text for _, text, _ in memory.world.log.lines)
