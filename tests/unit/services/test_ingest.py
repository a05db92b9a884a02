"""Acceptance: what is taken, what is refused, and what a refusal leaves behind."""

from collections.abc import Sequence

import pytest

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    BodyDiffersError,
    ChainUnreachableError,
    ContractMismatchError,
    DeadlinePassedError,
    InsufficientFundsError,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    StoreUnavailableError,
    WrongSignerError,
)
from ferryman.domain.transaction import Status
from ferryman.domain.units import BlockNumber, Milliseconds
from ferryman.ports import Read, Reading
from tests.fakes.settled import LOCKED, MemoryWorld, memory_world


def events_of(memory: MemoryWorld, transaction_id: str) -> list[str]:
    """Names of a transaction's events, in order."""
    return [event.name for event in memory.world.store.events(transaction_id)]  # type: ignore[arg-type]


def test_a_good_payment_is_validated_its_funds_held_and_its_message_queued() -> None:
    """The instant assurance: stored, reserved and queued before the answer."""
    memory = memory_world()

    accepted = memory.world.post(memory.payers[0].pay(1_000, fee=5, deadline=memory.deadline()))

    row = accepted.transaction
    assert accepted.is_new
    assert (row.status, row.assured, row.accepted_block) == (Status.VALIDATED, True, 20)
    assert memory.world.reserved() == memory.world.held() == 1_005
    assert len(memory.world.queue) == 1
    assert events_of(memory, row.transaction_id) == ["payment_accepted"]
    assert memory.world.rows() == (row,)


@pytest.mark.parametrize("later", ["at once", "when confirmed", "after its deadline"])
def test_the_same_payment_again_is_the_same_record(later: str) -> None:
    """The digest is the id: a repeat finds its record, whatever became of it, and changes nothing."""
    memory = memory_world()
    body = memory.payers[0].pay(1_000, deadline=memory.deadline())
    first = memory.world.post(body).transaction
    if later != "at once":
        memory.world.settle()
    if later == "after its deadline":
        memory.clock.sleep(Milliseconds(10_000_000))
    before, signatures = memory.world.rows(), memory.signer.signatures

    again = memory.world.post(body)

    assert not again.is_new
    assert again.transaction.transaction_id == first.transaction_id
    assert memory.world.rows() == before
    assert memory.signer.signatures == signatures


def test_the_same_message_with_another_priority_is_refused_and_names_the_field() -> None:
    """One id, one body."""
    memory = memory_world()
    body = memory.payers[0].pay(1_000, deadline=memory.deadline())
    memory.world.post(body)

    with pytest.raises(BodyDiffersError) as refused:
        memory.world.post(body | {"priority": "fast"})

    assert [problem.field for problem in refused.value.problems] == ["priority"]


def test_a_nonce_held_by_another_message_is_refused_and_names_its_holder() -> None:
    """Two messages can never both use one nonce on chain."""
    memory = memory_world()
    payer = memory.payers[0]
    first = memory.world.post(payer.pay(1_000, nonce=5, deadline=memory.deadline())).transaction

    with pytest.raises(NonceUsedError) as refused:
        memory.world.post(payer.pay(2_000, nonce=5, deadline=memory.deadline()))

    assert first.transaction_id in refused.value.problems[0].reason
    assert memory.world.reserved() == 1_000


def test_a_nonce_used_on_chain_is_refused() -> None:
    """The escrow has executed it, though we never saw it."""
    memory = memory_world()
    payer = memory.payers[0]
    memory.chain.state.used.add((payer.address.lower(), 9))

    with pytest.raises(NonceUsedError):
        memory.world.post(payer.pay(1_000, nonce=9, deadline=memory.deadline()))


def test_insufficient_funds_say_how_much_is_free() -> None:
    """Locked funds, less what is held for others."""
    memory = memory_world()
    payer = memory.payers[0]
    memory.world.post(payer.pay(LOCKED - 300, deadline=memory.deadline()))

    with pytest.raises(InsufficientFundsError) as refused:
        memory.world.post(payer.pay(301, deadline=memory.deadline()))

    assert (refused.value.free, refused.value.needed) == (300, 301)


def test_a_pending_withdrawal_cannot_be_promised_to_anybody() -> None:
    """It may be claimed once its grace period is over."""
    memory = memory_world()
    payer = memory.payers[0]
    memory.chain.request_withdrawal(memory.world.settings.tokens[0], payer.address, LOCKED - 100)

    with pytest.raises(InsufficientFundsError) as refused:
        memory.world.post(payer.pay(101, deadline=memory.deadline()))

    assert refused.value.free == 100
    assert memory.world.post(payer.pay(100, deadline=memory.deadline())).is_new


def test_with_the_chain_away_a_payment_is_received_and_assured_later() -> None:
    """Accepted, not yet assured; and told so step by step when the chain is back."""
    memory = memory_world()
    memory.chain.is_reachable = False

    row = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline())).transaction
    assert (row.status, row.assured) == (Status.RECEIVED, False)
    assert memory.world.reserved() == 0
    memory.world.deliver()
    memory.chain.is_reachable = True
    memory.clock.sleep(Milliseconds(2_000))
    memory.world.settle()

    assert events_of(memory, row.transaction_id) == [
        "payment_accepted",
        "payment_validated",
        "payment_pending",
        "payment_confirmed",
    ]


def test_a_payment_received_without_funds_fails_when_the_chain_is_back() -> None:
    """No assurance was given, and no gas is spent."""
    memory = memory_world()
    memory.chain.is_reachable = False
    memory.world.post(memory.payers[0].pay(LOCKED + 1, deadline=memory.deadline()))

    memory.chain.is_reachable = True
    memory.world.settle()

    (row,) = memory.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "insufficient_funds")
    assert (memory.signer.signatures, memory.chain.sends, memory.world.reserved()) == (0, 0, 0)


