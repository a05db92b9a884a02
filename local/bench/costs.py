"""What 1,000 payments cost on AWS: units that were counted, times the list prices of one region."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.bench.payment_units import PaymentUnits, count_payments
from local.bench.report import ResultTable
from local.bench.usage import Usage

PRICED_ON: Final = "us-east-1, list prices without free tiers, as known on 21 November 2026"
PRICES: Final[Mapping[str, float]] = {
    "DynamoDB write request units": 0.625e-6,
    "DynamoDB read request units": 0.125e-6,
    "KMS signatures (asymmetric)": 15e-6,
    "SQS FIFO requests": 0.50e-6,
    "API Gateway REST requests": 3.50e-6,
    "WebSocket messages": 1.00e-6,
    "Lambda requests": 0.20e-6,
    "Lambda GB-seconds": 16.6667e-6,
    "log bytes ingested": 0.50e-9,
}
"""US dollars for one unit."""
_A_THOUSAND: Final = 1_000
_EVENTS: Final = 4
"""Pushed for a payment that is accepted, pending, included and confirmed."""
_SUBSCRIPTION: Final = 2
"""A message to subscribe, and its answer."""
_WATCHES: Final = frozenset({"confirm", "watch"})
"""They run by the clock while anything is open, however many payments that is."""
_CROWD: Final = 20
_COUNTED: Final = 120


@dataclass(frozen=True)
class CountedUse:
    """What payments used on the stack, apart from what the tables and queues counted."""

    usage: Usage
    payments: int

    def units(self, counted: PaymentUnits) -> dict[str, float]:
        """Give the units of one payment, by the names of the prices."""
        ours = [one for name, one in self.usage.items() if name not in _WATCHES]
        return {
            "DynamoDB write request units": counted.writes,
            "DynamoDB read request units": counted.reads,
            "KMS signatures (asymmetric)": counted.signatures,
            "SQS FIFO requests": counted.queue_requests,
            "API Gateway REST requests": 1.0,
            "WebSocket messages": float(_EVENTS + _SUBSCRIPTION),
            "Lambda requests": sum(one.invocations for one in ours) / self.payments,
            "Lambda GB-seconds": sum(one.gigabyte_seconds for one in ours) / self.payments,
            "log bytes ingested": sum(one.log_bytes for one in ours) / self.payments,
        }


def cost_table(alone: CountedUse, crowd: CountedUse) -> ResultTable:
    """Price payments that come alone, and in crowds."""
    columns = [
        _priced(alone.units(count_payments(_COUNTED, together=1))),
        _priced(crowd.units(count_payments(_COUNTED, together=_CROWD))),
    ]
    rows = [
        (name, f"{price * 1e6:,.4g}", *(cell for column in columns for cell in _cells(column[name])))
        for name, price in PRICES.items()
    ]
    totals = [f"**{sum(dollars for _, dollars in column.values()):.3f}**" for column in columns]
    rows.append(("**together, $**", "", "", totals[0], "", totals[1]))
    names = ("unit", "$ a million", "1,000 alone", "$", f"1,000 in crowds of {_CROWD}", "$")
    return ResultTable("Per 1,000 payments", names, rows, f"{_NOTE} {_load()}")


def _load() -> str:
    return f"Load of the machine while it was measured: {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores."


_NOTE: Final = (
    f"Prices: {PRICED_ON}. DynamoDB, KMS and SQS are counted from the very requests of the services "
    "(`local/bench/payment_units.py`); Lambda and logs from the logs of the deployed functions on the local "
    "stack, where a function's time holds the waiting for emulated services, so take it as an order of "
    "magnitude. One subscriber hears each payment's events. Not in here: confirm and watch, which cost time "
    "and not payments; storage; the chain's gas and your RPC provider."
)


def _priced(units: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Give units and dollars for a thousand payments."""
    return {name: (each * _A_THOUSAND, each * _A_THOUSAND * PRICES[name]) for name, each in units.items()}


def _cells(priced: tuple[float, float]) -> Sequence[str]:
    units, dollars = priced
    return f"{units:,.0f}", f"{dollars:.4f}"
