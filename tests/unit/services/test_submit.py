"""Submission: waiting, failing without gas, and nonces that are never bound twice."""

import threading
from dataclasses import replace
from typing import Final

import pytest

from ferryman.adapters.workers import ThreadWorkers
from ferryman.domain.errors import SignatureMismatchError, SignerUnavailableError
from ferryman.domain.events import Step
from ferryman.domain.signatures import Signature
from ferryman.domain.transaction import BINDING_FACTS, Status, take_step
from ferryman.domain.units import Address, Milliseconds, TransactionId, WalletNonce
from ferryman.ports import Change, NonceHint, TransactionHint
from tests.fakes.settled import MemoryWorld, memory_world

OTHER_KEY: Final = Address("0x" + "11" * 20)


def only_row_waits(memory: MemoryWorld) -> tuple[int, str]:
    """How long the one row waits from now, and for what."""
    (row,) = memory.world.rows()
    assert row.due_at is not None
    return row.due_at - memory.clock.now(), row.last_error or ""


def test_a_message_delivered_twice_binds_one_nonce() -> None:
    """A queue message is a hint; the row decides."""
    memory = memory_world()
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    hints = memory.world.queue.everything()

    memory.world.submit(hints)
    memory.world.submit(hints)

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)
    assert memory.signer.signatures == 1


def test_a_full_window_makes_rows_wait_and_not_messages() -> None:
    """The message is deleted, the wait grows, and the row goes on when a nonce is free."""
    memory = memory_world(wallets=1, window=1)
    first, second = memory.payers
    memory.world.post(first.pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()
    memory.chain.is_mining = False
    memory.world.post(second.pay(1_000, deadline=memory.deadline()))
    waited = []

    for _ in range(5):
        memory.world.deliver()
        waiting = next(row for row in memory.world.rows() if row.status is Status.VALIDATED)
        assert waiting.due_at is not None
        assert len(memory.world.queue) == 0
        pause = Milliseconds(waiting.due_at - memory.clock.now())
        waited.append(pause)
        memory.clock.sleep(pause)
        memory.world.follow(run_ms=2_500)

    assert waited == [1_000, 5_000, 15_000, 30_000, 30_000]
    memory.chain.is_mining = True
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert not memory.world.queue.dead


def test_an_hour_without_the_chain_sends_no_healthy_message_to_the_dead_letters() -> None:
    """Waiting is state on the row, so nothing ages in the queue."""
    memory = memory_world()
    for payer in memory.payers:
        memory.world.post(payer.pay(1_000, deadline=memory.deadline(7_200)))
    memory.chain.is_reachable = False

    for _ in range(120):
        memory.world.deliver()
        memory.world.follow(run_ms=5_000)
        memory.clock.sleep(Milliseconds(30_000))
    assert not memory.world.queue.dead
    assert {row.status for row in memory.world.rows()} == {Status.VALIDATED}
    memory.chain.is_reachable = True
    memory.world.settle()

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_events()


def test_a_paused_escrow_makes_payments_wait_until_their_deadline_and_no_longer() -> None:
    """An unknown revert may pass; when it never does, the payment ends without a nonce and without gas."""
    memory = memory_world()
    memory.chain.is_paused = True
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(120)))
    memory.world.deliver()
    pause, cause = only_row_waits(memory)
    assert (pause, "EnforcedPause" in cause) == (1_000, True)

    memory.clock.sleep(Milliseconds(121_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason, row.nonce) == (Status.FAILED, "deadline_passed", None)
    assert (memory.signer.signatures, memory.chain.sends) == (0, 0)
    assert memory.world.reserved() == memory.world.held() == 0


def test_a_permanent_revert_fails_the_payment_without_gas() -> None:
    """The nonce was used by another way than ours: time does not heal that."""
    memory = memory_world()
    payer = memory.payers[0]
    memory.world.post(payer.pay(1_000, nonce=3, deadline=memory.deadline()))
    memory.chain.state.used.add((payer.address.lower(), 3))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason, row.nonce) == (Status.FAILED, "nonce_used", None)
    assert memory.signer.signatures == 0
    assert memory.world.reserved() == 0


def test_a_market_above_the_cap_makes_payments_wait() -> None:
    """The operator's cap holds, and the market may fall again."""
    memory = memory_world()
    memory.chain.base_fee = memory.world.settings.max_fee_per_gas_cap_wei
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    memory.world.deliver()

    _, cause = only_row_waits(memory)
    assert "cap" in cause
    assert memory.signer.signatures == 0


def test_a_bound_nonce_that_could_not_be_signed_is_signed_later_on_the_same_nonce() -> None:
    """A nonce holder is never failed: confirm asks, submit signs (rrelayer #113: wedged for good)."""
    memory = memory_world()
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    sign = memory.signer.sign

    def unavailable(wallet: Address, digest: bytes) -> Signature:
        raise SignerUnavailableError(f"throttled: {wallet} {digest.hex()}")

    memory.signer.sign = unavailable  # type: ignore[method-assign]
    memory.world.deliver()
    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.PENDING, 0)
    memory.signer.sign = sign  # type: ignore[method-assign]
    memory.clock.sleep(Milliseconds(3_000))
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.nonce) == (Status.CONFIRMED, 0)
    memory.world.check_nonces()


def four_signed(*troubles: Exception | None) -> MemoryWorld:
    """Have four nonces signed, the first of them with trouble of the key service, or none."""
    memory = memory_world(batch_size=1)
    memory.chain.is_mining = False
    for payer in (*memory.payers, *memory.payers):
        memory.world.post(payer.pay(1_000, deadline=memory.deadline()))
    sign, coming = memory.signer.sign, list(troubles)

    def troubled(wallet: Address, digest: bytes) -> Signature:
        if coming and (trouble := coming.pop(0)):
            raise trouble
        return sign(wallet, digest)

    memory.signer.sign = troubled  # type: ignore[method-assign]
    memory.world.deliver()
    return memory


