"""The backlog of a chain: what waits for its nonce, in parts, so that no part has all of the load."""

from typing import Final

from ferryman.domain.units import TransactionId

PARTS: Final = 4
_HEX_DIGITS: Final = 4
"""Of an id, that decide: ids are digests."""


def part_of(transaction_id: TransactionId) -> int:
    """Give the number of the part that a transaction is in, from 0."""
    return int(transaction_id[-_HEX_DIGITS:], 16) % PARTS
