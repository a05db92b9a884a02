"""Quantities and identifiers; the oracle is eth_utils."""

import re
from datetime import UTC, datetime

import pytest
from eth_utils.address import is_checksum_address, to_checksum_address
from hypothesis import assume, given
from hypothesis import strategies as st

from ferryman.domain.units import Address, Instant, checked_address, hex_bytes, rfc3339
from tests.support.strategies import addresses

VITALIK = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


@given(raw=st.binary(min_size=20, max_size=20))
def test_an_address_in_lower_case_gets_the_checksum_of_eth_utils(raw: bytes) -> None:
    """Lower case says nothing about typing errors, and is still accepted: many tools send it."""
    assert checked_address("0x" + raw.hex()) == Address(to_checksum_address(raw))


@given(address=addresses)
def test_an_address_with_its_checksum_is_taken_as_it_is(address: str) -> None:
    """What we write ourselves, we read."""
    assert checked_address(address) == address


@given(address=addresses, data=st.data())
def test_an_address_with_one_letter_in_the_wrong_case_is_refused(address: str, data: st.DataObject) -> None:
    """That is what the checksum is for: money sent to a mistyped address is gone."""
    letters = [place for place, digit in enumerate(address) if digit.isalpha() and place > 1]
    assume(letters)
    place = data.draw(st.sampled_from(letters))
    mistyped = address[:place] + address[place].swapcase() + address[place + 1 :]
    assume(mistyped != mistyped.lower())

    with pytest.raises(ValueError, match="checksum"):
        checked_address(mistyped)


@given(text=st.text(alphabet="0123456789abcdefABCDEFxXg \n\u0665", max_size=44))
def test_whatever_is_read_as_an_address_has_a_right_checksum(text: str) -> None:
    """Any other text is refused, never repaired."""
    try:
        address = checked_address(text)
    except ValueError:
        return

    assert is_checksum_address(address)
    assert text in {address, address.lower()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        VITALIK[2:],
        VITALIK[:-1],
        VITALIK + "0",
        "0X" + VITALIK[2:].lower(),
        "0x0x" + VITALIK[4:].lower(),
        VITALIK.lower() + "\n",
        "0x" + "\u0665" * 40,
        "0x" + "g" * 40,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Too short, too long, without prefix, with digits that are not ASCII."""
    with pytest.raises(ValueError, match="40 hex digits"):
        checked_address(text)


@given(raw=st.binary(max_size=100), is_upper=st.booleans())
def test_hex_is_read_back_as_the_bytes_it_was(raw: bytes, *, is_upper: bool) -> None:
    """Both cases of digits are hex."""
    digits = raw.hex().upper() if is_upper else raw.hex()

    assert hex_bytes("0x" + digits) == raw


@given(text=st.text(alphabet="0123456789abcdefABCDEFxX _\n\u0665", max_size=12))
def test_only_a_prefix_and_whole_bytes_are_hex(text: str) -> None:
    """Python's own fromhex takes blanks; we do not, since two texts must not mean the same bytes."""
    is_hex = re.fullmatch(r"0x([0-9a-fA-F]{2})*", text) is not None and "\n" not in text

    if is_hex:
        assert hex_bytes(text) == bytes.fromhex(text[2:])
    else:
        with pytest.raises(ValueError, match="hex"):
            hex_bytes(text)


@given(moment=st.integers(0, 4_102_444_800_000))
def test_a_moment_is_written_so_that_any_reader_gets_the_same_millisecond(moment: int) -> None:
    """RFC 3339, UTC."""
    text = rfc3339(Instant(moment))

    read = datetime.fromisoformat(text)
    assert read.tzinfo == UTC
    assert round(read.timestamp() * 1000) == moment
    assert len(text) == len("2026-11-21T12:00:00.000Z")
