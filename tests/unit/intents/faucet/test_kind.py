"""The kind `faucet`: a grant's id, its call, and how it is known to be given."""

from dataclasses import replace
from typing import Any, Final

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.units import BlockHash, BlockNumber, TxHash, checked_address
from ferryman.intents.faucet import FAUCET
from ferryman.ports import EventLog
from tests.support.faucets import ASKING, UNITS
from tests.support.payments import CHAIN_ID, STRANGER
from tests.support.settlements import ASSET

GRANT: Final[dict[str, Any]] = {
    "chain_id": CHAIN_ID,
    "token": ASSET,
    "to": ASKING,
    "units": str(UNITS),
    "mint": 1,
    "window": 21_915,
    "deadline": 1_893_542_400,
}
EMPTY: Final = keccak(b"ERC20InsufficientBalance(address,uint256,uint256)")[:4] + bytes(96)
BLOCKED: Final = keccak(b"Error(string)")[:4] + encode(["string"], ["Blacklistable: account is blacklisted"])


@pytest.mark.parametrize(("mint", "name"), [(1, "mint"), (0, "transfer")])
def test_the_call_is_the_tokens_own(mint: int, name: str) -> None:
    """Encoded by eth_abi as well."""
    call = FAUCET.to_call(GRANT | {"mint": mint})

    assert call.to == ASSET
    assert call.data == keccak(f"{name}(address,uint256)".encode())[:4] + encode(
        ["address", "uint256"], [ASKING, UNITS]
    )
    assert len(call.data) == FAUCET.call_bytes


@pytest.mark.parametrize(
    ("change", "is_another"),
    [
        ({"chain_id": CHAIN_ID + 1}, True),
        ({"token": "0x" + "12" * 20}, True),
        ({"to": STRANGER.address}, True),
        ({"window": 21_916}, True),
        ({"units": "1"}, False),
        ({"mint": 0}, False),
    ],
)
def test_an_account_has_one_grant_in_a_span_of_time(change: dict[str, object], *, is_another: bool) -> None:
    """Whatever is configured meanwhile: a faucet that gives more now does not give twice."""
    before, after = (FAUCET.parse(grant, {}) for grant in (GRANT, GRANT | change))

    assert (before.transaction_id != after.transaction_id) is is_another
    assert (FAUCET.marker(before.payload) != FAUCET.marker(after.payload)) is is_another


def test_a_grant_is_read_as_strictly_as_a_request() -> None:
    """It is our own, and still not taken on trust."""
    with pytest.raises(InvalidFieldsError):
        FAUCET.parse(GRANT | {"signature": "0x00"}, {})


def test_an_empty_faucet_passes_and_a_blocked_account_does_not() -> None:
    """Somebody fills the one; nobody mends the other."""
    assert (FAUCET.is_passing(EMPTY), FAUCET.permanent_reason(EMPTY)) == (True, None)
    assert (FAUCET.is_passing(BLOCKED), FAUCET.permanent_reason(BLOCKED)) == (False, "account_blocked")


def transferred(**changes: Any) -> EventLog:  # noqa: ANN401 (parts of a log)
    """Give the token's word of the gift."""
    topics = (keccak(b"Transfer(address,address,uint256)"), bytes(32), encode(["address"], [ASKING]))
    log = EventLog(
        contract=ASSET,
        topics=topics,
        data=encode(["uint256"], [UNITS]),
        block_number=BlockNumber(1),
        block_hash=BlockHash("0x" + "00" * 32),
        transaction_hash=TxHash("0x" + "00" * 32),
    )
    return replace(log, **changes)


def test_a_gift_is_given_when_the_token_says_so() -> None:
    """Of this token, to this account, so much: a call that does not revert is no proof."""
    other = (transferred().topics[0], bytes(32), encode(["address"], [STRANGER.address]))
    not_it = [
        transferred(contract=checked_address("0x" + "12" * 20)),
        transferred(topics=other),
        transferred(data=encode(["uint256"], [UNITS - 1])),
    ]
    name = FAUCET.parse(GRANT, {}).transaction_id

    assert FAUCET.leg(name, GRANT, [*not_it, transferred()]).is_done
    assert not FAUCET.leg(name, GRANT, not_it).is_done
