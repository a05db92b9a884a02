"""Bumps: a nonce that the market has passed by, or that stalls, offers more; one of its attempts is mined."""

from collections import Counter
from collections.abc import Callable, Sequence

import pytest

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.eip1559 import Call, Eip1559Transaction
from ferryman.domain.envelopes import opened
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.fees import Eip1559Fees, FeeModel, Tier
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow, TransactionAttempt, Wanted
from ferryman.domain.signatures import Signature
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Gas, Milliseconds, WalletNonce, Wei
from ferryman.ports import NonceHint
from tests.fakes.chain import SignedTransaction
from tests.fakes.settled import MemoryWorld, memory_world

GWEI = 10**9


def pending(memory: MemoryWorld, count: int = 1, *, priority: str = "normal") -> None:
    """Post payments, and let submit broadcast them."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(), priority=priority))
    while memory.world.deliver():
        pass


def nonces(memory: MemoryWorld) -> list[NonceRow]:
    """All nonces of all wallets."""
    wallets = DynamoWallets(memory.world.tables)
    rows: list[NonceRow] = []
    for wallet in wallets.wallets(memory.world.settings.chain_id):
        for nonce in range(wallet.next_nonce):
            row = wallets.nonce_row(wallet.chain_id, wallet.address, nonce)  # type: ignore[arg-type]
            assert row
            rows.append(row)
    return rows


def attempts(memory: MemoryWorld) -> tuple[TransactionAttempt, ...]:
    """Those of the only nonce."""
    (row,) = nonces(memory)
    return row.attempts


def look(memory: MemoryWorld, seconds: int, *, between: Callable[[], None] = lambda: None) -> None:
    """Let time pass, with a look and a delivery every second."""
    for _ in range(seconds):
        memory.clock.sleep(Milliseconds(1_000))
        between()
        memory.world.follow(run_ms=1)
        while memory.world.deliver():
            pass


def check_each_mined_once(memory: MemoryWorld) -> None:
    """Every payment was carried out exactly once, and all books are closed."""
    rows = memory.world.rows()
    assert {row.status for row in rows} == {Status.CONFIRMED}
    assert Counter(memory.chain.state.executed).most_common(1)[0][1] == 1
    assert len(memory.chain.state.executed) == len(rows)
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
    memory.world.check_nonces()


def test_a_base_fee_ten_times_as_high_and_back_gets_every_payment_mined_once() -> None:
    """Each is bumped once, to the market, in both fields; no nonce is used twice."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    pending(memory, 3)
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 8)
    memory.chain.base_fee = Wei(GWEI)
    memory.world.settle()

    check_each_mined_once(memory)
    assert [len(row.attempts) for row in nonces(memory)] == [2, 2, 2]
    for row in nonces(memory):
        first, second = row.attempts
        assert (first.max_fee_per_gas, second.max_fee_per_gas) == (2 * GWEI + 10**6, 20 * GWEI + 10**6)
        assert second.max_priority_fee_per_gas * 8 >= first.max_priority_fee_per_gas * 9
        assert opened(second.raw).call == opened(first.raw).call
    assert memory.world.metrics.total(Metric.BUMPS) == 3
    assert memory.signer.signatures == 6


def test_bumps_of_one_wallet_are_kept_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each keeps more of the wallet's coin, in its row: at the same time DynamoDB refuses all but one."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    pending(memory, 3)
    memory.chain.base_fee = Wei(10 * GWEI)
    queued, work_off = list[list[int]](), memory.world.workers.work_off

    def noted(queues: Sequence[Sequence[Callable[[], None]]]) -> None:
        signed = memory.signer.signatures
        work_off(queues)
        if memory.signer.signatures > signed:
            queued.append([len(queue) for queue in queues])

    monkeypatch.setattr(memory.world.workers, "work_off", noted)
    look(memory, 8)

    assert [3] in queued
    assert all(len(queues) == 1 for queues in queued)
    assert memory.world.metrics.total(Metric.BUMPS) >= 3


