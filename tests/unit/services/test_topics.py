"""Topics: the few a client can name, each in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.events import Event, Step
from ferryman.domain.units import Address, ChainId, Instant, TransactionId
from ferryman.services.topics import (
    SenderTopic,
    TransactionTopic,
    parsed_topic,
    parsed_transaction_id,
    topics_of,
)
from tests.support.strategies import addresses, digests, json_values

ids = digests.map(lambda digest: TransactionId("0x" + digest.hex()))


@given(name=ids, is_upper=st.booleans())
def test_a_transaction_is_one_topic_in_any_case(name: TransactionId, *, is_upper: bool) -> None:
    """Subscribers are found by the topic's text, so it has one spelling inside."""
    text = f"transaction:{'0x' + name[2:].upper() if is_upper else name}"

    assert parsed_topic(text) == TransactionTopic(name)
    assert str(parsed_topic(text)) == f"transaction:{name}"


@given(sender=addresses, is_lower=st.booleans())
def test_a_sender_is_one_topic_with_and_without_checksum(sender: Address, *, is_lower: bool) -> None:
    """As everywhere, lower case is taken and a wrong checksum is not."""
    text = f"sender:{sender.lower() if is_lower else sender}"

    assert str(parsed_topic(text)) == f"sender:{sender}"


@given(name=ids, sender=addresses)
def test_an_event_is_told_on_the_topics_that_clients_name(name: TransactionId, sender: Address) -> None:
    """What notify writes to is what socket subscribed."""
    event = Event(
        transaction_id=name,
        sequence=1,
        step=Step.ACCEPTED,
        name="payment_accepted",
        status="VALIDATED",
        at=Instant(1),
        kind="payment",
        chain_id=ChainId(31337),
        sender=sender,
        reached={},
        facts={},
    )

    assert topics_of(event) == (
        str(parsed_topic(f"transaction:{name}")),
        str(parsed_topic(f"sender:{sender}")),
    )


@given(text=st.text() | st.from_regex(r"(transaction|sender):0?x?[0-9a-f]*") | json_values)
def test_anything_is_a_topic_or_refused_by_field(text: object) -> None:
    """A topic that exists only by mistake would be written to the table."""
    try:
        topic = parsed_topic(text)
    except InvalidFieldsError as refused:
        assert [problem.field for problem in refused.problems] == ["topic"]  # noqa: PT017 (it may also parse)
        return

    assert isinstance(topic, TransactionTopic | SenderTopic)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "transaction:",
        "transaction:0x6f",
        "transaction:" + "6f" * 32,
        " transaction:0x" + "6f" * 32,
        "transaction:0x" + "6f" * 32 + "\n",
        "transaction:0x" + "\u0130f" * 32,
        "sender:",
        "sender:0x70997970c51812dc3A010C7d01b50e0d17dc79C8",
        "order:1",
        "orders",
        "connection#abc",
        None,
        7,
        ["sender:0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
    ],
)
def test_what_is_no_topic_is_refused(text: object) -> None:
    """Among them the key under which a connection's own topics are kept."""
    with pytest.raises(InvalidFieldsError):
        parsed_topic(text)


@given(name=ids)
def test_an_id_is_read_in_any_case(name: TransactionId) -> None:
    """Ids are stored in lower case."""
    assert parsed_transaction_id("0x" + name[2:].upper()) == name


@pytest.mark.parametrize("text", ["", "0x", "0x6f", "6f" * 32, "0x" + "6g" * 32, "0x" + "6f" * 33])
def test_what_is_no_id_is_refused(text: str) -> None:
    """422 for a text that cannot be one; 404 is for ids that are not known."""
    with pytest.raises(InvalidFieldsError) as refused:
        parsed_transaction_id(text)

    assert [problem.field for problem in refused.value.problems] == ["transaction_id"]
