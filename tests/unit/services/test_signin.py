"""Signing in: challenges, signed messages and tokens, good and bad."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.eip4361 import SiweMessages
from ferryman.domain.access import ANONYMOUS, Caller, Role
from ferryman.domain.errors import (
    InvalidFieldsError,
    NotAllowedError,
    NotAuthenticatedError,
    RequestError,
    SignInRefusedError,
    StoreUnavailableError,
)
from ferryman.domain.signatures import CURVE_ORDER
from ferryman.domain.units import Address, ChainId, Milliseconds, Seconds
from ferryman.intents.sign_in import LONGEST_MESSAGE
from ferryman.services.authorizer import Authorizer
from ferryman.services.signin import CHALLENGE_SECONDS, SignIn
from ferryman.services.tickets import TICKET_SECONDS, Tickets
from tests.fakes.clock import FakeClock
from tests.fakes.tables import MemoryTables
from tests.support.away import AwayTables
from tests.support.payments import CHAIN_ID

APP: Final = "https://app.example.com"
OTHER_APP: Final = "http://127.0.0.1:3000"
ORIGINS: Final = (APP, OTHER_APP)
ADA: Final[LocalAccount] = Account.from_key("0x" + "a1" * 32)
EVE: Final[LocalAccount] = Account.from_key("0x" + "e5" * 32)
Change = Callable[[str], str]


class Office:
    """The services that deal with sign-ins, over tables in memory."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or MemoryTables()
        self.clock = FakeClock(1_800_000_000_123)
        self.access = DynamoAccess(self.tables)
        self.signing = SignIn(
            access=self.access,
            messages=SiweMessages(),
            clock=self.clock,
            chain_ids={CHAIN_ID, ChainId(10)},
            session_seconds=Seconds(3_600),
        )
        self.door = Authorizer(access=self.access, clock=self.clock)

    def challenge(self, account: LocalAccount = ADA, **more: object) -> str:
        """Ask for a message to sign."""
        body = {"address": account.address, "chain_id": CHAIN_ID, **more}
        return str(self.signing.challenge(body, origins=ORIGINS)["message"])

    def sign_in(self, message: str, account: LocalAccount = ADA) -> dict[str, Any]:
        """Send a message signed by an account."""
        return self.signing.sign_in(
            {"message": message, "signature": signature(message, account)}, origins=ORIGINS
        )

    def refusal(self, message: str, account: LocalAccount = ADA) -> list[str]:
        """Be refused; give the fields that are named."""
        with pytest.raises(SignInRefusedError) as refused:
            self.sign_in(message, account)
        return [problem.field for problem in refused.value.problems]


def signature(message: str, account: LocalAccount = ADA) -> str:
    """Sign a message as a person does with a wallet (EIP-191)."""
    return "0x" + bytes(account.sign_message(encode_defunct(text=message)).signature).hex()


def replaced(before: str, after: str) -> Change:
    """Give a change of a message's text, which must be there."""

    def change(message: str) -> str:
        assert before in message
        return message.replace(before, after)

    return change


# -- the way in ---------------------------------------------------------------------------------


def test_a_signed_challenge_gives_a_token_that_is_the_account() -> None:
    """For as long as the answer says, to the second."""
    office = Office()

    given = office.sign_in(office.challenge())

    caller = office.door.request(token=given["token"], api_key=None)
    assert given["address"] == ADA.address
    assert caller == Caller(name=f"address:{ADA.address}", address=Address(ADA.address))
    assert given["expires_at"] == "2027-01-15T09:00:00.000Z"
    office.clock.sleep(Milliseconds(3_600_000 - 124))
    assert office.door.request(token=given["token"], api_key=None) == caller
    office.clock.sleep(Milliseconds(1))
    with pytest.raises(NotAuthenticatedError):
        office.door.request(token=given["token"], api_key=None)