def test_a_stranger_cannot_sign_for_a_payer() -> None:
    """The signer is recovered from the message, never taken from the request."""
    memory = memory_world()
    own, stranger = memory.payers
    forged = own.pay(1_000, deadline=memory.deadline()) | {
        "signature": stranger.pay(1_000, deadline=memory.deadline())["signature"]
    }

    with pytest.raises(WrongSignerError):
        memory.world.post(forged)

    assert not memory.world.rows()


def test_a_contract_wallet_vouches_for_its_signature_but_is_not_assured() -> None:
    """ERC-1271 can be revoked until the payment is mined."""
    memory = memory_world()
    payer, other = memory.payers
    memory.chain.contract_wallets.add(payer.address)
    body = payer.pay(1_000, deadline=memory.deadline()) | {"signature": "0x" + "ab" * 70}

    row = memory.world.post(body).transaction

    assert (row.status, row.assured) == (Status.VALIDATED, False)
    with pytest.raises(InvalidFieldsError):
        memory.world.post(other.pay(1_000, deadline=memory.deadline()) | {"signature": "0x" + "ab" * 70})


def test_a_contract_wallet_cannot_be_asked_while_the_chain_is_away() -> None:
    """The client is told to try again, rather than that the signature is wrong."""
    memory = memory_world()
    memory.chain.is_reachable = False
    body = memory.payers[0].pay(1_000, deadline=memory.deadline()) | {"signature": "0x" + "ab" * 70}

    with pytest.raises(AssuranceUnavailableError):
        memory.world.post(body)

    assert not memory.world.rows()


def test_a_contract_of_another_domain_is_refused_before_anything_is_stored() -> None:
    """A wrong address in the configuration must not look like a refused signature."""
    memory = memory_world()
    memory.chain.settings = memory.world.settings.model_copy(update={"chain_id": 1})

    with pytest.raises(ContractMismatchError):
        memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    assert not memory.world.rows()


def test_a_refused_payment_leaves_nothing_and_costs_nothing() -> None:
    """Invariant 6: no row, no reservation, no message, no signature, no broadcast."""
    memory = memory_world()
    payer = memory.payers[0]
    good = payer.pay(1_000, deadline=memory.deadline())
    bad = [
        good | {"amount": "-1"},
        good | {"amount": "2000"},
        good | {"signature": good["signature"][:-2] + "00"},
        good | {"deadline": 1},
        payer.pay(1_000, deadline=memory.deadline(-5)),
        payer.pay(1_000, deadline=memory.deadline(86_400)),
        payer.pay(LOCKED + 1, deadline=memory.deadline()),
    ]

    for body in bad:
        with pytest.raises(RequestError):
            memory.world.post(body)

    assert not memory.world.rows()
    assert (memory.world.reserved(), len(memory.world.queue)) == (0, 0)
    assert (memory.signer.signatures, memory.chain.sends) == (0, 0)


def test_a_passed_deadline_says_so() -> None:
    """It is gone, not malformed."""
    memory = memory_world()

    with pytest.raises(DeadlinePassedError):
        memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(-1)))


def test_when_the_queue_takes_no_message_the_sweep_sends_it() -> None:
    """The answer is 202 all the same, and confirm is woken."""

    class Closed:
        def send(self, _hints: object) -> None:
            raise StoreUnavailableError("closed")

    memory = memory_world(wrap=lambda name, port: Closed() if name == "queue" else port)

    accepted = memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline()))

    assert accepted.is_new
    assert memory.world.confirmer.started == [31337]
    healed = memory.world.rival()
    memory.clock.sleep(Milliseconds(10_000))
    healed.settle()
    assert [row.status for row in healed.rows()] == [Status.CONFIRMED]


def test_a_foreign_signature_under_a_known_message_is_refused_as_such() -> None:
    """The record it would find is public; but this request is not the one that made it."""
    memory = memory_world()
    own, stranger = memory.payers
    body = own.pay(1_000, deadline=memory.deadline())
    memory.world.post(body)

    with pytest.raises(WrongSignerError):
        memory.world.post(body | {"signature": stranger.pay(1, deadline=memory.deadline())["signature"]})


def test_a_contract_wallet_s_repeat_is_its_record_also_while_the_chain_is_away() -> None:
    """It vouched when the record was made."""
    memory = memory_world()
    memory.chain.contract_wallets.add(memory.payers[0].address)
    body = memory.payers[0].pay(1_000, deadline=memory.deadline()) | {"signature": "0x" + "ab" * 70}
    first = memory.world.post(body).transaction
    memory.chain.is_reachable = False

    again = memory.world.post(body)

    assert (again.is_new, again.transaction) == (False, first)


def test_a_refusal_stands_when_the_older_block_cannot_be_read() -> None:
    """A node that has pruned it, or goes away just then: the fresh reading has refused already."""
    memory = memory_world()
    read = memory.chain.read

    def pruned(reads: Sequence[Read], *, fresh: bool = False, at: BlockNumber | None = None) -> Reading:
        if at is not None:
            raise ChainUnreachableError(memory.world.settings.chain_id, "missing trie node")
        return read(reads, fresh=fresh)

    memory.chain.read = pruned  # type: ignore[method-assign]
    with pytest.raises(InsufficientFundsError):
        memory.world.post(memory.payers[0].pay(LOCKED + 1, deadline=memory.deadline()))
