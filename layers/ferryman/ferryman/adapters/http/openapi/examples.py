"""Values that examples show in more than one place."""

from typing import Final

ADDRESS: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TRANSACTION_ID: Final = "0x" + "6f" * 32
TX_HASH: Final = "0x" + "2b" * 32
WHEN: Final = "2026-11-21T12:00:00.000Z"
