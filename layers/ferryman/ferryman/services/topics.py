"""Topics: what a WebSocket client can listen to."""

import re
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.events import Event
from ferryman.domain.units import Address, TransactionId, checked_address

_TRANSACTION: Final = re.compile(r"transaction:(0x[0-9a-f]{64})")
_FORMS: Final = "transaction:<0x and 64 hex digits> or sender:<address>"


@dataclass(frozen=True, slots=True)
class TransactionTopic:
    """All events of one transaction."""

    transaction_id: TransactionId

    def __str__(self) -> str:
        return f"transaction:{self.transaction_id}"


@dataclass(frozen=True, slots=True)
class SenderTopic:
    """All events of one sender's transactions."""

    sender: Address

    def __str__(self) -> str:
        return f"sender:{self.sender}"


Topic = TransactionTopic | SenderTopic


def topics_of(event: Event) -> tuple[str, ...]:
    """The topics an event is told on."""
    return str(TransactionTopic(event.transaction_id)), str(SenderTopic(event.sender))


def parsed_topic(text: object) -> Topic:
    """Read a topic that a client named.

    Raises:
        InvalidFieldsError: it is none.

    """
    if isinstance(text, str):
        if match := _TRANSACTION.fullmatch(text.lower()):
            return TransactionTopic(TransactionId(match[1]))
        if text.startswith("sender:"):
            return SenderTopic(parsed_address("topic", text.removeprefix("sender:")))
    raise InvalidFieldsError("That is not a topic.", FieldProblem("topic", f"must be {_FORMS}"))


def parsed_address(field: str, text: str) -> Address:
    """Read an address that a client named.

    Raises:
        InvalidFieldsError: it is none; `field` says which.

    """
    try:
        return checked_address(text)
    except ValueError as error:
        raise InvalidFieldsError("That is not an address.", FieldProblem(field, str(error))) from error


def parsed_transaction_id(text: str) -> TransactionId:
    """Read a transaction id that a client named.

    Raises:
        InvalidFieldsError: it is none.

    """
    if not _TRANSACTION.fullmatch(f"transaction:{text.lower()}"):
        problem = FieldProblem("transaction_id", "must be 0x followed by 64 hex digits")
        raise InvalidFieldsError("That is not a transaction id.", problem)
    return TransactionId(text.lower())
