"""What answers that wait for the end say of a transaction, in the shape that CroGas' clients read."""

from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.transaction import Status, Transaction

_STATES: Final = {Status.CONFIRMED: "confirmed", Status.FAILED: "failed"}
_PENDING: Final = "pending"


def told_outcome(row: Transaction, chain: ChainSettings) -> dict[str, Any]:
    """Tell how a transaction stands: whether it did what was asked, and where to look at it.

    Args:
        row: its row.
        chain: its chain.

    """
    return {
        "success": row.status is Status.CONFIRMED,
        "id": row.transaction_id,
        "transaction": {
            "txHash": row.hash,
            "explorerUrl": _explorer_url(row, chain),
            "status": _STATES.get(row.status, _PENDING),
            "blockNumber": row.block_number,
        },
    }


def told_error(row: Transaction) -> dict[str, Any]:
    """Tell why it failed, if it did."""
    return {"error": row.reason} if row.status is Status.FAILED else {}


def _explorer_url(row: Transaction, chain: ChainSettings) -> str | None:
    return f"{chain.explorer_url}/tx/{row.hash}" if chain.explorer_url and row.hash else None
