"""Many at once over HTTPS: what is accepted never exceeds what is locked, and all of it is mined."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from local.accounts import dev_account
from tests.e2e.stack import Stack
from tests.e2e.test_x402_refusals import PAYEE, UNITS, Offer

SELLERS: Final = 4
EACH: Final = 25
AT_ONCE: Final = 32
COLD_SECONDS: Final = 180
"""On a slow machine the emulator takes over a minute to start so many processes at once."""


def test_two_hundred_at_once_are_accepted_up_to_the_last_unit_and_all_mined_once(stack: Stack) -> None:
    """Together they ask for twice the locked funds; blocks are mined and funds released in between."""
    payer = stack.payer(8)
    token = stack.description.contracts["MockUSDC"]
    escrow = stack.contracts.escrow
    amount = escrow.functions.balanceOf(token, payer.address).call() // 100
    bodies = [payer.pay(amount, deadline=stack.deadline()) for _ in range(200)]
    start = stack.web3.eth.block_number

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(stack.post, bodies))

    assert Counter(answer.status_code for answer in answers) == {202: 100, 402: 100}
    names = [answer.json()["transaction_id"] for answer in answers if answer.status_code == 202]
    assert Counter(stack.ended(name)["status"] for name in names) == {"CONFIRMED": 100}
    executed = escrow.events.PaymentExecuted().get_logs(
        from_block=start, argument_filters={"from": payer.address}
    )
    assert max(Counter(log["args"]["nonce"] for log in executed).values()) == 1
    assert len(executed) == 100
    # A backlog shares transactions: submit may read more of it than its messages name.
    assert len({log["transactionHash"] for log in executed}) < 100
    assert escrow.functions.balanceOf(token, payer.address).call() == 0


@pytest.mark.soak
def test_four_sellers_settle_twenty_five_each_at_once(stack: Stack) -> None:
    """A hundred of a hundred, at the pace of the emulator: each paid once, by the transaction it is told."""
    token = stack.contracts.usdc
    offers = [
        Offer(stack.description.chain_id, token.address, dev_account(20 + number % SELLERS))
        for number in range(SELLERS * EACH)
    ]
    before, relayed = token.functions.balanceOf(PAYEE).call(), stack.relayed()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda offer: _settled(stack, offer), offers))

    named = {answer["transaction"] for answer in answers}
    assert Counter(answer["success"] for answer in answers) == {True: SELLERS * EACH}
    assert token.functions.balanceOf(PAYEE).call() == before + SELLERS * EACH * int(UNITS)
    assert stack.relayed() == relayed + len(named)


def _settled(stack: Stack, offer: Offer) -> dict[str, Any]:
    """Ask as a seller's server does: once more if the transfer is not confirmed yet."""
    body = offer.body()
    answer: dict[str, Any] = stack.http.post("/settle", json=body, timeout=COLD_SECONDS).json()
    if answer.get("errorReason") == "settlement_pending":
        answer = stack.http.post("/settle", json=body, timeout=COLD_SECONDS).json()
    return answer
