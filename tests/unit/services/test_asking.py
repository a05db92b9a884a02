"""Query parameters and cursors."""

import base64
import json

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, ChainId, Instant, TransactionId
from ferryman.services.asking import NonceRequest, after_sequence, list_request, nonce_request
from ferryman.services.reading import DEFAULT_PAGE, LARGEST_PAGE, ListRequest, cursor_of, position_of
from tests.support.strategies import addresses, digests, json_values

SENDER = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
OTHER = Address("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
POSITION = (Instant(1_800_000_000_000), TransactionId("0x" + "6f" * 32))
positions = st.tuples(
    st.integers(0, 10**15 - 1).map(Instant), digests.map(lambda digest: TransactionId("0x" + digest.hex()))
)


def refused(**parameters: str) -> list[str]:
    """Ask for a list that must be refused, and give the fields that are wrong."""
    with pytest.raises(InvalidFieldsError) as error:
        list_request(parameters)
    return [problem.field for problem in error.value.problems]


def encoded(value: object) -> str:
    """Write a value as a cursor is written."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


# -- lists --------------------------------------------------------------------------------------


def test_a_list_is_of_one_sender_with_defaults() -> None:
    """The first page of all, twenty to a page."""
    assert list_request({"sender": SENDER.lower()}) == ListRequest(
        sender=SENDER, status=None, limit=DEFAULT_PAGE, after=None
    )


def test_every_parameter_is_read() -> None:
    """All four at once."""
    asked = list_request(
        {"sender": SENDER, "status": "PENDING", "limit": "7", "cursor": cursor_of(SENDER, POSITION)}
    )

    assert asked == ListRequest(sender=SENDER, status=Status.PENDING, limit=7, after=POSITION)


def test_a_list_without_a_sender_is_refused() -> None:
    """Everybody's payments are nobody's list."""
    assert refused(limit="1") == ["sender"]


@pytest.mark.parametrize("limit", ["1", "100"])
def test_the_bounds_of_a_page_are_taken(limit: str) -> None:
    """Both included."""
    assert list_request({"sender": SENDER, "limit": limit}).limit == int(limit)


@pytest.mark.parametrize(
    "limit", ["0", "101", "-1", "+1", "1.0", "", " 1", "1e1", "\u0665", "²", "ten", "9" * 5_000]
)
def test_another_limit_is_refused(limit: str) -> None:
    """Digits that are not ASCII, and a number too long to read, among them."""
    assert refused(sender=SENDER, limit=limit) == ["limit"]


@pytest.mark.parametrize("status", ["", "pending", "DONE", "Status.PENDING"])
def test_an_unknown_status_is_refused(status: str) -> None:
    """An empty page would look like an answer."""
    assert refused(sender=SENDER, status=status) == ["status"]


@pytest.mark.parametrize("sender", ["", "0x", "alice", SENDER.swapcase()])
def test_a_sender_that_is_no_address_is_refused(sender: str) -> None:
    """As in a payment."""
    assert refused(sender=sender) == ["sender"]


def test_an_unknown_parameter_is_named() -> None:
    """A misspelt filter must not give the unfiltered list."""
    assert refused(sender=SENDER, statuss="PENDING", page="2") == ["page", "statuss"]


@given(parameters=st.dictionaries(st.sampled_from(("sender", "status", "limit", "cursor")), st.text()))
def test_any_parameters_are_a_request_or_refused(parameters: dict[str, str]) -> None:
    """Never another error: that would be a 500."""
    try:
        asked = list_request({"sender": SENDER} | parameters)
    except InvalidFieldsError:
        return

    assert 1 <= asked.limit <= LARGEST_PAGE


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("1", 1), ("2147483647", 2**31 - 1)])
def test_events_begin_after_a_sequence_number(text: str, expected: int) -> None:
    """0 is from the beginning, which is also what leaving it out means."""
    assert after_sequence({"after": text}) == expected
    assert after_sequence({}) == 0


@pytest.mark.parametrize(
    "parameters", [{"after": "-1"}, {"after": "2147483648"}, {"after": "x"}, {"afer": "1"}]
)
def test_another_sequence_number_is_refused(parameters: dict[str, str]) -> None:
    """Out of range, no number, or a misspelt name."""
    with pytest.raises(InvalidFieldsError):
        after_sequence(parameters)


# -- cursors ------------------------------------------------------------------------------------


@given(sender=addresses, position=positions)
def test_a_cursor_is_read_back_by_the_list_that_gave_it(
    sender: Address, position: tuple[Instant, TransactionId]
) -> None:
    """And it fits a query string as it is."""
    cursor = cursor_of(sender, position)

    assert position_of(cursor, sender) == position
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_another_senders_cursor_is_refused() -> None:
    """It would begin the page somewhere in the middle."""
    assert refused(sender=OTHER, cursor=cursor_of(SENDER, POSITION)) == ["cursor"]


@given(place=st.integers(0), letter=st.characters(codec="utf-8"))
def test_a_tampered_cursor_is_refused_or_still_a_position_of_that_sender(place: int, letter: str) -> None:
    """One letter changed: whatever it says now, it says it of the same sender's list."""
    cursor = cursor_of(SENDER, POSITION)
    place %= len(cursor)
    tampered = cursor[:place] + letter + cursor[place + 1 :]
    assume(tampered != cursor)

    try:
        moment, name = position_of(tampered, SENDER)
    except InvalidFieldsError:
        return

    assert 0 <= moment < 10**15
    assert len(name) == len(POSITION[1])


@given(cursor=st.text())
@example(cursor="")
@example(cursor="=")
@example(cursor="null")
@example(cursor=base64.urlsafe_b64encode(b"[" * 6_000).decode())
def test_any_text_that_no_list_gave_is_no_cursor(cursor: str) -> None:
    """Refused by the field; a deep one does not reach the reader's recursion limit as an error of ours."""
    assert refused(sender=SENDER, cursor=cursor) == ["cursor"]


@given(value=json_values)
def test_any_json_that_no_list_gave_is_no_cursor(value: object) -> None:
    """Well encoded, and still not ours."""
    assert refused(sender=SENDER, cursor=encoded(value)) == ["cursor"]


@pytest.mark.parametrize(
    "value",
    [
        [SENDER, 1, "0x" + "6F" * 32],
        [SENDER, 1, "0x" + "6f" * 31],
        [SENDER, 1, "x" * 5_000],
        [SENDER, 1, "\ud800"],
        [SENDER, 1, ""],
        [SENDER, 1, 1],
        [SENDER, 1, None],
        [SENDER, 1.5, POSITION[1]],
        [SENDER, True, POSITION[1]],
        [SENDER, -1, POSITION[1]],
        [SENDER, 10**15, POSITION[1]],
        [SENDER, 10**40, POSITION[1]],
        [SENDER, "1", POSITION[1]],
        [SENDER.lower(), 1, POSITION[1]],
        [SENDER, 1],
        [SENDER, 1, POSITION[1], 1],
        {"a": 1, "b": 2, "c": 3},
        "abc",
    ],
)
def test_a_forged_position_is_refused_before_it_reaches_the_table(value: object) -> None:
    """DynamoDB would refuse its key, and the client would read our mistake in its own."""
    assert refused(sender=SENDER, cursor=encoded(value)) == ["cursor"]


# -- nonces -------------------------------------------------------------------------------------


def test_a_question_for_a_nonce_is_of_the_first_kind_unless_it_names_another() -> None:
    """As clients of the first kind have always asked."""
    plain = nonce_request(SENDER, {}, ("one", "two"))
    named = nonce_request(SENDER, {"kind": "two", "chain_id": "7"}, ("one", "two"))

    assert plain == NonceRequest(kind="one", signer=SENDER, chain_id=None)
    assert named == NonceRequest(kind="two", signer=SENDER, chain_id=ChainId(7))


@pytest.mark.parametrize(
    ("user", "parameters", "field"),
    [
        ("0x12", {}, "user"),
        (SENDER, {"kind": "three"}, "kind"),
        (SENDER, {"chain_id": "0"}, "chain_id"),
        (SENDER, {"chain": "1"}, "chain"),
    ],
)
def test_a_question_for_a_nonce_is_parsed_strictly(user: str, parameters: dict[str, str], field: str) -> None:
    """User, kind, chain, and nothing else."""
    with pytest.raises(InvalidFieldsError) as caught:
        nonce_request(user, parameters, ("one", "two"))

    assert [problem.field for problem in caught.value.problems] == [field]
