"""Transactions of either fee model."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.domain.eip1559 import TYPE, Eip1559Transaction
from ferryman.domain.fees import FeeModel
from ferryman.domain.legacy import LegacyTransaction

UnsignedTransaction = Eip1559Transaction | LegacyTransaction

TRANSACTIONS: Final[Mapping[FeeModel, type[Eip1559Transaction | LegacyTransaction]]] = MappingProxyType(
    {FeeModel.EIP1559: Eip1559Transaction, FeeModel.LEGACY: LegacyTransaction}
)
"""What is signed on a chain of each model."""


def opened(raw: bytes) -> UnsignedTransaction:
    """Read back what signed bytes of ours carry out, whichever model they were signed under."""
    return Eip1559Transaction.of(raw) if raw.startswith(TYPE) else LegacyTransaction.of(raw)
