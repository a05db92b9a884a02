"""Hints of rows: what they name, and the lane they go by at this moment."""

from ferryman.domain.chain import ChainSettings
from ferryman.domain.lanes import lane_of
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Instant
from ferryman.ports import TransactionHint


def hint_of(
    row: Transaction, chain: ChainSettings, now: Instant, *, is_swept: bool = False
) -> TransactionHint:
    """Give the hint that names a row."""
    return TransactionHint(
        transaction_id=row.transaction_id,
        chain_id=row.chain_id,
        sender=row.sender,
        version=row.version,
        correlation_id=row.correlation_id,
        lane=lane_of(row, chain, now),
        is_swept=is_swept,
    )