def test_a_challenge_says_everything_that_it_is_for() -> None:
    """Wallets show it to people, and compare the domain with the page that asks."""
    challenge = Office().signing.challenge({"address": ADA.address, "chain_id": 10}, origins=ORIGINS)

    assert challenge["message"] == (
        f"app.example.com wants you to sign in with your Ethereum account:\n{ADA.address}\n\n"
        f"Sign in to Ferryman.\n\nURI: https://app.example.com\nVersion: 1\nChain ID: 10\n"
        f"Nonce: {challenge['nonce']}\nIssued At: 2027-01-15T08:00:00.123Z\n"
        f"Expiration Time: 2027-01-15T08:05:00.123Z"
    )
    assert (challenge["domain"], challenge["uri"]) == ("app.example.com", APP)


def test_every_allowed_origin_may_ask() -> None:
    """The message is for the one that did."""
    office = Office()

    message = office.challenge(origin=OTHER_APP)

    assert message.startswith("127.0.0.1:3000 wants you")
    assert office.sign_in(message)["address"] == ADA.address


def test_an_address_in_lower_case_signs_in_as_itself() -> None:
    """Answers carry the checksum."""
    office = Office()

    message = office.challenge(address=ADA.address.lower())

    assert ADA.address in message
    assert office.sign_in(message)["address"] == ADA.address


@pytest.mark.parametrize(
    "change",
    [
        replaced("\nSign in to Ferryman.\n", "\nI accept the terms of the shop.\n"),
        replaced("\nSign in to Ferryman.\n\n", "\n\n"),
        replaced("app.example.com wants", "https://app.example.com wants"),
        lambda message: f"{message}\nNot Before: 2020-01-01T00:00:00Z",
        lambda message: f"{message}\nRequest ID: 7",
        lambda message: f"{message}\nResources:\n- https://app.example.com/terms",
        lambda message: message.partition("\nExpiration Time")[0],
    ],
    ids=["statement", "no statement", "scheme", "not before", "request id", "resources", "no expiry"],
)
def test_a_client_may_write_its_own_message_around_the_nonce(change: Change) -> None:
    """EIP-4361 leaves these to who asks; the nonce ends with its five minutes in any case."""
    office = Office()

    assert office.sign_in(change(office.challenge()))["address"] == ADA.address


# -- the way that is closed -----------------------------------------------------------------------


def test_a_message_signs_in_once() -> None:
    """A replay names the nonce."""
    office = Office()
    message = office.challenge()
    office.sign_in(message)

    assert office.refusal(message) == ["nonce"]


def test_a_late_message_is_refused() -> None:
    """By its own expiry, or without one by the nonce's."""
    office = Office()
    message = office.challenge()
    unlimited = office.challenge().partition("\nExpiration Time")[0]

    office.clock.sleep(Milliseconds(CHALLENGE_SECONDS * 1_000))

    assert office.refusal(message) == ["expiration_time"]
    assert office.refusal(unlimited) == ["nonce"]


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        (replaced("app.example.com wants", "evil.example wants"), ["domain"]),
        (replaced("app.example.com wants", "app.example.com.evil.example wants"), ["domain"]),
        (replaced("app.example.com wants", "APP.EXAMPLE.COM wants"), ["domain"]),
        (replaced("app.example.com wants", "app.example.com:444 wants"), ["domain"]),
        (replaced("app.example.com wants", "x@app.example.com wants"), ["domain"]),
        (replaced("app.example.com wants", "http://app.example.com wants"), ["domain"]),
        (replaced("URI: https://app.example.com", "URI: https://evil.example"), ["uri"]),
        (replaced("URI: https://app.example.com", "URI: https://app.example.com/x"), ["uri"]),
        (replaced("URI: https://app.example.com", "URI: http://app.example.com"), ["uri"]),
        (replaced("URI: https://app.example.com", f"URI: {OTHER_APP}"), ["domain"]),
        (replaced(f"Chain ID: {CHAIN_ID}", "Chain ID: 1"), ["chain_id"]),
        (replaced(f"Chain ID: {CHAIN_ID}", "Chain ID: 10"), ["nonce"]),
        (replaced("Nonce: ", "Nonce: x"), ["nonce"]),
        (replaced("Expiration Time: 2027", "Expiration Time: 2026"), ["expiration_time"]),
        (lambda message: f"{message}\nNot Before: 2027-01-15T08:00:01Z", ["not_before"]),
        (replaced(ADA.address, EVE.address), ["signature"]),
    ],
)
def test_a_message_that_says_something_else_is_refused_though_well_signed(
    change: Change, fields: list[str]
) -> None:
    """A sign-in at another site, for another chain or time; its nonce stays good for the real one."""
    office = Office()
    message = office.challenge()

    assert office.refusal(change(message)) == fields
    assert office.sign_in(message)["address"] == ADA.address


