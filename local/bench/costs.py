"""What 1,000 payments and settlements cost on AWS: counted units, times the list prices of one region."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from local.bench.payment_units import PaymentUnits, count_payments
from local.bench.report import ResultTable
from local.bench.settlement_units import count_settlements
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
_WAYS: Final = (("1,000 alone", 1), (f"1,000 in crowds of {_CROWD}", _CROWD))


@dataclass(frozen=True, kw_only=True)
class CountedUse:
    """What intents used: counted in memory of tables, queue and keys, and of the functions on the stack."""

    name: str
    counted: PaymentUnits
    usage: Usage
    count: int
    """How many intents the functions were used for."""
    messages: int = _EVENTS + _SUBSCRIPTION
    """To and from whoever follows one."""

    def units(self) -> dict[str, float]:
        """Give the units of one intent, by the names of the prices."""
        ours = [one for name, one in self.usage.items() if name not in _WATCHES]
        return {
            "DynamoDB write request units": self.counted.writes,
            "DynamoDB read request units": self.counted.reads,
            "KMS signatures (asymmetric)": self.counted.signatures,
            "SQS FIFO requests": self.counted.queue_requests,
            "API Gateway REST requests": 1.0,
            "WebSocket messages": float(self.messages),
            "Lambda requests": sum(one.invocations for one in ours) / self.count,
            "Lambda GB-seconds": sum(one.gigabyte_seconds for one in ours) / self.count,
            "log bytes ingested": sum(one.log_bytes for one in ours) / self.count,
        }


def payment_costs(alone: Usage, crowd: Usage, *, counts: tuple[int, int]) -> ResultTable:
    """Price payments that come alone, and in crowds.

    Args:
        alone: what the functions used for those that came one by one.
        crowd: what they used for those that came together.
        counts: how many payments that was.

    """
    uses = [
        CountedUse(name=name, counted=count_payments(_COUNTED, together=together), usage=usage, count=count)
        for (name, together), usage, count in zip(_WAYS, (alone, crowd), counts, strict=True)
    ]
    return _cost_table("Per 1,000 payments", uses, f"{_NOTE} {_PAYMENTS}")


def settlement_costs(alone: Usage, crowd: Usage, *, counts: tuple[int, int]) -> ResultTable:
    """Price settlements by x402 whose callers wait for their end, as `payment_costs` does payments."""
    uses = [
        CountedUse(
            name=name,
            counted=count_settlements(_COUNTED, together=together),
            usage=usage,
            count=count,
            messages=0,
        )
        for (name, together), usage, count in zip(_WAYS, (alone, crowd), counts, strict=True)
    ]
    return _cost_table("Per 1,000 settlements by x402", uses, _SETTLEMENTS)


def _cost_table(title: str, uses: Sequence[CountedUse], note: str) -> ResultTable:
    columns = [_priced(use.units()) for use in uses]
    rows = [
        (name, f"{price * 1e6:,.4g}", *(cell for column in columns for cell in _cells(column[name])))
        for name, price in PRICES.items()
    ]
    totals = [f"**{sum(dollars for _, dollars in column.values()):.3f}**" for column in columns]
    rows.append(("**together, $**", "", *(cell for total in totals for cell in ("", total))))
    names = ("unit", "$ a million", *(cell for use in uses for cell in (use.name, "$")))
    return ResultTable(title, names, rows, f"{note} {_load()}")


def _load() -> str:
    return f"Load of the machine while it was measured: {os.getloadavg()[1]:.0f} on {os.cpu_count()} cores."


_NOTE: Final = (
    f"Prices: {PRICED_ON}. DynamoDB, KMS and SQS are counted from the very requests of the services "
    "(`local/bench/payment_units.py`, `settlement_units.py`); Lambda and logs from the logs of the deployed "
    "functions on the local stack, where a function's time holds the waiting for emulated services, so take "
    "it as an order of magnitude. Not in here: confirm and watch, which cost time and not payments; storage; "
    "the chain's gas and your RPC provider."
)
_PAYMENTS: Final = "One subscriber hears each payment's events."
_SETTLEMENTS: Final = (
    "Of `POST /settle`, whose caller waits for the end: that is most of the Lambda seconds, and a read unit "
    "more for each look at the row, one to four a block. Nobody else hears of it. `POST /verify` is a "
    "request and a Lambda invocation, and writes nothing."
)


def _priced(units: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Give units and dollars for a thousand."""
    return {name: (each * _A_THOUSAND, each * _A_THOUSAND * PRICES[name]) for name, each in units.items()}


def _cells(priced: tuple[float, float]) -> Sequence[str]:
    units, dollars = priced
    return f"{units:,.0f}", f"{dollars:.4f}"
