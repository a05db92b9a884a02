"""Pushes, starts of confirm, and log lines in memory."""

from ferryman.domain.errors import SubscriberGoneError
from ferryman.domain.units import ChainId


class FakePush:
    """The Push port."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.gone: set[str] = set()

    def post(self, connection_id: str, message: str) -> None:
        """Keep a message, unless the connection is gone."""
        if connection_id in self.gone:
            raise SubscriberGoneError(connection_id)
        self.posted.append((connection_id, message))


class FakeConfirmer:
    """The Confirmer port: notes which chains a run was asked for."""

    def __init__(self) -> None:
        self.started: list[ChainId] = []
        self.scheduled: list[ChainId] = []
        """Those of them that stand for the schedule's."""

    def start(self, chain_id: ChainId, *, scheduled: bool = False) -> None:
        """Note a start."""
        self.started.append(chain_id)
        if scheduled:
            self.scheduled.append(chain_id)


class FakeLog:
    """The Log port."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def info(self, message: str, **values: object) -> None:
        """Keep a line."""
        self.lines.append(("info", message, values))

    def warning(self, message: str, **values: object) -> None:
        """Keep a line."""
        self.lines.append(("warning", message, values))

    def error(self, message: str, **values: object) -> None:
        """Keep a line."""
        self.lines.append(("error", message, values))
