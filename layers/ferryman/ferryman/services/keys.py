"""API keys: made, listed and revoked by operators."""

import re
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import ApiKey, Role
from ferryman.domain.credentials import ApiKeyText, digest_of
from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotFoundError
from ferryman.domain.units import rfc3339
from ferryman.ports import AccessStore, Clock, Log, UsagePlans

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keeps the keys here and in API Gateway's usage plans in step."""

    access: AccessStore
    plans: UsagePlans
    clock: Clock
    log: Log

    def create(self, *, name: str, role: str) -> dict[str, Any]:
        """Make a key and give it, for the one and only time.

        Args:
            name: whose it is, for people; two keys may share one.
            role: `reader`, `service` or `admin`.

        Raises:
            InvalidFieldsError: the name or the role is not one.

        """
        problems = [] if _NAME.fullmatch(name) else [FieldProblem("name", _NAME_RULE)]
        if role not in set(Role):
            problems.append(FieldProblem("role", f"must be one of {', '.join(Role)}"))
        if problems:
            raise InvalidFieldsError("That is not a key.", *problems)
        text = ApiKeyText.new()
        key = ApiKey(
            key_id=text.key_id,
            name=name,
            role=Role(role),
            digest=digest_of(text.secret),
            created_at=self.clock.now(),
        )
        # First the plan: a key that is in no plan would be refused at the door, and nobody would know why.
        self.plans.admit(key.key_id, name=name, role=key.role)
        self.access.put_api_key(key)
        self.log.info("key created", key_id=key.key_id, role=role)
        return {**described(key), "key": str(text)}

    def list(self) -> list[dict[str, Any]]:
        """Describe all keys, also revoked ones, the oldest first."""
        return [described(key) for key in self.access.api_keys()]

    def revoke(self, key_id: str) -> dict[str, Any]:
        """End a key for good; again is no mistake.

        Raises:
            NotFoundError: there is none.

        """
        key = self.access.revoke_api_key(key_id, now=self.clock.now()) if _KEY_ID.fullmatch(key_id) else None
        if key is None:
            raise NotFoundError("There is no such key.", FieldProblem("key_id", "is not known here"))
        self.plans.expel(key_id)
        self.log.info("key revoked", key_id=key_id)
        return described(key)


_NAME_RULE: Final = "must be 1 to 64 letters, digits, spaces, dots, dashes or underscores"


def described(key: ApiKey) -> dict[str, Any]:
    """What may be shown of a key."""
    return {
        "key_id": key.key_id,
        "name": key.name,
        "role": key.role.value,
        "created_at": rfc3339(key.created_at),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
