"""Two endpoints: whatever one of them says, nothing ends before both agree, and then it does."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ferryman.domain.metrics import Metric
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import BlockHash, BlockNumber, Milliseconds, WalletNonce
from ferryman.intents.payment import escrow
from ferryman.ports import Reverted, TransactionReceipt
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.signer import FakeSigner
from tests.fakes.witness import FakeWitness, hidden

NONCE_USED = next(
    bytes.fromhex(key[2:]) for key, why in escrow.PERMANENT_ERRORS.items() if why == "nonce_used"
)
DOOM = Reverted(NONCE_USED + bytes(64), "execution reverted")


def served_by_two(**settings: Any) -> tuple[MemoryWorld, list[FakeWitness]]:  # noqa: ANN401 (of memory_world)
    """Give a world over two endpoints; whatever is not asked of both is read by the first."""
    memory = memory_world(**settings)
    endpoints = list(memory.chain.served_by_two())
    memory.world.chain = endpoints[0]
    memory.world.restart()
    return memory, endpoints


def post(memory: MemoryWorld, *, payer: int = 0, nonce: int = 1) -> None:
    """Accept and bind a payment."""
    memory.world.post(memory.payers[payer].pay(1_000, nonce=nonce, deadline=memory.deadline()))
    memory.world.deliver()


def live(memory: MemoryWorld, *, seconds: int = 40) -> None:
    """Let everything run for a while, whether or not it gets anywhere."""
    for _ in range(seconds // 10):
        while memory.world.deliver():
            pass
        memory.world.follow(run_ms=8_000)
        memory.clock.sleep(Milliseconds(2_000))


def only_row(memory: MemoryWorld) -> Transaction:
    """The one row, which must equal the fold of its events."""
    memory.world.check_events()
    (row,) = memory.world.rows()
    return row


def moved(receipt: TransactionReceipt) -> TransactionReceipt:
    """Tell of another block."""
    return replace(receipt, block_hash=BlockHash("0x" + "66" * 32))


def earlier(receipt: TransactionReceipt) -> TransactionReceipt:
    """Tell that it is deeper than it is."""
    return replace(receipt, block_number=BlockNumber(receipt.block_number - 5))


def upside_down(receipt: TransactionReceipt) -> TransactionReceipt:
    """Tell the opposite of how it ended."""
    return replace(receipt, succeeded=not receipt.succeeded)


def silent(receipt: TransactionReceipt) -> TransactionReceipt:
    """Keep quiet about what the contract said."""
    return replace(receipt, logs=())


def no_receipts(endpoint: FakeWitness) -> None:
    """Give empty receipts."""
    endpoint.receipt_lie = hidden


def another_block(endpoint: FakeWitness) -> None:
    """Name another block."""
    endpoint.receipt_lie = moved


def too_deep(endpoint: FakeWitness) -> None:
    """Claim more confirmations than there are."""
    endpoint.receipt_lie = earlier


def other_end(endpoint: FakeWitness) -> None:
    """Turn success and failure around."""
    endpoint.receipt_lie = upside_down


def no_logs(endpoint: FakeWitness) -> None:
    """Hide the logs."""
    endpoint.receipt_lie = silent


def stale_head(endpoint: FakeWitness) -> None:
    """Stand still."""
    endpoint.lag = 10_000


def away(endpoint: FakeWitness) -> None:
    """Answer nothing."""
    endpoint.is_reachable = False


LIES = [no_receipts, another_block, too_deep, other_end, no_logs, stale_head, away]
Lie = Callable[[FakeWitness], None]


def honest(endpoint: FakeWitness) -> None:
    """Tell the truth again."""
    endpoint.receipt_lie, endpoint.lag, endpoint.counts, endpoint.is_reachable = None, 0, {}, True


# -- how many ---------------------------------------------------------------------------------


@pytest.mark.parametrize("succeeds", [True, False])
def test_an_end_says_that_two_endpoints_saw_it(succeeds: bool) -> None:  # noqa: FBT001 (a case)
    """In its last event, and in the record."""
    memory, _ = served_by_two()
    post(memory)
    if not succeeds:
        memory.chain.state.used.add((memory.payers[0].address.lower(), 1))

    memory.world.settle()

    row = only_row(memory)
    assert (row.status, row.witnesses) == (Status.CONFIRMED if succeeds else Status.FAILED, 2)
    assert memory.world.store.events(row.transaction_id)[-1].facts["witnesses"] == 2


def test_an_end_says_that_there_is_only_one_endpoint() -> None:
    """Nobody who reads it believes more than is so; and the one is not asked twice."""
    memory = memory_world()
    post(memory)

    memory.world.settle()

    assert (only_row(memory).status, only_row(memory).witnesses) == (Status.CONFIRMED, 1)


def test_all_that_ends_in_a_look_is_asked_in_one_batch() -> None:
    """Whatever the number of payments: the cost of a look does not grow with them."""
    memory, endpoints = served_by_two(payers=8, batch_size=0)
    for payer in range(8):
        post(memory, payer=payer)
    memory.clock.sleep(Milliseconds(1_000))

    memory.world.follow(run_ms=2_000)

    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert [one.asked.count("receipts_with_head") for one in endpoints] == [1, 1]


def test_a_look_is_not_through_with_a_block_that_the_second_endpoint_has_still_to_see() -> None:
    """It may see it any moment, and no other block is needed then."""
    memory, (_, second) = served_by_two()
    post(memory)
    memory.clock.sleep(Milliseconds(1_000))
    follower = memory.world.confirm.follower(memory.world.settings.chain_id)

    second.lag = 1
    first_look = follower.look()
    second.lag = 0
    second_look = follower.look()

    assert (first_look.head, first_look.freed, first_look.is_through) == (second_look.head, 0, False)
    assert (second_look.freed, second_look.is_through) == (1, True)


def test_a_second_endpoint_that_is_a_block_behind_costs_no_event_more() -> None:
    """Its word is waited for, rather than told as an inclusion that is over at once."""
    memory, (_, second) = served_by_two()
    second.lag = 1
    post(memory)

    memory.world.settle()

    row = only_row(memory)
    assert (row.status, row.confirmations) == (Status.CONFIRMED, 1)
    names = [event.name for event in memory.world.store.events(row.transaction_id)]
    assert names == ["payment_accepted", "payment_pending", "payment_confirmed"]


# -- lies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("confirmations", [1, 3])
@pytest.mark.parametrize("liar", [0, 1])
@pytest.mark.parametrize("lie", LIES)
def test_nothing_ends_on_the_word_of_one(lie: Lie, liar: int, confirmations: int) -> None:
    """Bound, mined and deep by one endpoint, whichever it is: it ends when the other says so too."""
    memory, endpoints = served_by_two(required_confirmations=confirmations)
    post(memory)
    lie(endpoints[liar])

    live(memory)
    during = only_row(memory)
    honest(endpoints[liar])
    memory.world.settle()

    assert during.status is Status.PENDING
    row = only_row(memory)
    assert (row.status, row.witnesses) == (Status.CONFIRMED, 2)
    assert len(memory.chain.state.executed) == 1
    assert memory.world.reserved() == memory.world.held() == 0
    memory.world.check_nonces()


@pytest.mark.parametrize("lie", LIES)
def test_of_three_endpoints_one_that_lies_for_ever_ends_nothing_and_prevents_nothing(lie: Lie) -> None:
    """It is asked first; those that contradict each other are not asked together again."""
    memory, endpoints = served_by_two()
    memory.chain.endpoints = (*endpoints, FakeWitness(memory.chain))
    post(memory)
    lie(endpoints[1])

    memory.world.settle()

    row = only_row(memory)
    assert (row.status, row.witnesses) == (Status.CONFIRMED, 2)
    assert len(memory.chain.state.executed) == 1
    memory.world.check_nonces()


@pytest.mark.parametrize("lie", [lie for lie in LIES if lie is not no_logs])
def test_a_payment_that_reverted_is_not_failed_by_one(lie: Lie) -> None:
    """Its funds stay held until it is certain; what reverted has no logs, so hiding them is no lie."""
    memory, (_, second) = served_by_two()
    post(memory)
    memory.chain.state.used.add((memory.payers[0].address.lower(), 1))
    lie(second)

    live(memory)
    during, held = only_row(memory), memory.world.held()
    honest(second)
    memory.world.settle()

    assert (during.status, held) == (Status.PENDING, 1_000)
    assert (only_row(memory).status, only_row(memory).reason) == (Status.FAILED, "reverted")


def test_what_waits_for_the_second_endpoint_is_said() -> None:
    """A log line with the cause, and a metric to alarm on, once it takes longer than a block."""
    memory, (_, second) = served_by_two()
    post(memory)
    second.is_reachable = False

    live(memory, seconds=10)

    lines = [values for _, message, values in memory.world.log.lines if "second endpoint" in message]
    assert lines[0]["cause"] == "this endpoint is switched off"
    assert memory.world.metrics.total(Metric.UNWITNESSED) == len(lines) > 0


def test_a_healthy_second_endpoint_is_nothing_to_tell_of() -> None:
    """No warning, no metric."""
    memory, _ = served_by_two()
    post(memory)

    memory.world.settle()

    assert not [line for line in memory.world.log.lines if line[0] == "warning"]
    assert memory.world.metrics.total(Metric.UNWITNESSED) == 0


def test_a_block_that_both_have_lost_is_told() -> None:
    """Agreement on absence is as good as on presence."""
    memory, _ = served_by_two(required_confirmations=3)
    post(memory)
    memory.clock.sleep(Milliseconds(1_000))
    memory.world.follow(run_ms=2_000)

    memory.chain.reorg()
    memory.clock.sleep(Milliseconds(20_000))
    memory.world.settle()

    row = only_row(memory)
    names = [event.name for event in memory.world.store.events(row.transaction_id)]
    assert names[-2:] == ["payment_reorged", "payment_confirmed"]


@pytest.mark.parametrize("liar", [0, 1])
def test_a_wallet_is_not_opened_on_the_word_of_one(liar: int) -> None:
    """A wrong count would be the base of every nonce that follows: bind waits until both agree."""
    memory, endpoints = served_by_two()
    endpoints[liar].counts = {wallet: WalletNonce(900) for wallet in memory.signer.wallets()}

    post(memory)
    during = only_row(memory)
    honest(endpoints[liar])
    live(memory)

    assert (during.status, during.nonce) == (Status.VALIDATED, None)
    assert "say different things" in (during.last_error or "")
    assert (only_row(memory).status, only_row(memory).nonce) == (Status.CONFIRMED, 0)


def test_a_new_wallet_that_cannot_be_opened_stops_no_other() -> None:
    """A key is added while the second endpoint is away: payments go on with the wallets there are."""
    memory, (_, second) = served_by_two(wallets=1)
    post(memory)
    memory.world.settle()
    second.is_reachable = False

    memory.world.signer = FakeSigner((bytes([7, 9]) * 16, bytes([7, 1]) * 16))
    memory.world.restart()
    post(memory, nonce=2)

    (bound,) = memory.world.open_rows()
    assert (bound.status, bound.wallet) == (Status.PENDING, memory.signer.wallets()[0])


# -- simulation -------------------------------------------------------------------------------


@pytest.mark.parametrize("liar", [0, 1])
def test_one_endpoint_cannot_doom_a_payment(liar: int) -> None:
    """It says that the payment will never go through; the other one knows better."""
    memory, endpoints = served_by_two()
    endpoints[liar].verdict = DOOM

    post(memory)
    live(memory)
    during = only_row(memory)
    endpoints[liar].verdict = None
    memory.world.settle()

    # What the pool does not read of the liar does not even wait.
    assert during.status is (Status.VALIDATED if liar == 0 else Status.CONFIRMED)
    assert during.last_error is None or "do not agree" in during.last_error
    assert only_row(memory).status is Status.CONFIRMED


def test_two_endpoints_doom_a_payment_without_a_nonce() -> None:
    """No gas is spent, and the record says how many said so."""
    memory, endpoints = served_by_two()
    for endpoint in endpoints:
        endpoint.verdict = DOOM

    post(memory)

    row = only_row(memory)
    assert (row.status, row.reason, row.witnesses, row.nonce) == (Status.FAILED, "nonce_used", 2, None)
    assert memory.signer.signatures == 0


def test_an_endpoint_behind_acceptance_dooms_nobody() -> None:
    """It may not have seen the deposit yet, though it says that the payment can never be made."""
    memory, endpoints = served_by_two()
    for endpoint in endpoints:
        endpoint.verdict = DOOM
    endpoints[1].lag = 10_000

    post(memory)

    assert only_row(memory).status is Status.VALIDATED


def test_a_doomed_payment_waits_for_a_second_endpoint_that_is_away() -> None:
    """And fails when it is back and says the same."""
    memory, (first, second) = served_by_two()
    post(memory, payer=1)
    first.verdict = second.verdict = DOOM
    second.is_reachable = False
    post(memory)
    waiting = next(row for row in memory.world.rows() if row.nonce is None)

    second.is_reachable = True
    live(memory)

    assert waiting.status is Status.VALIDATED
    assert "its end waits for a second endpoint" in (waiting.last_error or "")
    failed = memory.world.store.get(waiting.transaction_id)
    assert failed is not None
    assert (failed.status, failed.witnesses) == (Status.FAILED, 2)


@pytest.mark.parametrize("second_agrees", [True, False])
def test_the_last_failure_that_is_allowed_is_the_word_of_both(second_agrees: bool) -> None:  # noqa: FBT001 (a case)
    """A revert that nobody knows counts on the word of one, but gives the payment up only on that of two."""
    memory, (first, second) = served_by_two(failures_allowed=2)
    post(memory, payer=1)
    first.verdict = Reverted(b"\x12\x34\x56\x78", "execution reverted")
    second.verdict = first.verdict if second_agrees else None

    post(memory)
    live(memory)

    row = next(row for row in memory.world.rows() if row.nonce is None)
    assert (row.permanent_reason is not None) == second_agrees
    assert row.permanent_witnesses == (2 if second_agrees else None)
    assert row.failures == (2 if second_agrees else 1)


# -- funds ------------------------------------------------------------------------------------


def received_while_away(memory: MemoryWorld, endpoints: list[FakeWitness]) -> None:
    """Accept a payment while no endpoint answers, and let them answer again."""
    for endpoint in endpoints:
        endpoint.is_reachable = False
    memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))
    for endpoint in endpoints:
        endpoint.is_reachable = True
    assert only_row(memory).status is Status.RECEIVED


@pytest.mark.parametrize("liar", [0, 1])
def test_one_endpoint_that_shows_no_funds_ends_nothing(liar: int) -> None:
    """The other one shows them, and the payment goes on."""
    memory, endpoints = served_by_two()
    received_while_away(memory, endpoints)
    endpoints[liar].is_blank = True

    memory.world.deliver()

    assert only_row(memory).status is Status.PENDING


def test_two_endpoints_that_show_no_funds_end_it() -> None:
    """Which the record says."""
    memory, endpoints = served_by_two()
    received_while_away(memory, endpoints)
    memory.chain.state.balances.clear()

    memory.world.deliver()

    row = only_row(memory)
    assert (row.status, row.reason, row.witnesses) == (Status.FAILED, "insufficient_funds", 2)
