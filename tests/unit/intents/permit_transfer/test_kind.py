"""The kind `permit-transfer`: what Permit2 and its proxy say, and what they are told."""

from dataclasses import replace
from typing import Any, Final

import pytest
from eth_abi.abi import decode

from ferryman.domain.errors import AllowanceRequiredError, InvalidFieldsError, NonceUsedError
from ferryman.domain.permit2 import CANONICAL, CANONICAL_PROXY, Permit2Settings
from ferryman.domain.units import Address, BlockHash, BlockNumber, ChainId, TxHash, hex_bytes
from ferryman.intents import eip3009, permit2
from ferryman.intents.kind import SignedIntent
from ferryman.intents.permit_transfer import PERMIT_TRANSFER
from ferryman.ports import EventLog
from tests.support.payments import CHAIN_ID, PAYEE, PAYER, STRANGER, TOKEN, chain_settings
from tests.support.permits import ASSET, permit_settings, signed_permit_transfer

CHAIN: Final = permit_settings()
UNUSED: Final = bytes(32)
PLENTY: Final = (5_000_000).to_bytes(32)
ALL: Final = b"\xff" * 32


def parsed(**members: Any) -> SignedIntent:  # noqa: ANN401 (a permit's members, or `by`)
    """Parse a really signed permit transfer."""
    return PERMIT_TRANSFER.parse(signed_permit_transfer(**members), {CHAIN_ID: CHAIN})


def moved(payer: str = PAYER.address, payee: str = PAYEE, units: int = 1_000_000) -> EventLog:
    """What the token tells of a transfer."""
    accounts = (hex_bytes(account).rjust(32, b"\0") for account in (payer, payee))
    return EventLog(
        contract=ASSET,
        topics=(eip3009.TRANSFERRED, *accounts),
        data=units.to_bytes(32),
        block_number=BlockNumber(9),
        block_hash=BlockHash("0x" + "09" * 32),
        transaction_hash=TxHash("0x" + "0a" * 32),
    )


# -- what is signed and called ------------------------------------------------------------------


def test_the_domain_is_that_of_permit2_on_ethereum() -> None:
    """As its DOMAIN_SEPARATOR answers there: a domain without a version."""
    separator = permit2.separator(ChainId(1), CANONICAL)

    assert separator.hex() == "866a5aba21966af95d6c7ab78eb2b2fc913915c28be3b9aa07cc04ff903e3f28"
    assert "version" not in permit2.domain(ChainId(1), CANONICAL).told()


def test_two_who_sign_the_very_same_permit_have_a_record_each() -> None:
    """A permit does not name its signer: who copies another's must not get in its way."""
    one, other = parsed(), parsed(by=STRANGER)

    assert one.digest == other.digest
    assert one.transaction_id != other.transaction_id


def test_the_proxy_is_called_with_all_that_was_signed() -> None:
    """Read back by another encoder."""
    intent = parsed(validAfter=5)

    call = PERMIT_TRANSFER.to_call(intent.payload)

    permit, owner, witness, signature = decode(
        ["((address,uint256),uint256,uint256)", "address", "(address,uint256)", "bytes"], call.data[4:]
    )
    members = intent.payload
    asset, amount = ASSET.lower(), int(members["amount"])
    assert call.to == CANONICAL_PROXY
    assert permit == ((asset, amount), int(members["nonce"]), members["deadline"])
    assert (owner, witness) == (PAYER.address.lower(), (PAYEE.lower(), 5))
    assert signature == hex_bytes(str(members["signature"]))
    assert call.data.startswith(PERMIT_TRANSFER.call_head(members) or b"?")


def test_a_record_keeps_the_contracts_that_it_was_signed_for() -> None:
    """Configuration may change while it is open."""
    elsewhere = Address("0x" + "61" * 20)
    moved_chain = permit_settings().model_copy(
        update={"permit2": Permit2Settings(tokens=(ASSET,), address=elsewhere, proxy=elsewhere)}
    )
    body = signed_permit_transfer()

    here = PERMIT_TRANSFER.parse(body, {CHAIN_ID: CHAIN})
    there = PERMIT_TRANSFER.parse(body, {CHAIN_ID: moved_chain})

    assert here.digest != there.digest
    assert PERMIT_TRANSFER.marker(here.payload).contract == CANONICAL
    assert PERMIT_TRANSFER.marker(there.payload).contract == elsewhere
    assert PERMIT_TRANSFER.to_call(there.payload).to == elsewhere


