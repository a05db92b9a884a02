"""Callers' credentials, for tests."""

from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.domain.access import ApiKey, Role, Session
from ferryman.domain.credentials import ApiKeyText, digest_of, new_secret
from ferryman.domain.units import Address, Instant
from tests.support.rows import NOW

HOUR_MS = 3_600_000


def signed_in(tables: Tables, address: str, *, until: int = NOW + HOUR_MS) -> str:
    """Sign an account in; give its token."""
    token = new_secret()
    session = Session(digest=digest_of(token), address=Address(address), expires_at=Instant(until))
    DynamoAccess(tables).put_session(session)
    return token


def keyed(tables: Tables, role: Role = Role.READER) -> str:
    """Make an API key; give it as its owner carries it."""
    text = ApiKeyText.new()
    key = ApiKey(
        key_id=text.key_id, name="somebody", role=role, digest=digest_of(text.secret), created_at=NOW
    )
    DynamoAccess(tables).put_api_key(key)
    return str(text)
