"""An archive in memory, which can refuse."""

from collections.abc import Sequence

from ferryman.domain.errors import StoreUnavailableError


class FakeArchive:
    """The Archive port."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[str, ...]] = {}
        self.is_away = False

    def put(self, name: str, lines: Sequence[str]) -> None:
        """Keep an object, unless the archive is away."""
        if self.is_away:
            msg = "the archive is away"
            raise StoreUnavailableError(msg)
        self.objects[name] = tuple(lines)

    @property
    def lines(self) -> list[str]:
        """Every line of every object."""
        return [line for lines in self.objects.values() for line in lines]
