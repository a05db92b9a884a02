"""The kind `upto-transfer`: what is signed, what of it is taken, and whom the contracts are told by."""

from typing import Any, Final

import pytest
from eth_abi.abi import decode

from ferryman.domain.errors import AllowanceRequiredError, InvalidFieldsError
from ferryman.domain.permit2 import CANONICAL, CANONICAL_UPTO_PROXY, Permit2Settings, UptoSettings
from ferryman.domain.units import Address, hex_bytes
from ferryman.intents import permit2
from ferryman.intents.kind import SignedIntent
from ferryman.intents.permit_transfer import PERMIT_TRANSFER
from ferryman.intents.upto_transfer import UPTO_TRANSFER
from tests.support.payments import CHAIN_ID, PAYEE, PAYER, chain_settings
from tests.support.permits import (
    ASSET,
    SETTLER,
    permit_settings,
    signed_permit_transfer,
    signed_upto_transfer,
    upto_settings,
)

CHAIN: Final = upto_settings()
UNUSED: Final = bytes(32)
ALL: Final = b"\xff" * 32
TAKEN: Final = 2_350_000


def parsed(**members: Any) -> SignedIntent:  # noqa: ANN401 (a permit's members, `taken`, or `by`)
    """Parse a really signed maximum, of which some is taken."""
    return UPTO_TRANSFER.parse(signed_upto_transfer(**members), {CHAIN_ID: CHAIN})


# -- what is signed and called ------------------------------------------------------------------


def test_the_settler_is_called_with_all_that_was_signed_and_what_is_taken() -> None:
    """Read back by another encoder; all of it is what a stranger's call would have to begin with."""
    intent = parsed(validAfter=5)

    call = UPTO_TRANSFER.to_call(intent.payload)

    permit, amount, owner, witness, signature = decode(
        [
            "((address,uint256),uint256,uint256)",
            "uint256",
            "address",
            "(address,address,uint256)",
            "bytes",
        ],
        call.data[4:],
    )
    members = intent.payload
    assert call.to == SETTLER
    assert permit == ((ASSET.lower(), 5_000_000), int(members["nonce"]), members["deadline"])
    assert (amount, owner) == (TAKEN, PAYER.address.lower())
    assert witness == (PAYEE.lower(), SETTLER.lower(), 5)
    assert signature == hex_bytes(str(members["signature"]))
    assert call.data.startswith(UPTO_TRANSFER.call_head(members) or b"?")


def test_the_transfer_is_tried_as_the_settler_has_the_proxy_make_it() -> None:
    """No wallet is known when a message is accepted, and the settler is who the proxy hears."""
    payload = parsed().payload

    (trial,) = UPTO_TRANSFER.trials(payload)

    assert (trial.to, trial.sender) == (CANONICAL_UPTO_PROXY, SETTLER)
    assert trial.data == UPTO_TRANSFER.to_call(payload).data


def test_how_much_is_taken_is_no_part_of_the_message() -> None:
    """One permit, one record: with another amount it is another body of the same, and another call."""
    one, other = parsed(taken=1), parsed(taken=2)

    assert one.transaction_id == other.transaction_id
    assert UPTO_TRANSFER.call_head(one.payload) != UPTO_TRANSFER.call_head(other.payload)


def test_a_record_keeps_the_contracts_that_it_was_signed_for() -> None:
    """Configuration may change while it is open."""
    elsewhere = Address("0x" + "61" * 20)
    upto = UptoSettings(settler=elsewhere, proxy=elsewhere)
    moved_chain = chain_settings(permit2=Permit2Settings(tokens=(ASSET,), address=elsewhere, upto=upto))

    there = UPTO_TRANSFER.parse(signed_upto_transfer(), {CHAIN_ID: moved_chain})

    assert there.digest != parsed().digest
    assert UPTO_TRANSFER.marker(there.payload).contract == elsewhere
    assert UPTO_TRANSFER.to_call(there.payload).to == UPTO_TRANSFER.trials(there.payload)[0].to == elsewhere


