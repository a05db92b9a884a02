"""Who may do what: sign-in challenges, sessions, WebSocket tickets and API keys, by their digests."""

from dataclasses import replace
from typing import Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    AtLeast,
    ConditionFailedError,
    Delete,
    Equals,
    Item,
    Key,
    Present,
    Put,
    Query,
    Table,
    Tables,
    Update,
)
from ferryman.domain.access import ApiKey, Caller, Challenge, Role, Session, Ticket
from ferryman.domain.units import Address, ChainId, Instant

_API_KEYS: Final = "api_keys"
"""All keys share a partition, so that they can be listed; reads of one partition scale to 3,000 a second."""


class DynamoAccess:
    """The AccessStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def put_challenge(self, challenge: Challenge) -> None:
        """Keep a nonce until it is used or over."""
        item = {
            **_challenge(challenge.nonce),
            "address": challenge.address,
            "chain_id": challenge.chain_id,
            "expires_at": _seconds(challenge.expires_at),
        }
        self._tables.write(Put(table=Table.ACCESS, item=item))

    def take_challenge(self, nonce: str, *, address: Address, chain_id: ChainId, now: Instant) -> bool:
        """Use a nonce up: of two that try, one succeeds."""
        taking = Delete(
            table=Table.ACCESS,
            key=_challenge(nonce),
            where=(
                Equals("address", address),
                Equals("chain_id", chain_id),
                AtLeast("expires_at", _seconds(now) + 1),
            ),
        )
        return self._did(taking)

    def put_session(self, session: Session) -> None:
        """Keep a session."""
        item = {
            **_session(session.digest),
            "address": session.address,
            "expires_at": _seconds(session.expires_at),
        }
        self._tables.write(Put(table=Table.ACCESS, item=item))

    def session(self, digest: str, *, now: Instant) -> Session | None:
        """Read a session that is not over; DynamoDB may leave an expired item for two days."""
        item = self._current(_session(digest), now)
        if item is None:
            return None
        return Session(digest=digest, address=Address(item["address"]), expires_at=_instant(item))

    def end_session(self, digest: str) -> None:
        """Forget a session."""
        self._tables.write(Delete(table=Table.ACCESS, key=_session(digest)))

    def put_ticket(self, ticket: Ticket) -> None:
        """Keep a ticket."""
        item = {
            **_ticket(ticket.digest),
            "expires_at": _seconds(ticket.expires_at),
            **caller_item(ticket.caller),
        }
        self._tables.write(Put(table=Table.ACCESS, item=item))

    def take_ticket(self, digest: str, *, now: Instant) -> Caller | None:
        """Use a ticket up: of two that try, one gets its caller."""
        item = self._current(_ticket(digest), now)
        taking = Delete(table=Table.ACCESS, key=_ticket(digest), where=(Present("expires_at"),))
        return item_caller(item) if item and self._did(taking) else None

    def put_api_key(self, key: ApiKey) -> None:
        """Keep a new key."""
        item = {
            **_key(key.key_id),
            "name": key.name,
            "role": key.role.value,
            "digest": key.digest,
            "created_at": key.created_at,
        }
        self._tables.write(Put(table=Table.ACCESS, item=item, where=(Absent("credential"),)))

    def api_key(self, key_id: str) -> ApiKey | None:
        """Read a key, also one that was revoked."""
        item = self._tables.get(Table.ACCESS, _key(key_id))
        return _api_key(item) if item else None

    def api_keys(self) -> tuple[ApiKey, ...]:
        """Read all keys, the oldest first."""
        items = self._tables.query(Query(table=Table.ACCESS, partition=("credential", _API_KEYS)))
        return tuple(sorted(map(_api_key, items), key=lambda key: (key.created_at, key.key_id)))

    def revoke_api_key(self, key_id: str, *, now: Instant) -> ApiKey | None:
        """End a key for good; the moment of the first time stays."""
        key = self.api_key(key_id)
        if key is None or key.revoked_at is not None:
            return key
        revoking = Update(
            table=Table.ACCESS,
            key=_key(key_id),
            set_to={"revoked_at": now},
            where=(Present("credential"), Absent("revoked_at")),
        )
        return replace(key, revoked_at=now) if self._did(revoking) else self.api_key(key_id)

    def _current(self, key: Key, now: Instant) -> Item | None:
        item = self._tables.get(Table.ACCESS, key)
        return item if item and item["expires_at"] > _seconds(now) else None

    def _did(self, write: Delete | Update) -> bool:
        try:
            self._tables.write(write)
        except ConditionFailedError:
            return False
        return True


def caller_item(caller: Caller) -> Item:
    """Write a caller as attributes."""
    return {
        "name": caller.name,
        "address": caller.address,
        "role": caller.role.value if caller.role else None,
    }


def item_caller(item: Item) -> Caller:
    """Read a caller out of an item."""
    address, role = item.get("address"), item.get("role")
    return Caller(
        name=item["name"],
        address=Address(address) if address else None,
        role=Role(role) if role else None,
    )


def _api_key(item: Item) -> ApiKey:
    revoked_at = item.get("revoked_at")
    return ApiKey(
        key_id=item["item"],
        name=item["name"],
        role=Role(item["role"]),
        digest=item["digest"],
        created_at=Instant(item["created_at"]),
        revoked_at=None if revoked_at is None else Instant(revoked_at),
    )


def _challenge(nonce: str) -> dict[str, str]:
    return {"credential": f"challenge#{nonce}", "item": "challenge"}


def _session(digest: str) -> dict[str, str]:
    return {"credential": f"session#{digest}", "item": "session"}


def _ticket(digest: str) -> dict[str, str]:
    return {"credential": f"ticket#{digest}", "item": "ticket"}


def _key(key_id: str) -> dict[str, str]:
    return {"credential": _API_KEYS, "item": key_id}


def _seconds(moment: Instant) -> int:
    """DynamoDB's TTL counts seconds."""
    return moment // 1000


def _instant(item: Item) -> Instant:
    return Instant(item["expires_at"] * 1000)
