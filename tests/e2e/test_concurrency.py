"""Many at once over HTTPS: what is accepted never exceeds what is locked, and all of it is mined."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.stack import Stack


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