@pytest.mark.parametrize("chain", [chain_settings(), chain_settings(permit2=None)], ids=["never", "none"])
def test_a_chain_without_permit2_takes_none(chain: Any) -> None:  # noqa: ANN401
    """It says so, by the asset."""
    with pytest.raises(InvalidFieldsError) as refused:
        PERMIT_TRANSFER.parse(signed_permit_transfer(), {CHAIN_ID: chain})

    assert [problem.field for problem in refused.value.problems] == ["asset"]
    assert PERMIT_TRANSFER.signing(chain) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("to", "0x" + "00" * 20),
        ("to", PAYER.address),
        ("to", TOKEN),
        ("amount", "0"),
        ("nonce", str(2**256)),
        ("nonce", "0x07"),
        ("signature", "0x" + "11" * 32 + "6492" * 16),
    ],
)
def test_what_could_move_nothing_is_refused(field: str, value: str) -> None:
    """By the field."""
    with pytest.raises(InvalidFieldsError) as refused:
        PERMIT_TRANSFER.parse(signed_permit_transfer() | {field: value}, {CHAIN_ID: CHAIN})

    assert field in {problem.field for problem in refused.value.problems}


# -- what the chain says ------------------------------------------------------------------------


def test_the_room_is_the_deep_balance_less_what_is_signed_for() -> None:
    """As of settlements, whose ledger it shares."""
    payload = parsed().payload

    room = PERMIT_TRANSFER.assess(payload, [PLENTY, ALL, UNUSED, UNUSED, ALL])

    assert room == 4_000_000
    assert PERMIT_TRANSFER.assess(payload, [PLENTY, UNUSED, UNUSED, UNUSED, ALL]) < 0


def test_what_permit2_may_not_take_is_refused() -> None:
    """The payer has to approve it once; one unit less is too little."""
    with pytest.raises(AllowanceRequiredError) as refused:
        PERMIT_TRANSFER.assess(parsed().payload, [PLENTY, PLENTY, UNUSED, UNUSED, (999_999).to_bytes(32)])

    assert CANONICAL in refused.value.detail


@pytest.mark.parametrize("nonce", [0, 7, 255, 256, 2**256 - 1])
def test_a_nonce_is_one_bit_of_its_word(nonce: int) -> None:
    """That of its low byte; the others are other nonces'."""
    payload = parsed(nonce=nonce).payload
    bit = 1 << (nonce & 0xFF)
    own, others = bit.to_bytes(32), (2**256 - 1 - bit).to_bytes(32)

    used = PERMIT_TRANSFER.spent_at(payload, [PLENTY, PLENTY, others, own, ALL])

    assert used == (False, True)
    assert PERMIT_TRANSFER.state_reads(payload)[2].data == permit2.bitmap_call(Address(PAYER.address), nonce)
    with pytest.raises(NonceUsedError):
        PERMIT_TRANSFER.assess(payload, [PLENTY, PLENTY, others, own, ALL])


def test_contracts_are_ours_if_each_says_what_it_has_to() -> None:
    """Permit2 its domain, the proxy whom it calls and what it has its witness signed as."""
    payload = parsed().payload
    told = [
        permit2.separator(CHAIN_ID, CANONICAL),
        hex_bytes(CANONICAL).rjust(32, b"\0"),
        permit2.WITNESS_HASH,
    ]

    assert PERMIT_TRANSFER.is_our_contract(told, CHAIN, payload)
    for place in range(3):
        wrong = [*told[:place], ALL, *told[place + 1 :]]
        assert not PERMIT_TRANSFER.is_our_contract(wrong, CHAIN, payload)


@pytest.mark.parametrize(
    ("logs", "is_paid"),
    [
        ([moved()], True),
        ([moved(units=999_999)], False),
        ([moved(payee=STRANGER.address)], False),
        ([moved(payer=STRANGER.address)], False),
        ([replace(moved(), contract=Address("0x" + "12" * 20))], False),
        ([], False),
    ],
    ids=["paid", "less", "somebody else", "by somebody else", "in another token", "nothing"],
)
def test_it_is_carried_out_if_the_token_tells_of_the_very_transfer(
    logs: list[EventLog], *, is_paid: bool
) -> None:
    """A receipt that succeeded is not enough: a token may pretend."""
    intent = parsed()

    leg = PERMIT_TRANSFER.leg(intent.transaction_id, intent.payload, logs)

    assert (leg.is_done, leg.reason) == (is_paid, None if is_paid else "transfer_mismatch")
    assert PERMIT_TRANSFER.is_execution(intent.transaction_id, intent.payload, logs) is is_paid