@pytest.mark.parametrize("first", ["normal", "fast"])
def test_a_record_keeps_all_of_a_request_but_a_beginning_of_nought(first: str) -> None:
    """That is what packages sign, and a row has no room for it; anything else is kept, and compared."""
    sent = signed_upto_transfer() | {"priority": first}
    usual = UPTO_TRANSFER.parse(sent, {CHAIN_ID: CHAIN}).payload

    assert usual.keys() == {*sent} - {"valid_after"} | {"settler"}
    assert parsed(validAfter=5).payload["valid_after"] == 5


def test_its_nonces_are_those_of_every_permit() -> None:
    """Permit2 has one map for each payer, whoever the spender is."""
    exact = PERMIT_TRANSFER.parse(signed_permit_transfer(nonce=7), {CHAIN_ID: CHAIN})

    assert UPTO_TRANSFER.marker(parsed(nonce=7).payload) == PERMIT_TRANSFER.marker(exact.payload)


@pytest.mark.parametrize("chain", [permit_settings(), chain_settings()], ids=["exact only", "no Permit2"])
def test_a_chain_without_a_settler_takes_none(chain: Any) -> None:  # noqa: ANN401
    """It says so, by the asset; and it offers none."""
    with pytest.raises(InvalidFieldsError) as refused:
        UPTO_TRANSFER.parse(signed_upto_transfer(), {CHAIN_ID: chain})

    assert [problem.field for problem in refused.value.problems] == ["asset"]
    assert UPTO_TRANSFER.signing(chain) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", "5000001"), ("amount", "0"), ("maximum", "0"), ("to", SETTLER), ("to", PAYER.address)],
)
def test_what_could_move_nothing_is_refused(field: str, value: str) -> None:
    """By the field: also more than was signed, and what nobody could spend."""
    with pytest.raises(InvalidFieldsError) as refused:
        UPTO_TRANSFER.parse(signed_upto_transfer() | {field: value}, {CHAIN_ID: CHAIN})

    assert [problem.field for problem in refused.value.problems] == [field]


# -- what the chain says ------------------------------------------------------------------------


def test_only_what_is_taken_has_to_be_there_and_is_held() -> None:
    """A payer that cannot pay the maximum any more still owes what was used."""
    payload, enough = parsed().payload, TAKEN.to_bytes(32)

    room = UPTO_TRANSFER.assess(payload, [enough, enough, UNUSED, UNUSED, enough])

    assert (room, UPTO_TRANSFER.reservation(payload).units) == (0, TAKEN)
    with pytest.raises(AllowanceRequiredError):
        UPTO_TRANSFER.assess(payload, [enough, enough, UNUSED, UNUSED, (TAKEN - 1).to_bytes(32)])


def test_contracts_are_ours_if_the_settler_calls_the_proxy_that_was_signed_as_well() -> None:
    """And the others are as of every permit."""
    payload = parsed().payload
    told = [
        permit2.separator(CHAIN_ID, CANONICAL),
        hex_bytes(CANONICAL).rjust(32, b"\0"),
        permit2.UPTO_WITNESS_HASH,
        hex_bytes(CANONICAL_UPTO_PROXY).rjust(32, b"\0"),
    ]

    reads = UPTO_TRANSFER.contract_reads(CHAIN, payload)

    assert [read.to for read in reads] == [CANONICAL, CANONICAL_UPTO_PROXY, CANONICAL_UPTO_PROXY, SETTLER]
    assert UPTO_TRANSFER.is_our_contract(told, CHAIN, payload)
    for place in range(4):
        wrong = [*told[:place], ALL, *told[place + 1 :]]
        assert not UPTO_TRANSFER.is_our_contract(wrong, CHAIN, payload)
    assert (UPTO_TRANSFER.contract_reads(CHAIN), UPTO_TRANSFER.is_our_contract([], CHAIN)) == ((), True)


def test_a_wallet_without_the_role_has_it_wait() -> None:
    """Our operator's matter, and not the payer's."""
    assert UPTO_TRANSFER.is_passing(bytes.fromhex("e2517d3f") + bytes(64))
