"""What came of many payments: how many, how fast."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from local.progress import console
from local.watching import WatchedPayment


@dataclass(frozen=True)
class Summary:
    """Payments that have ended and the time they took together."""

    payments: Sequence[WatchedPayment]
    seconds: float

    @property
    def refused(self) -> list[WatchedPayment]:
        """Those that were not accepted."""
        return [payment for payment in self.payments if payment.refusal]

    @property
    def confirmed(self) -> list[WatchedPayment]:
        """Those that are on the chain."""
        return [payment for payment in self.payments if payment.status == "CONFIRMED"]

    @property
    def failed(self) -> list[WatchedPayment]:
        """Those that were accepted and failed."""
        return [payment for payment in self.payments if payment.status == "FAILED"]

    def by_chain(self) -> dict[int, "Summary"]:
        """Sum up each chain by itself."""
        chains = sorted({payment.chain_id for payment in self.payments})
        return {
            chain_id: Summary([one for one in self.payments if one.chain_id == chain_id], self.seconds)
            for chain_id in chains
        }

    @property
    def all_confirmed(self) -> bool:
        """Whether every single one is on the chain."""
        return len(self.confirmed) == len(self.payments)

    def milliseconds_to_answer(self) -> list[float]:
        """From sending each request to its answer."""
        return [_ms(payment.posted_at, payment.answered_at) for payment in self.payments]

    def milliseconds_to(self, event: str) -> list[float]:
        """From each acceptance to hearing of the event, for those that heard of it."""
        heard = ((payment.answered_at, payment.heard_at(event)) for payment in self.payments)
        return [_ms(answered, at) for answered, at in heard if at is not None]


def percentile(values: Iterable[float], percent: int) -> float:
    """Take the smallest value that at least `percent` % of all do not exceed; NaN if there is none."""
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else math.nan


def show_summary(summary: Summary) -> None:
    """Print counts, rates and latencies."""
    table = Table("", "p50", "p95", "of", title="milliseconds", title_justify="left")
    for name, values in (
        ("POST to its answer", summary.milliseconds_to_answer()),
        ("accepted to pending", summary.milliseconds_to("payment_pending")),
        ("accepted to confirmed", summary.milliseconds_to("payment_confirmed")),
    ):
        table.add_row(
            name, f"{percentile(values, 50):.0f}", f"{percentile(values, 95):.0f}", str(len(values))
        )
    total = len(summary.payments)
    console.print(table)
    console.print(
        f"{total} sent: {total - len(summary.refused)} accepted, {len(summary.confirmed)} confirmed, "
        f"{len(summary.failed)} failed, {len(summary.refused)} refused; "
        f"{len(summary.confirmed) / summary.seconds:.1f} confirmed a second"
    )
    chains = summary.by_chain()
    for chain_id, part in chains.items() if len(chains) > 1 else ():
        latencies = part.milliseconds_to("payment_confirmed")
        console.print(
            f"chain {chain_id}: {len(part.confirmed)} of {len(part.payments)} confirmed, "
            f"p50 {percentile(latencies, 50):.0f} ms, p95 {percentile(latencies, 95):.0f} ms after acceptance"
        )
    for payment in summary.refused[:3]:
        console.print(f"refused: {payment.refusal}", style="red", markup=False)


def _ms(start: float, end: float) -> float:
    return (end - start) * 1000
