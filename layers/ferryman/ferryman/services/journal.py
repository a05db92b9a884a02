"""The journal: every step that was written becomes a log line, and the numbers of what it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ferryman.domain.events import Event, Step
from ferryman.domain.fees import BPS
from ferryman.domain.metrics import Metric
from ferryman.domain.statistics import gas_of
from ferryman.domain.units import Instant
from ferryman.ports import Log, Metrics
from ferryman.services.about import about

Stage = tuple[Metric, tuple[Step, ...]]

_INCLUSION: Final[Stage] = (Metric.TIME_TO_INCLUSION, (Step.BOUND,))
_STAGES: Final[Mapping[Step, tuple[Stage, ...]]] = MappingProxyType(
    {
        Step.BOUND: ((Metric.TIME_TO_BIND, (Step.VALIDATED, Step.ACCEPTED)),),
        Step.CONFIRMED: (
            (Metric.TIME_TO_CONFIRMATION, (Step.INCLUDED,)),
            (Metric.SETTLEMENT_TIME, (Step.ACCEPTED, Step.RECEIVED)),
        ),
    }
)
"""Step -> what it ends, and the steps that may have begun it, of which the first that was taken counts."""
_SAID: Final = ("wallet", "nonce", "hash", "block_number", "confirmations", "reason")
"""The facts that a log line repeats."""
_WEI_PER_COIN: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Says what happened to transactions; it is called once a step is written."""

    log: Log
    metrics: Metrics

    def __call__(self, event: Event) -> None:
        """Note one step."""
        facts = {name: event.facts[name] for name in _SAID if event.facts.get(name) is not None}
        self.log.info(
            "step taken",
            **about(event),
            chain_id=event.chain_id,
            step=event.step.value,
            status=event.status,
            **facts,
        )
        self._count(event)
        self._count_money(event)
        for metric, beginnings in _ended_stages(event):
            if (began := _first(event, beginnings)) is not None:
                self.metrics.add(metric, event.at - began, chain_id=event.chain_id)

    def _count(self, event: Event) -> None:
        self._count_gas(event)
        add, chain_id, kind = self.metrics.add, event.chain_id, event.kind
        match event.step:
            case Step.ACCEPTED | Step.RECEIVED:
                add(Metric.ACCEPTED, chain_id=chain_id, kind=kind)
            case Step.REORGED:
                add(Metric.REORGED, chain_id=chain_id)
            case Step.REOPENED:
                add(Metric.REOPENED, chain_id=chain_id)
            case Step.RECOVERED:
                # Executed on chain while our tables did not know: no stage can be timed.
                add(Metric.CONFIRMED, chain_id=chain_id, kind=kind)
            case Step.CONFIRMED:
                add(Metric.CONFIRMED, chain_id=chain_id, kind=kind)
                add(Metric.FAILURE, 0, chain_id=chain_id)
            case Step.FAILED:
                add(Metric.FAILED, chain_id=chain_id, kind=kind, reason=str(event.facts["reason"]))
                add(Metric.FAILURE, 1, chain_id=chain_id)

    def _count_money(self, event: Event) -> None:
        """Count what a mined transaction cost and earned, where that was predicted and priced."""
        error, fee, margin = (event.facts.get(name) for name in ("cost_error_bps", "fee_taken", "margin"))
        if isinstance(error, int):
            self.metrics.add(Metric.COST_ERROR, error, chain_id=event.chain_id)
        if isinstance(fee, int) and isinstance(margin, int) and (cost := fee - margin) > 0:
            self.metrics.add(Metric.FEE_COVERAGE, fee * BPS // cost, chain_id=event.chain_id)

    def _count_gas(self, event: Event) -> None:
        """Count the gas of what was mined when it is first told: of a batch, each intent its share."""
        if borne := gas_of(event):
            gas, cost = borne
            self.metrics.add(Metric.GAS_USED, gas, chain_id=event.chain_id)
            self.metrics.add(Metric.GAS_COST, cost / _WEI_PER_COIN, chain_id=event.chain_id)


def _ended_stages(event: Event) -> tuple[Stage, ...]:
    """Give what a step ends; the block that holds a transaction may be told with its end."""
    is_news = event.step is Step.INCLUDED or event.facts.get("block_hash")
    included = (_INCLUSION,) if is_news else ()
    return (*included, *_STAGES.get(event.step, ()))


def _first(event: Event, steps: tuple[Step, ...]) -> Instant | None:
    taken = (event.reached[step.value] for step in steps if step.value in event.reached)
    return next(taken, None)
