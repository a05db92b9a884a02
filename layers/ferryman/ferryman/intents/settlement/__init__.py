"""Settlements: transfers that a token's holder has signed (EIP-3009), carried out at our cost."""

from ferryman.intents.settlement.kind import SETTLEMENT

__all__ = ["SETTLEMENT"]
