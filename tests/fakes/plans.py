"""Usage plans in memory."""

from ferryman.domain.access import Role
from ferryman.domain.errors import StoreUnavailableError


class FakeUsagePlans:
    """The UsagePlans port."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.is_away = False

    def admit(self, key_id: str, *, name: str, role: Role) -> None:
        """Keep a key's role."""
        self._answer(name)
        self.roles[key_id] = role

    def expel(self, key_id: str) -> None:
        """Forget a key; one that is gone already is no mistake."""
        self._answer(key_id)
        self.roles.pop(key_id, None)

    def _answer(self, asked: str) -> None:
        if self.is_away:
            raise StoreUnavailableError(asked)
