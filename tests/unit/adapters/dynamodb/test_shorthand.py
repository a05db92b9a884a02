"""The shorthand of rows: shorter, and exactly what it was when it is read."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.adapters.dynamodb.shorthand import in_full, shortened
from tests.support.strategies import addresses, json_texts, uint256s

ADDRESS = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
UUIDS = st.uuids().map(str)
HEX = st.binary(max_size=70).map(lambda raw: "0x" + raw.hex())


@given(st.one_of(addresses, UUIDS, HEX, uint256s.map(str), st.from_regex(r"[0-9]{1,90}"), json_texts))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    """Also one that only looks like an address, a number or a hash."""
    assert in_full(shortened(text)) == text


@pytest.mark.parametrize("value", [0, -5, 2**60, "", "normal", "5456789", None])
def test_what_is_short_or_no_text_stays_readable(value: object) -> None:
    """An operator who looks at the table sees amounts and words."""
    assert shortened(value) == in_full(value) == value


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (ADDRESS, 21),
        ("0x" + "ab" * 65, 66),
        (str(2**256 - 1), 33),
        (str(UUID(int=1)), 17),
    ],
)
def test_what_rows_repeat_takes_one_byte_more_than_it_holds(text: str, size: int) -> None:
    """Text takes twice that."""
    assert len(shortened(text)) == size


@pytest.mark.parametrize("text", [ADDRESS.lower(), ADDRESS.upper(), "0" * 20, "0x" + "AB" * 32])
def test_what_would_come_back_otherwise_is_left_alone(text: str) -> None:
    """Only a checksum can be computed again; leading zeros and capitals can not."""
    assert shortened(text) == text