def test_a_nonce_belongs_to_the_account_that_asked_for_it() -> None:
    """Its thief signs a message of its own with it, in vain."""
    office = Office()
    message = office.challenge()

    assert office.refusal(message.replace(ADA.address, EVE.address), EVE) == ["nonce"]
    assert office.sign_in(message)["address"] == ADA.address


def test_a_forged_signature_is_refused() -> None:
    """Another's, one of another text, and rubbish; the account itself signs in afterwards."""
    office = Office()
    message = office.challenge()
    forgeries = [signature(message, EVE), signature(f"{message} "), "0x" + "00" * 65, "0x" + "ff" * 65]

    for forged in forgeries:
        with pytest.raises(SignInRefusedError) as refused:
            office.signing.sign_in({"message": message, "signature": forged}, origins=ORIGINS)
        assert [problem.field for problem in refused.value.problems] == ["signature"]

    assert office.sign_in(message)["address"] == ADA.address


def test_the_other_signature_of_the_same_message_is_no_second_sign_in() -> None:
    """Whoever has one can make it (high s); the nonce is used up by either."""
    office = Office()
    message = office.challenge()
    raw = bytes.fromhex(signature(message)[2:])
    high_s = (CURVE_ORDER - int.from_bytes(raw[32:64])).to_bytes(32)
    other = "0x" + (raw[:32] + high_s + bytes([55 - raw[64]])).hex()
    office.sign_in(message)

    with pytest.raises(SignInRefusedError) as refused:
        office.signing.sign_in({"message": message, "signature": other}, origins=ORIGINS)

    assert [problem.field for problem in refused.value.problems] == ["nonce"]


