"""What every log line about a transaction says of it."""

from ferryman.domain.events import Event
from ferryman.domain.transaction import Transaction
from ferryman.ports import TransactionHint


def about(subject: Transaction | Event | TransactionHint) -> dict[str, object]:
    """Give the values by which a log is searched: the transaction, and the request it came with."""
    return {"transaction_id": subject.transaction_id, "correlation_id": subject.correlation_id}
