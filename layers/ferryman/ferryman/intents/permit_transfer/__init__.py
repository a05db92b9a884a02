"""Permit transfers: what a token's holder has signed for Permit2, carried out at our cost."""

from ferryman.intents.permit_transfer.kind import PERMIT_TRANSFER

__all__ = ["PERMIT_TRANSFER"]