@pytest.mark.parametrize(
    "change",
    [
        lambda _message: "let me in",
        replaced("Version: 1", "Version: 2"),
        replaced("Nonce: ", "Nonce: ä"),
        replaced(f"Chain ID: {CHAIN_ID}", "Chain ID: -1"),
        replaced(f"Chain ID: {CHAIN_ID}", "Chain ID: 31337.0"),
        replaced("Issued At: 2027", "Issued At: 20270000"),
        replaced("\nURI", "\n\nURI"),
        replaced("\n", "\r\n"),
        replaced(ADA.address, ADA.address.swapcase().replace("0X", "0x")),
        replaced(ADA.address, ADA.address[:-1]),
        replaced("Issued At", "Issued at"),
        lambda message: message + "\n",
        lambda message: message + "\nResources:\n" + "- x" * 300,
        lambda message: "(" * 1_900 + message[-90:],
    ],
)
def test_what_is_no_such_message_is_an_invalid_field(change: Change) -> None:
    """422, named `message`; its text is not repeated."""
    office = Office()

    with pytest.raises(InvalidFieldsError) as refused:
        office.sign_in(change(office.challenge()))

    (problem,) = refused.value.problems
    assert problem.field == "message"
    assert "wants you" not in problem.reason


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["message", "signature"]),
        ({"message": "", "signature": ""}, ["message", "signature"]),
        ({"message": "x" * (LONGEST_MESSAGE + 1), "signature": "0x" + "11" * 65}, ["message"]),
        ({"message": "x", "signature": "0x" + "11" * 64}, ["signature"]),
        ({"message": "x", "signature": "0x" + "11" * 66}, ["signature"]),
        ({"message": "x", "signature": "11" * 65}, ["signature"]),
        ({"message": 1, "signature": None}, ["message", "signature"]),
        ({"message": "x", "signature": "0x" + "11" * 65, "address": ADA.address}, ["address"]),
    ],
)
def test_a_body_of_another_form_is_refused(body: dict[str, Any], fields: list[str]) -> None:
    """All that is wrong at once."""
    with pytest.raises(InvalidFieldsError) as refused:
        Office().signing.sign_in(body, origins=ORIGINS)

    assert [problem.field for problem in refused.value.problems] == fields


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({"chain_id": 1}, ["chain_id"]),
        ({"origin": "https://evil.example"}, ["origin"]),
        ({"origin": f"{APP}/"}, ["origin"]),
        ({"chain_id": 1, "origin": "https://evil.example"}, ["chain_id", "origin"]),
        ({"address": "0x12"}, ["address"]),
        ({"chain_id": "1"}, ["chain_id"]),
        ({"nonce": "mine"}, ["nonce"]),
    ],
)
def test_a_challenge_is_given_only_for_what_is_served_here(more: dict[str, Any], fields: list[str]) -> None:
    """Chain and origin are ours to say."""
    office = Office()

    with pytest.raises(InvalidFieldsError) as refused:
        office.challenge(**more)

    assert [problem.field for problem in refused.value.problems] == fields
    assert isinstance(office.tables, MemoryTables)
    assert not office.tables.items["access"]


@pytest.mark.parametrize("step", ["challenge", "sign in"])
def test_without_its_table_nobody_signs_in(step: str) -> None:
    """503: nothing was promised."""
    message = Office().challenge()
    office = Office(AwayTables())

    with pytest.raises(StoreUnavailableError):
        office.challenge() if step == "challenge" else office.sign_in(message)


def test_nothing_that_is_kept_signs_in() -> None:
    """The table has digests: whoever reads it is nobody."""
    office = Office()
    message = office.challenge()
    token = office.sign_in(message)["token"]
    assert isinstance(office.tables, MemoryTables)

    kept = str(office.tables.items)

    assert token not in kept
    assert signature(message)[2:] not in kept


# -- signing out, and tickets -------------------------------------------------------------------


def test_a_sign_out_ends_one_session_and_no_other() -> None:
    """Another device of the same account goes on."""
    office = Office()
    tokens = [office.sign_in(office.challenge())["token"] for _ in range(2)]
    caller = office.door.request(token=tokens[0], api_key=None)

    answer = office.signing.sign_out(caller, tokens[0])

    assert answer == {"address": ADA.address, "status": "signed_out"}
    with pytest.raises(NotAuthenticatedError):
        office.door.request(token=tokens[0], api_key=None)
    assert office.door.request(token=tokens[1], api_key=None) == caller


@pytest.mark.parametrize("caller", [ANONYMOUS, Caller(name="key:1", role=Role.ADMIN)])
def test_only_a_token_can_be_signed_out(caller: Caller) -> None:
    """A key is revoked by who gave it."""
    with pytest.raises(NotAllowedError):
        Office().signing.sign_out(caller, None)


def test_a_ticket_is_good_for_half_a_minute() -> None:
    """And says so, to the second."""
    office = Office()
    tickets = Tickets(access=office.access, clock=office.clock)
    caller = Caller(name="key:1", role=Role.READER)

    first, late = (tickets.issue(caller) for _ in range(2))

    assert first["expires_at"] == "2027-01-15T08:00:30.000Z"
    assert office.door.connection(first["ticket"]) == caller
    office.clock.sleep(Milliseconds(TICKET_SECONDS * 1_000 - 123))
    with pytest.raises(RequestError):
        office.door.connection(late["ticket"])
