"""The exhaustive kill again, on a real chain with the real contracts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ferryman.domain.transaction import Status
from tests.faults.interruptions import Interruption, call_named, noted
from tests.faults.messages import FEE, Message, message
from tests.faults.real_chain import RealChain, RealWorld
from tests.faults.scenarios import AMOUNT, live


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """One anvil for all deaths; each is undone on it."""
    with RealChain.running() as running:
        yield running


def one_life(chain: RealChain, interruption: Interruption, *, messages_die: bool = False) -> None:
    """Post two payments, live through the interruption, and check what the chain says."""
    real = chain.world(interruption.wrap)
    deadline = real.clock.now() // 1000 + 3_600
    messages = [message("payment", payer, AMOUNT + FEE, deadline=deadline) for payer in real.payers]
    start, spent = chain.web3.eth.block_number, chain.spent_nonces()
    locked = {payer.address: chain.locked(payer.address) for payer in real.payers}

    live(real.world, real.clock, messages, messages_die=messages_die)

    check(real, chain, messages, start)
    together = chain.settings.batch_min <= len(messages)
    assert chain.spent_nonces() <= spent + len(messages)
    assert together or chain.spent_nonces() == spent + len(messages)
    assert {payer: chain.locked(payer) for payer in locked} == {
        payer: units - AMOUNT - FEE for payer, units in locked.items()
    }


def check(real: RealWorld, chain: RealChain, messages: list[Message], start: int) -> None:
    """The records say what the chain says."""
    rows = real.world.rows()
    assert [row.status for row in rows] == [Status.CONFIRMED] * len(messages)
    assert Counter((payer.lower(), nonce) for payer, nonce in chain.executed(start)) == Counter(
        one.key for one in messages
    )
    assert real.world.reserved() == real.world.held() == 0
    real.world.check_events()
    real.world.check_nonces()
    for row in rows:
        receipt = chain.web3.eth.get_transaction_receipt(row.hash or "")  # type: ignore[arg-type]
        assert row.block_number == int(receipt["blockNumber"])
        assert row.gas_used == receipt["gasUsed"]
        assert row.effective_gas_price == int(receipt["effectiveGasPrice"])


@pytest.mark.parametrize(
    ("together", "messages_die"),
    [(False, False), (False, True), (True, False)],
    ids=["messages redelivered", "messages lost", "in one transaction"],
)
def test_each_payment_is_mined_once_whichever_port_call_a_process_dies_at(
    chain: RealChain, *, together: bool, messages_die: bool
) -> None:
    """Every call once just before it and once just after it, on anvil."""
    batch_min = {"batch_min": 2 if together else 5}
    chain = replace(chain, settings=chain.settings.model_copy(update=batch_min))
    counter = Interruption()
    with chain.rewound():
        one_life(chain, counter)

    assert "wallets.bind" in counter.calls
    for at in range(1, len(counter.calls) + 1):
        for after in (False, True):
            with noted(f"died {call_named(counter.calls, at, after=after)}"), chain.rewound():
                one_life(chain, Interruption(at, after=after), messages_die=messages_die)
