"""What `POST /x402/facilitate` answers: a record, in the shape that CroGas' clients read."""

from typing import Any

from ferryman.domain.chain import ChainSettings
from ferryman.domain.fees import BPS
from ferryman.domain.relaying import FACILITATOR_BPS, RelaySettings
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import TokenUnits, decimal
from ferryman.intents.meta_transaction.money import breakdown_of
from ferryman.intents.told import told_error, told_outcome


def facilitated(row: Transaction, chain: ChainSettings) -> dict[str, Any]:
    """Tell a meta-transaction as it stands.

    Args:
        row: its row.
        chain: its chain.

    Returns:
        What happened, once it is over; before that `pending`, and the id to ask for it.

    """
    return {
        **told_outcome(row, chain),
        "execution": {
            "target": row.payload["target"],
            "gasUsed": row.gas_used,
            "gasPrice": None if row.effective_gas_price is None else str(row.effective_gas_price),
        },
        "payment": _payment(row, chain.relay) if row.status.is_terminal and chain.relay else None,
        **told_error(row),
    }


def _payment(row: Transaction, ours: RelaySettings) -> dict[str, Any]:
    """Tell what was paid: the relay's fee is the cost of gas and the facilitator's percent of it."""
    paid = row.fee_taken or TokenUnits(0)
    base = TokenUnits(-(-paid * BPS // (BPS + FACILITATOR_BPS)))
    return {
        "amount": decimal(paid, ours.fee_decimals),
        "currency": ours.fee_currency,
        "breakdown": breakdown_of(base, paid, ours),
    }
