"""An endpoint that stands still: what it says of funds is not believed for ever."""

import pytest

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import Milliseconds
from ferryman.intents.payment import PAYMENT
from tests.integration.test_evm_chain import chain_on, request_payload
from tests.support.anvil import Node


def test_funds_are_not_judged_by_a_head_that_may_hide_a_withdrawal(node: Node) -> None:
    """From the margin on, less what is read back over: it could be claimed before a deadline."""
    chain, clock = chain_on(node)
    reads = PAYMENT.state_reads(request_payload(node))
    oldest_ms = 3_600_000 - 9 * 1_000

    clock.sleep(Milliseconds(oldest_ms - 1))
    assert chain.read(reads).answers
    clock.sleep(Milliseconds(1))

    with pytest.raises(ChainUnreachableError, match="too old"):
        chain.read(reads)
    assert chain.read(PAYMENT.contract_reads(node.settings())).answers, "the contract itself does not age"
