"""A deployment of two chains: one of them hangs, and the other one goes on."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from tests.e2e.stack import Stack
from tests.e2e.test_trouble import bodies_of, check, ended, posted, span

pytestmark = pytest.mark.soak
RECEIVED = {"RECEIVED"}


def seconds_of(stack: Stack, names: Sequence[str]) -> list[float]:
    """Wait until payments are over; give how long each took from its receipt on."""
    return [over - received for received, over in (span(stack.ended(name)) for name in names)]


def test_a_chain_that_hangs_stops_no_payment_of_the_other_and_drains_afterwards(two_chains: Stack) -> None:
    """Its node takes connections and answers nothing; what is posted for it is accepted all the same."""
    living, hanging = two_chains.chains()
    starts = [chain.web3.eth.block_number for chain in (living, hanging)]
    both_up, meanwhile, received = bodies_of(living, 20), bodies_of(living, 20), bodies_of(hanging, 8)

    names = posted(living, both_up)
    usual = seconds_of(living, names)
    with hanging.chain_stopped(), ThreadPoolExecutor(1) as aside:
        posting = aside.submit(posted, hanging, received, a_second=1)
        others = posted(living, meanwhile)
        seconds = seconds_of(living, others)
        waiting = posting.result()
        statuses = {hanging.record(name)["status"] for name in waiting}
    back_at = time.time()
    drained = [span(ended(hanging, name))[1] - back_at for name in waiting]
    print(  # noqa: T201 (figures for docs/reliability.md)
        f"received to confirmed, p50: both up {median(usual):.1f} s, other hangs {median(seconds):.1f} s; "
        f"{len(waiting)} of the other, all over {max(drained):.1f} s after it went on"
    )

    assert statuses == RECEIVED
    check(living, both_up + meanwhile, names + others, starts[0])
    check(hanging, received, waiting, starts[1])
