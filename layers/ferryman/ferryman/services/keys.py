"""API keys: made, listed and revoked by operators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import ApiKey, Role
from ferryman.domain.credentials import ApiKeyText, digest_of
from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotFoundError
from ferryman.domain.units import rfc3339
from ferryman.ports import AccessStore, Clock, Log, UsagePlans

_FIELDS: Final = frozenset({"name", "role"})
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_NAME_RULE: Final = "must be 1 to 64 letters, digits, spaces, dots, dashes or underscores"
_KEY_ID: Final = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keeps the keys here and in API Gateway's usage plans in step."""

    access: AccessStore
    plans: UsagePlans
    clock: Clock
    log: Log

    def create(self, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Make a key and give it, for the one and only time.

        Args:
            body: `name`, whose it is, for people (two keys may share one), and `role`.
            by: who asks.

        Raises:
            InvalidFieldsError: the name or the role is not one.
            StoreUnavailableError: as its ports say; then there is no key.

        """
        name, role = body.get("name"), body.get("role")
        if problems := _problems(body):
            raise InvalidFieldsError("Some fields are not as they should be.", *problems)
        text = ApiKeyText.new()
        key = ApiKey(
            key_id=text.key_id,
            name=str(name),
            role=Role(str(role)),
            digest=digest_of(text.secret),
            created_at=self.clock.now(),
        )
        # First the plan: a key that is in no plan would be refused at the door, and nobody would know why.
        self.plans.admit(key.key_id, name=key.name, role=key.role)
        self.access.put_api_key(key)
        self.log.warning("key created", key_id=key.key_id, role=key.role.value, by=by)
        return {**described(key), "key": str(text)}

    def list(self) -> list[dict[str, Any]]:
        """Describe all keys, also revoked ones, the oldest first."""
        return [described(key) for key in self.access.api_keys()]

    def revoke(self, key_id: str, *, by: str) -> dict[str, Any]:
        """End a key for good; again is no mistake.

        Raises:
            NotFoundError: there is none.

        """
        key = self.access.revoke_api_key(key_id, now=self.clock.now()) if _KEY_ID.fullmatch(key_id) else None
        if key is None:
            raise NotFoundError("There is no such key.", FieldProblem("key_id", "is not known here"))
        self.plans.expel(key_id)
        self.log.warning("key revoked", key_id=key_id, by=by)
        return described(key)


def _problems(body: Mapping[str, Any]) -> list[FieldProblem]:
    name, role = body.get("name"), body.get("role")
    problems = [
        FieldProblem(unknown[:60], "is not a field of this request")
        for unknown in sorted(body.keys() - _FIELDS)
    ]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problems.append(FieldProblem("name", _NAME_RULE))
    if not isinstance(role, str) or role not in set(Role):
        problems.append(FieldProblem("role", f"must be one of {', '.join(Role)}"))
    return problems


def described(key: ApiKey) -> dict[str, Any]:
    """What may be shown of a key."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "created_at": rfc3339(key.created_at),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
