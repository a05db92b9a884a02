"""Who calls: tokens, keys and tickets, good and bad."""

import pytest

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.domain.access import ANONYMOUS, Caller, Role, Ticket
from ferryman.domain.credentials import ApiKeyText, digest_of, new_secret
from ferryman.domain.errors import NotAuthenticatedError, StoreUnavailableError
from ferryman.domain.units import Address, Instant, Milliseconds
from ferryman.services.authorizer import Authorizer
from tests.fakes.clock import FakeClock
from tests.fakes.tables import MemoryTables
from tests.support.access import HOUR_MS, keyed, signed_in
from tests.support.away import AwayTables
from tests.support.payments import PAYER
from tests.support.rows import NOW

ACCOUNT = Address(PAYER.address)
RUBBISH = "rubbish"


def authorizer_over(tables: Tables, clock: FakeClock | None = None) -> Authorizer:
    """Build the service."""
    return Authorizer(access=DynamoAccess(tables), clock=clock or FakeClock(NOW))


def refusal(authorizer: Authorizer, *, token: str | None = None, api_key: str | None = None) -> str:
    """Be refused; give the field that is named."""
    with pytest.raises(NotAuthenticatedError) as refused:
        authorizer.request(token=token, api_key=api_key)
    (problem,) = refused.value.problems
    assert problem.reason
    return problem.field


def ticket_for(tables: Tables, caller: Caller, *, until: int = NOW + 30_000) -> str:
    """Keep a ticket; give it as its owner carries it."""
    ticket = new_secret()
    kept = Ticket(digest=digest_of(ticket), caller=caller, expires_at=Instant(until))
    DynamoAccess(tables).put_ticket(kept)
    return ticket


def test_a_token_is_the_account_that_signed_in() -> None:
    """And nobody's API key."""
    tables = MemoryTables()

    caller = authorizer_over(tables).request(token=signed_in(tables, ACCOUNT), api_key=None)

    assert caller == Caller(name=f"address:{ACCOUNT}", address=ACCOUNT)


@pytest.mark.parametrize("role", Role)
def test_an_api_key_has_its_role(role: Role) -> None:
    """And no account."""
    tables = MemoryTables()
    key = keyed(tables, role)

    caller = authorizer_over(tables).request(token=None, api_key=key)

    parsed = ApiKeyText.parsed(key)
    assert parsed
    assert caller == Caller(name=f"key:{parsed.key_id}", role=role)


def test_a_token_ends_with_its_time() -> None:
    """DynamoDB may keep the item for two days more."""
    tables, clock = MemoryTables(), FakeClock(NOW)
    token, authorizer = signed_in(tables, ACCOUNT), authorizer_over(tables, clock)

    clock.sleep(Milliseconds(HOUR_MS - 1_000))
    assert authorizer.request(token=token, api_key=None).address == ACCOUNT
    clock.sleep(Milliseconds(1_000))

    assert refusal(authorizer, token=token) == "Authorization"


def test_a_signed_out_token_is_nobody() -> None:
    """At once."""
    tables = MemoryTables()
    token = signed_in(tables, ACCOUNT)

    DynamoAccess(tables).end_session(digest_of(token))

    assert refusal(authorizer_over(tables), token=token) == "Authorization"


def test_a_revoked_key_is_nobody() -> None:
    """At once, and for good."""
    tables = MemoryTables()
    key = keyed(tables)
    parsed = ApiKeyText.parsed(key)
    assert parsed

    DynamoAccess(tables).revoke_api_key(parsed.key_id, now=NOW)

    assert refusal(authorizer_over(tables), api_key=key) == "X-Api-Key"


@pytest.mark.parametrize("text", ["", "x", "a" * 43, "a" * 100_000, "é" * 43, "../../", "%00"])
def test_an_unknown_token_or_key_is_nobody(text: str) -> None:
    """Whatever it is."""
    authorizer = authorizer_over(MemoryTables())

    assert refusal(authorizer, token=text) == "Authorization"
    assert refusal(authorizer, api_key=text) == "X-Api-Key"


def test_the_id_of_a_key_is_not_the_key() -> None:
    """API Gateway and the logs show ids."""
    tables = MemoryTables()
    parsed = ApiKeyText.parsed(keyed(tables))
    assert parsed

    forged = str(ApiKeyText(parsed.key_id, new_secret()))

    assert refusal(authorizer_over(tables), api_key=forged) == "X-Api-Key"


def test_a_ticket_or_a_key_is_no_token() -> None:
    """Each opens its own door only."""
    tables = MemoryTables()
    ticket, key = ticket_for(tables, ANONYMOUS), keyed(tables)
    authorizer = authorizer_over(tables)

    assert refusal(authorizer, token=ticket) == "Authorization"
    assert refusal(authorizer, token=key) == "Authorization"
    with pytest.raises(NotAuthenticatedError):
        authorizer.connection(signed_in(tables, ACCOUNT))


def test_nothing_and_too_much_are_refused() -> None:
    """Which of two was meant?"""
    tables = MemoryTables()
    authorizer = authorizer_over(tables)

    assert refusal(authorizer) == "Authorization"
    assert refusal(authorizer, token=signed_in(tables, ACCOUNT), api_key=keyed(tables)) == "X-Api-Key"


def test_what_is_no_secret_asks_no_table() -> None:
    """Rubbish costs nothing."""
    authorizer = authorizer_over(AwayTables())

    assert refusal(authorizer, token=RUBBISH) == "Authorization"
    assert refusal(authorizer, api_key=RUBBISH) == "X-Api-Key"
    with pytest.raises(StoreUnavailableError):
        authorizer.request(token=new_secret(), api_key=None)


# -- connections --------------------------------------------------------------------------------


def test_a_ticket_opens_one_connection_as_its_caller() -> None:
    """The second time it is unknown."""
    tables = MemoryTables()
    caller = Caller(name="key:1", role=Role.READER)
    ticket, authorizer = ticket_for(tables, caller), authorizer_over(tables)

    assert authorizer.connection(ticket) == caller
    with pytest.raises(NotAuthenticatedError):
        authorizer.connection(ticket)


def test_a_late_ticket_opens_nothing() -> None:
    """Thirty seconds are enough to connect."""
    tables, clock = MemoryTables(), FakeClock(NOW)
    ticket = ticket_for(tables, Caller(name="key:1", role=Role.READER))

    clock.sleep(Milliseconds(30_000))

    with pytest.raises(NotAuthenticatedError):
        authorizer_over(tables, clock).connection(ticket)


@pytest.mark.parametrize("ticket", ["", "x", "a" * 43, "a" * 100_000, "é" * 43])
def test_a_bad_ticket_is_refused_rather_than_taken_for_none(ticket: str) -> None:
    """Its owner believes to be somebody."""
    with pytest.raises(NotAuthenticatedError):
        authorizer_over(MemoryTables()).connection(ticket)


def test_without_a_ticket_a_connection_is_anonymous() -> None:
    """It may hear of single transactions."""
    assert authorizer_over(AwayTables()).connection(None) == ANONYMOUS
