"""What `POST /faucet/usdc` answers: a grant as it stands."""

from typing import Any

from ferryman.domain.transaction import Transaction
from ferryman.domain.units import TokenUnits, decimal
from ferryman.intents.faucet.request import Wanted
from ferryman.intents.told import told_error, told_outcome


def given(row: Transaction, asked: Wanted) -> dict[str, Any]:
    """Tell a grant in the shape of `POST /x402/facilitate`.

    Args:
        row: its row.
        asked: what it was made for.

    """
    return {
        **told_outcome(row, asked.chain),
        "faucet": {
            "address": row.payload["to"],
            "token": row.payload["token"],
            "amount": decimal(TokenUnits(int(row.payload["units"])), asked.faucet.decimals),
            "currency": asked.faucet.currency,
        },
        **told_error(row),
    }