def test_a_bumped_payment_is_told_and_counted_once() -> None:
    """What changes is its offer: one pending, one inclusion, one signature more."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.base_fee = Wei(10 * GWEI)
    look(memory, 6)
    memory.chain.is_mining = True

    memory.world.settle()

    (row,) = memory.world.rows()
    names = [event.step.value for event in memory.world.store.events(row.transaction_id)]
    assert names == ["accepted", "bound", "confirmed"]
    assert memory.world.metrics.total(Metric.BUMPS) == memory.signer.signatures - 1 > 0
    assert memory.world.metrics.total(Metric.CONFIRMED) == 1


def test_a_payment_that_is_mined_in_time_costs_one_signature_and_no_look_at_the_market() -> None:
    """Blocks every second: nothing is overdue, so nothing is asked."""
    memory = memory_world()
    pending(memory, 2)
    asked = memory.chain.fee_history
    looks: list[int] = []

    def counted() -> object:
        looks.append(1)
        return asked()

    memory.chain.fee_history = counted  # type: ignore[method-assign, assignment]
    look(memory, 3)
    memory.world.settle()

    check_each_mined_once(memory)
    assert (memory.signer.signatures, looks) == (2, [])


def test_while_the_chain_stands_still_nothing_is_bumped() -> None:
    """No block passed it by: more money would not make one."""
    memory = memory_world()
    memory.chain.is_mining = False
    pending(memory)

    look(memory, 300)

    assert memory.signer.signatures == 1
    assert memory.chain.sends > 1
    memory.chain.is_mining = True
    memory.world.settle()
    check_each_mined_once(memory)


def test_a_stall_is_bumped_at_the_head_of_the_line_after_it_was_sent_again() -> None:
    """Blocks come without it in a calm market; those behind it wait for it, and cost no signature."""
    memory = memory_world(wallets=1, bump_after_blocks=10, bump_after_seconds=30)
    pending(memory, 3)
    sent: list[int] = []

    def forgetful() -> None:
        sent.append(len(memory.chain.mempool))
        memory.chain.forget()

    memory.chain.forget()
    look(memory, 29, between=forgetful)
    assert memory.signer.signatures == 3
    assert any(sent), "sent again before it offers more"
    look(memory, 20, between=forgetful)

    assert [len(row.attempts) for row in nonces(memory)] == [2, 1, 1]
    first, second = nonces(memory)[0].attempts
    assert second.max_fee_per_gas * 8 >= first.max_fee_per_gas * 9
    memory.world.settle()
    check_each_mined_once(memory)


def test_at_the_cap_the_same_bytes_are_sent_again_until_the_market_falls() -> None:
    """OZ 808: at the gas cap, an evicted transaction was neither bumped nor sent again."""
    memory = memory_world(max_fee_per_gas_cap_wei=2 * GWEI)
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.forget()
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 90)

    (only,) = attempts(memory)
    assert only.max_fee_per_gas == 2 * GWEI
    assert [sent.raw for sent in memory.chain.mempool.values()] == [only.raw]
    assert memory.world.metrics.total(Metric.BUMPS) == 0
    memory.chain.base_fee = Wei(GWEI)
    memory.world.settle()
    check_each_mined_once(memory)
    assert memory.signer.signatures == 1


def test_a_tier_with_a_cap_of_its_own_stops_there() -> None:
    """A slow payment is not worth what a fast one is."""
    memory = memory_world(tier_caps_wei={Tier.SLOW: Wei(3 * GWEI)})
    memory.chain.is_mining = False
    pending(memory, priority="slow")
    pending(memory, priority="fast")
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 60)

    newest = {row.tier.value: row.attempts[-1].max_fee_per_gas for row in nonces(memory)}
    assert newest == {"slow": 3 * GWEI, "fast": 30 * GWEI + 10**6}


def test_the_original_that_is_mined_while_its_bump_is_signed_counts() -> None:
    """Alto 747, 748: the replacement meets `nonce too low`, and nothing is sent under another nonce."""
    memory = memory_world()
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.base_fee = Wei(10 * GWEI)
    sign = memory.signer.sign

    def slowly(wallet: Address, digest: bytes) -> Signature:
        memory.chain.base_fee = Wei(GWEI)
        memory.chain.mine()
        return sign(wallet, digest)

    memory.signer.sign = slowly  # type: ignore[method-assign]
    look(memory, 8)
    memory.signer.sign = sign  # type: ignore[method-assign]
    memory.chain.is_mining = True
    memory.world.settle()

    check_each_mined_once(memory)
    first, _second = attempts(memory)
    assert memory.world.rows()[0].hash == first.hash


def test_an_older_attempt_may_be_the_one_that_is_mined() -> None:
    """Another node never saw the bump; whichever attempt consumes the nonce is the payment."""
    memory = memory_world()
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.base_fee = Wei(10 * GWEI)
    look(memory, 8)
    first, _second = attempts(memory)
    stale = SignedTransaction.decode(first.raw)
    memory.chain.mempool[stale.sender, stale.nonce] = stale
    memory.chain.base_fee, memory.chain.is_mining = Wei(GWEI), True

    memory.world.settle()

    check_each_mined_once(memory)
    assert memory.world.rows()[0].hash == first.hash


def test_what_nodes_refuse_as_underpriced_offers_more_at_the_next_look() -> None:
    """Nothing is in a mempool yet, so there is nothing to wait for."""
    memory = memory_world()
    memory.chain.pool_floor = Wei(2_200_000_000)
    pending(memory)
    assert not memory.chain.mempool

    look(memory, 3)
    memory.world.settle()

    check_each_mined_once(memory)
    assert len(attempts(memory)) == memory.signer.signatures == 2


def test_a_mempool_that_takes_nothing_does_not_drive_an_offer_to_its_cap() -> None:
    """After each refusal the next look that asks for more is later."""
    memory = memory_world()
    memory.chain.pool_floor = Wei(10**15)
    pending(memory)

    look(memory, 60)

    assert 4 <= len(attempts(memory)) <= 7
    memory.chain.pool_floor = Wei(0)
    memory.world.settle()
    check_each_mined_once(memory)


def test_refused_at_the_cap_the_same_bytes_are_offered_now_and_then() -> None:
    """There is no more to offer, and a hint at every block would change nothing."""
    memory = memory_world(max_fee_per_gas_cap_wei=2 * GWEI)
    memory.chain.pool_floor = Wei(3 * GWEI)
    pending(memory)

    look(memory, 60)

    assert memory.signer.signatures == 1
    assert memory.chain.sends <= 6
    memory.chain.pool_floor = Wei(0)
    memory.world.settle()
    check_each_mined_once(memory)


def test_a_strangers_transaction_in_the_mempool_is_outbid() -> None:
    """It waits with our nonce, and nodes refuse ours as a replacement that pays too little more."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    (wallet,) = memory.signer.wallets()
    theirs = Eip1559Transaction(
        chain_id=memory.world.settings.chain_id,
        nonce=WalletNonce(0),
        fees=Eip1559Fees(max_fee_per_gas=Wei(2 * GWEI + 10**6), max_priority_fee_per_gas=Wei(10**6)),
        gas_limit=Gas(21_000),
        call=Call(wallet, b""),
    )
    memory.chain.send([theirs.signed(memory.signer.sign(wallet, theirs.signing_hash()))])
    pending(memory)

    look(memory, 3)
    memory.chain.is_mining = True
    memory.world.settle()

    check_each_mined_once(memory)
    assert len(attempts(memory)) == 2


