"""Several endpoints in a chain's parameter: one that is away, and one that lies."""

from local.ports import LOOPBACK, any_free_port
from tests.e2e.reconfigured import endpoints_changed
from tests.e2e.stack import Stack
from tests.e2e.test_operators import post
from tests.support.lies import Lie, lying

READERS = ("submit", "confirm")


def test_of_three_endpoints_one_may_be_away_and_two_say_how_it_ends(stack: Stack) -> None:
    """The record says how many said so."""
    node, away = stack.description.rpc_url, f"http://{LOOPBACK}:{any_free_port()}"
    with lying(node) as second, endpoints_changed(stack, [away, node, second.url], *READERS):
        record = stack.ended(post(stack, stack.payer(33)))

    assert (record["status"], record["witnesses"]) == ("CONFIRMED", 2)


def test_nothing_ends_by_the_word_of_one_endpoint_while_the_other_knows_no_receipt(stack: Stack) -> None:
    """It is mined and waits; as soon as the liar tells the truth, it ends by the word of both."""
    node = stack.description.rpc_url
    with lying(node) as liar, endpoints_changed(stack, [node, liar.url], *READERS):
        liar.lie = Lie.EMPTY_RECEIPTS
        name = post(stack, stack.payer(33))
        waiting = stack.record_when(name, lambda record: (record["confirmations"] or 0) > 1)
        liar.lie = None
        record = stack.ended(name)

    assert liar.lies > 0
    assert waiting["status"] == "PENDING"
    assert (record["status"], record["witnesses"]) == ("CONFIRMED", 2)
