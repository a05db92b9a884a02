"""Queue messages: written, delivered and read as the same hints."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ferryman.adapters.sqs import _entry, read_messages
from ferryman.domain.units import Address, ChainId, TransactionId, WalletNonce
from ferryman.ports import Hint, NonceHint, TransactionHint
from tests.support.strategies import addresses, digests, json_values

transaction_hints = st.builds(
    TransactionHint,
    transaction_id=digests.map(lambda digest: TransactionId("0x" + digest.hex())),
    chain_id=st.integers(1, 2**53 - 1).map(ChainId),
    sender=addresses,
    version=st.integers(1, 10**6),
)
nonce_hints = st.builds(
    NonceHint,
    chain_id=st.integers(1, 2**53 - 1).map(ChainId),
    wallet=addresses,
    nonce=st.integers(0, 10**9).map(WalletNonce),
    version=st.integers(1, 10**6),
)
WALLET = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
hints: st.SearchStrategy[Hint] = transaction_hints | nonce_hints


def record(body: str, *, name: str = "m1", received: int = 1) -> dict[str, Any]:
    """Give a record of a Lambda event."""
    return {"messageId": name, "body": body, "attributes": {"ApproximateReceiveCount": str(received)}}


@given(hint=hints)
def test_a_hint_is_read_as_it_was_written(hint: Hint) -> None:
    """Through the body, as SQS carries it."""
    messages = read_messages([record(_entry(hint)["MessageBody"])])

    assert messages.hints == [hint]
    assert not messages.malformed


@given(one=hints, other=hints)
def test_two_hints_are_one_to_sqs_only_if_they_are_equal(one: Hint, other: Hint) -> None:
    """A new version of a row must never be swallowed as a duplicate of the old one."""
    ids = [(_entry(hint)["MessageGroupId"], _entry(hint)["MessageDeduplicationId"]) for hint in (one, other)]

    assert (ids[0] == ids[1]) == (one == other)


@given(hint=hints, version=st.integers(1, 10**6))
def test_each_version_of_a_row_has_its_own_deduplication_id(hint: Hint, version: int) -> None:
    """SQS remembers an id for five minutes, also after the message was deleted."""
    later = replace(hint, version=version)

    ids = {_entry(one)["MessageDeduplicationId"] for one in (hint, later)}

    assert len(ids) == (1 if version == hint.version else 2)


@given(hint=hints)
def test_ids_are_what_sqs_takes(hint: Hint) -> None:
    """Up to 128 letters, digits and punctuation."""
    entry = _entry(hint)

    for name in ("MessageGroupId", "MessageDeduplicationId"):
        assert 1 <= len(entry[name]) <= 128
        assert entry[name].isascii()
        assert entry[name].isprintable()
        assert " " not in entry[name]


@given(hint=transaction_hints)
def test_a_group_is_one_sender_on_one_chain(hint: TransactionHint) -> None:
    """So one sender's trouble never blocks another's payments."""
    assert _entry(hint)["MessageGroupId"] == f"{hint.chain_id}:{hint.sender}"


@given(hint=transaction_hints)
def test_what_is_swept_waits_behind_no_other_message_of_its_sender(hint: TransactionHint) -> None:
    """A function that is killed keeps its groups locked until its messages are visible again."""
    swept = _entry(replace(hint, is_swept=True))

    assert swept["MessageGroupId"] == f"{hint.chain_id}:{hint.transaction_id}"
    assert swept["MessageDeduplicationId"] == _entry(hint)["MessageDeduplicationId"]


@given(hint=transaction_hints, received=st.integers(2, 5))
def test_a_second_delivery_says_so(hint: TransactionHint, received: int) -> None:
    """Somebody may have died with it."""
    messages = read_messages([record(_entry(hint)["MessageBody"], received=received)])

    (read,) = messages.hints
    assert isinstance(read, TransactionHint)
    assert read.redelivered


@given(body=st.text() | json_values.map(json.dumps))
def test_a_message_that_is_none_of_ours_is_malformed(body: str) -> None:
    """Whatever it holds, it is named, and the others of its batch are worked on."""
    ours = _entry(NonceHint(chain_id=ChainId(1), wallet=WALLET, nonce=WalletNonce(0), version=1))

    messages = read_messages([record(body, name="theirs"), record(ours["MessageBody"], name="ours")])

    assert messages.malformed == ("theirs",)
    assert len(messages.hints) == 1


@given(hint=hints, value=json_values, data=st.data())
def test_a_message_of_the_wrong_types_is_malformed(hint: Hint, value: object, data: st.DataObject) -> None:
    """A list where a number belongs must not stop the other messages of the batch."""
    fields = json.loads(_entry(hint)["MessageBody"])
    name = data.draw(st.sampled_from(sorted(fields)))
    assume(type(value) is not type(fields[name]))

    assert read_messages([record(json.dumps(fields | {name: value}))]).malformed == ("m1",)


@pytest.mark.parametrize(
    "body",
    [
        "[" * 50_000,
        '{"transaction_id": "0x1"}',
        '{"transaction_id": "0x1", "chain_id": 1, "sender": "0x2"}',
        '{"chain_id": 1, "wallet": "0x1", "nonce": 1}',
        "{}",
        '"transaction_id"',
        '["transaction_id"]',
    ],
)
def test_a_message_that_lacks_something_is_malformed(body: str) -> None:
    """Half a hint is none."""
    assert read_messages([record(body)]).malformed == ("m1",)


@given(hint=hints)
def test_all_messages_of_a_failed_hint_are_delivered_again(hint: Hint) -> None:
    """A doubled message is worked on once and answered twice."""
    body = _entry(hint)["MessageBody"]
    messages = read_messages([record(body, name="a"), record(body, name="b")])

    assert messages.hints == [hint]
    assert messages.failures([hint]) == [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]
    assert messages.failures([]) == []