def test_a_bump_that_is_asked_for_twice_is_signed_once() -> None:
    """Messages are hints: the second finds it done moments ago."""
    memory = memory_world()
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.base_fee = Wei(10 * GWEI)
    memory.clock.sleep(Milliseconds(6_000))
    memory.world.follow(run_ms=1)
    (asked,) = memory.world.queue.everything()
    assert isinstance(asked, NonceHint)
    assert nonces(memory)[0].wanted is Wanted.BUMP

    memory.world.submit([asked])
    memory.world.submit([asked])

    assert len(attempts(memory)) == memory.signer.signatures == 2


def test_without_a_word_of_the_market_what_is_overdue_is_sent_again() -> None:
    """A node that cannot tell the market may still take transactions."""
    memory = memory_world()
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.forget()

    def silent() -> None:
        raise ChainUnreachableError(memory.world.settings.chain_id, "error -32601: no eth_feeHistory")

    told = memory.chain.fee_history
    memory.chain.fee_history = silent  # type: ignore[method-assign, assignment]
    look(memory, 8)
    memory.chain.fee_history = told  # type: ignore[method-assign]
    memory.chain.is_mining = True
    memory.world.settle()

    check_each_mined_once(memory)
    assert memory.signer.signatures == 1


def test_a_batch_is_bumped_as_the_batch_it_is_at_its_fastest_tier() -> None:
    """The same call under the same nonce, for all of its payments at once."""
    memory = memory_world(batch_min=2)
    memory.chain.is_mining = False
    for priority in ("slow", "normal", "slow"):
        body = memory.payers[0].pay(1_000, deadline=memory.deadline(), priority=priority)
        memory.world.post(body)
    memory.world.deliver()
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 8)
    memory.world.settle()

    check_each_mined_once(memory)
    first, second = attempts(memory)
    assert opened(first.raw).call == opened(second.raw).call
    assert second.max_fee_per_gas == 20 * GWEI + 10**6


def test_on_a_legacy_chain_the_gas_price_rises() -> None:
    """One number is maximum and tip; a node's rule for replacements is the same."""
    memory = memory_world(fee_model=FeeModel.LEGACY)
    memory.chain.is_mining = False
    pending(memory)
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 8)
    memory.world.settle()

    check_each_mined_once(memory)
    first, second = attempts(memory)
    assert first.max_fee_per_gas == first.max_priority_fee_per_gas == 11 * GWEI // 10
    assert second.max_fee_per_gas == second.max_priority_fee_per_gas == 11 * GWEI
    assert second.raw[0] >= 0xC0
