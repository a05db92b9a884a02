"""Whether Ferryman can do its work."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ferryman.domain.access import Caller
from ferryman.domain.errors import FerrymanError, NotHealthyError
from ferryman.domain.events import Step
from ferryman.domain.statistics import QUANTILES, ChainStatistics, Gauges, kept
from ferryman.domain.units import ChainId, Instant, Milliseconds, rfc3339
from ferryman.ports import Clock, CursorStore, Dependency, LeaseStore, Log, PauseStore, StatisticsStore
from ferryman.services.pausing import told
from ferryman.services.statistics import require_reader

PATIENCE_MS: Final = Milliseconds(5_000)
"""How long all dependencies together may take; who is silent then has failed."""
MOST_AT_ONCE: Final = 16
HEARTBEAT_MS: Final = Milliseconds(180_000)
"""Confirm measures and watch follows every minute: three missed are too many."""


class State(StrEnum):
    """How well something does."""

    OK = "ok"
    DEGRADED = "degraded"
    """Something has failed that it can do without for now."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Looks at what requests depend on."""

    leases: LeaseStore
    chain_ids: tuple[ChainId, ...]

    def ready(self) -> dict[str, Any]:
        """Read each chain's newest block from the tables.

        Raises:
            StoreUnavailableError: the tables do not answer, so we are not ready.

        """
        chains = [{"chain_id": chain_id, "head": self.leases.head(chain_id)} for chain_id in self.chain_ids]
        return {"status": "ready", "chains": chains}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmHeartbeat:
    """The Dependency that is confirm's schedule: when did it last measure a chain?"""

    chain_id: ChainId
    statistics: StatisticsStore
    clock: Clock
    is_vital: bool = True
    group: str | None = None

    @property
    def name(self) -> str:
        """The step and the chain."""
        return f"confirm {self.chain_id}"

    def look(self) -> Mapping[str, int | str]:
        """Read; and what it measured of the means to relay with."""
        gauges = self.statistics.gauges(self.chain_id)
        beat = _heartbeat(gauges.at if gauges else None, self.clock.now())
        if gauges is None:
            return beat
        counts = self.statistics.counts(self.chain_id)
        known = ChainStatistics(chain_id=self.chain_id, counts=counts, gauges=gauges)
        return {**beat, **_reserves(gauges), **_performance(known)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchHeartbeat:
    """The Dependency that is watch: without it acceptance reads the chain, so it is not vital."""

    chain_id: ChainId
    cursors: CursorStore
    clock: Clock
    is_vital: bool = False
    group: str | None = None

    @property
    def name(self) -> str:
        """The step and the chain."""
        return f"watch {self.chain_id}"

    def look(self) -> Mapping[str, int | str]:
        """Read."""
        cursor = self.cursors.cursor(self.chain_id)
        return _heartbeat(cursor.seen_at if cursor else None, self.clock.now())


def _reserves(gauges: Gauges) -> Mapping[str, int | str]:
    """Tell the wallets' coin, the fees that wait in contracts, and what gas costs."""
    told = {"native_wei": str(sum(wallet.balance_wei or 0 for wallet in gauges.wallets))}
    told |= {f"earned {token}": str(units) for token, units in sorted(gauges.earned.items())}
    return told if gauges.gas_price_wei is None else told | {"gas_price_wei": str(gauges.gas_price_wei)}


def _performance(known: ChainStatistics) -> Mapping[str, int | str]:
    """Tell the requests since the first, and of the last hour or two how many, how well and how fast."""
    told: dict[str, int | None] = {"requests": kept(known.counts).get("accepted", 0)}
    if recent := known.recent():
        told["requests_per_hour"] = recent.accepted_per_hour()
        told["success_bps"] = recent.success_bps()
        told |= {f"p{percent}_ms": recent.latency_ms(Step.CONFIRMED, percent) for percent in QUANTILES}
    return {name: value for name, value in told.items() if value is not None}


def _heartbeat(at: Instant | None, now: Instant) -> Mapping[str, int | str]:
    if at is None:
        msg = "it has not run yet"
        raise NotHealthyError(msg)
    if now - at > HEARTBEAT_MS:
        msg = f"it last ran {(now - at) // 1000} s ago"
        raise NotHealthyError(msg)
    return {"age_seconds": (now - at) // 1000}


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of asking one dependency."""

    dependency: Dependency
    took_ms: int
    details: Mapping[str, int | str]
    trouble: str | None

    def public(self) -> dict[str, Any]:
        """Give it for an answer."""
        status = {"status": State.FAILED, "reason": self.trouble} if self.trouble else {"status": State.OK}
        return {"name": self.dependency.name, **status, "latency_ms": self.took_ms, **self.details}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepHealth:
    """Asks every dependency, all at once and for a limited time."""

    chain_ids: Sequence[ChainId]
    dependencies: Callable[[], Sequence[Dependency]]
    """Asked at every look: a chain's endpoints change while a process lives."""
    pauses: PauseStore
    clock: Clock
    log: Log

    def __call__(self, caller: Caller) -> tuple[bool, dict[str, Any]]:
        """Look at everything.

        Returns:
            Whether the deployment can do its work, for one chain at least, and what was found.

        Raises:
            NotAllowedError: the caller's API key has no role that may.

        """
        require_reader(caller)
        findings = self._asked()
        failed = [finding for finding in findings if finding.trouble]
        shared = _status([finding for finding in findings if finding.dependency.chain_id is None])
        chains = {chain_id: _status(_of_chain(findings, chain_id)) for chain_id in self.chain_ids}
        # A chain that is down stops no other, so neither may the answer to whoever asks for all of them.
        is_able = shared is not State.FAILED and set(chains.values()) != {State.FAILED}
        report = {
            "status": State.FAILED if not is_able else State.DEGRADED if failed else State.OK,
            "at": rfc3339(self.clock.now()),
            "paused": self._paused(),
            "chains": [{"chain_id": chain_id, "status": state} for chain_id, state in chains.items()],
            "dependencies": [finding.public() for finding in findings],
        }
        for finding in failed:
            self.log.warning("not healthy", dependency=finding.dependency.name, cause=finding.trouble)
        return is_able, report

    def _asked(self) -> list[Finding]:
        """Ask all; those that are silent too long are left behind."""
        executor, dependencies = ThreadPoolExecutor(MOST_AT_ONCE), self.dependencies()
        futures: list[Future[Finding]] = [
            executor.submit(self._finding, dependency) for dependency in dependencies
        ]
        wait(futures, timeout=PATIENCE_MS / 1000)
        executor.shutdown(wait=False, cancel_futures=True)
        return [
            future.result()
            if future.done() and not future.cancelled()
            else Finding(dependency, PATIENCE_MS, {}, "it did not answer in time")
            for dependency, future in zip(dependencies, futures, strict=True)
        ]

    def _finding(self, dependency: Dependency) -> Finding:
        began = self.clock.now()
        details: Mapping[str, int | str] = {}
        trouble = None
        try:
            details = dependency.look()
        except FerrymanError as error:
            trouble = str(error)
        return Finding(dependency, self.clock.now() - began, details, trouble)

    def _paused(self) -> list[dict[str, Any]] | None:
        """What operators have paused; None if that cannot be read, as its table's finding says."""
        try:
            return [told(pause) for pause in self.pauses.pauses()]
        except FerrymanError:
            return None


def _of_chain(findings: Iterable[Finding], chain_id: ChainId) -> list[Finding]:
    return [finding for finding in findings if finding.dependency.chain_id == chain_id]


def _status(findings: Sequence[Finding]) -> State:
    """Judge: down is something vital that stands alone, or all of a group."""
    groups: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.dependency.is_vital:
            groups[finding.dependency.group or finding.dependency.name].append(finding)
    if any(all(finding.trouble for finding in members) for members in groups.values()):
        return State.FAILED
    return State.DEGRADED if any(finding.trouble for finding in findings) else State.OK