def test_a_nonce_that_cannot_be_signed_keeps_none_of_the_others() -> None:
    """What is signed is broadcast at once; only the one that was throttled waits for confirm to ask."""
    memory = four_signed(None, SignerUnavailableError("throttled"))

    assert len(memory.chain.mempool) == 3
    assert "nonce not signed, confirm will ask again" in str(memory.world.log.lines)
    memory.chain.is_mining = True
    memory.clock.sleep(Milliseconds(3_000))
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert memory.signer.signatures == 4
    memory.world.check_nonces()


def test_a_key_service_that_signs_with_another_key_is_told_whatever_else_goes_wrong() -> None:
    """It is the one trouble that somebody has to look into; nothing that it signed is broadcast."""
    memory = four_signed(SignerUnavailableError("throttled"), SignatureMismatchError(OTHER_KEY))

    assert len(memory.chain.mempool) == 2
    told = [message for level, message, _ in memory.world.log.lines if level == "error"]
    assert told == ["the key service signs with another key"]


def test_nonces_are_signed_at_the_same_time() -> None:
    """Each is a request to the key service and one to the table: ten in a row are a third of a second."""
    memory = memory_world(batch_size=1)
    memory.world.workers = ThreadWorkers(4)
    memory.world.restart()
    for payer in (*memory.payers, *memory.payers):
        memory.world.post(payer.pay(1_000, deadline=memory.deadline()))
    sign, together = memory.signer.sign, threading.Barrier(4, timeout=10)

    def signed(wallet: Address, digest: bytes) -> Signature:
        # Breaks, and raises, unless all four are here at once.
        together.wait()
        return sign(wallet, digest)

    memory.signer.sign = signed  # type: ignore[method-assign]
    memory.world.deliver()

    assert memory.signer.signatures == 4
    memory.world.settle()
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    memory.world.check_nonces()


def test_a_lost_mempool_is_filled_again_with_the_same_bytes() -> None:
    """What was broadcast and forgotten is sent once more, not signed once more."""
    memory = memory_world()
    memory.chain.is_mining = False
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    memory.world.deliver()
    memory.chain.forget()
    memory.chain.is_mining = True

    memory.world.settle()

    (row,) = memory.world.rows()
    assert row.status is Status.CONFIRMED
    assert memory.signer.signatures == 1


def test_payments_spread_over_the_pool_when_one_window_is_full() -> None:
    """Throughput grows by adding keys."""
    memory = memory_world(wallets=2, window=2)
    for _ in range(2):
        for payer in memory.payers:
            memory.world.post(payer.pay(1_000, deadline=memory.deadline()))

    memory.world.deliver()

    bound = [(row.wallet, row.nonce) for row in memory.world.rows()]
    assert len(set(bound)) == 4
    assert len({wallet for wallet, _ in bound}) == 2


@pytest.mark.parametrize("chain_id", [31337, 1])
def test_a_message_that_names_nothing_we_have_is_left_for_the_dead_letters(chain_id: int) -> None:
    """Its alarm is there; nothing else is held up by it."""
    memory = memory_world()
    sender = memory.payers[0].address
    nothing = TransactionHint(
        transaction_id=TransactionId("0x" + "00" * 32),
        chain_id=chain_id,  # type: ignore[arg-type]
        sender=sender,
        version=1,
    )
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    failed = memory.world.submit([nothing, *memory.world.queue.everything()])

    assert failed == {nothing}
    assert memory.world.rows()[0].status is Status.PENDING


def test_a_nonce_that_does_not_exist_is_acknowledged() -> None:
    """A stale hint is harmless."""
    memory = memory_world()
    hint = NonceHint(
        chain_id=memory.world.settings.chain_id,
        wallet=memory.signer.wallets()[0],
        nonce=WalletNonce(7),
        version=1,
    )

    assert memory.world.submit([hint]) == frozenset()
    assert memory.signer.signatures == 0


def test_a_row_that_waits_wakes_confirm_which_sweeps_it() -> None:
    """Otherwise the first wait of a second would last until the next schedule."""
    memory = memory_world()
    memory.chain.is_paused = True
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    memory.world.deliver()

    assert memory.world.confirmer.started == [memory.world.settings.chain_id]


def test_what_another_relayer_carried_out_before_it_was_bound_is_confirmed_and_not_failed() -> None:
    """Its simulation reverts for good, because its nonce is used: by itself, as the chain's logs say."""
    memory = memory_world(wallets=1)
    sent = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    by_another = memory.chain.relay(sent.payload)
    memory.clock.sleep(Milliseconds(1_000))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason, row.hash) == (Status.CONFIRMED, None, by_another)
    assert memory.signer.signatures == 0
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()


def test_what_our_own_forgotten_bytes_carried_out_is_confirmed_and_not_failed() -> None:
    """A row that had left its nonce, as a reorg or a restore can bring about, finds itself executed."""
    memory = memory_world(wallets=1)
    memory.chain.is_mining = False
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    while memory.world.deliver():
        pass
    (bound,) = memory.world.rows()
    left, event = take_step(
        bound, Step.RETURNED, name="payment_returned", at=memory.clock.now(), **dict.fromkeys(BINDING_FACTS)
    )
    due = replace(left, due_at=memory.clock.now())
    memory.world.store.write(Change(before=bound, after=due, events=(event,)))
    memory.chain.is_mining = True
    memory.clock.sleep(Milliseconds(2_000))

    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.CONFIRMED, None)
    assert row.hash is not None
    assert len(memory.chain.state.executed) == 1
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_events()
