"""Transfers up to a maximum that a token's holder has signed for Permit2, carried out at our cost."""

from ferryman.intents.upto_transfer.kind import UPTO_TRANSFER

__all__ = ["UPTO_TRANSFER"]
