"""JSON-RPC over the endpoints of one chain: reads ask one after the other, sends ask all at once."""

import copy
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

import urllib3

from ferryman.adapters.evm.endpoint import Endpoint
from ferryman.adapters.evm.endpoints import Endpoints
from ferryman.adapters.evm.rpc_batch import NoAnswerError, RpcError, RpcRequest
from ferryman.adapters.tracing import NoTracing
from ferryman.domain.chain import MOST_RPC_CALLS
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId
from ferryman.ports import Metrics, Tracing

_PATIENCES: Final = 2
"""Endpoints that may be silent for all their time within one call; those after them are not asked."""
_TOO_LATE: Final = "it did not answer in time"
_CONNECTIONS: Final = 4
"""Kept per endpoint: threads of a broadcast and of the next call may overlap."""

Unfit = Callable[[int, list[Any]], bool]
"""From an endpoint's number and its answers to whether they will not do."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one endpoint answered, of those that were asked at once."""

    number: int
    answers: list[Any] | NoAnswerError
    milliseconds: float
    opened: bool = False
    """Whether this opened its breaker."""


class JsonRpc:
    """The endpoints of one chain.

    Args:
        chain_id: the chain they serve.
        endpoints: their addresses.
        metrics: gets the time and the errors of each endpoint, by its number.
        tracing: gets a span for each batch.
        timeout_seconds: how long one endpoint may be silent; a whole call takes twice that at most.
        most_in_batch: requests that an endpoint takes at once.
        now: seconds that never go back.

    """

    def __init__(
        self,
        chain_id: ChainId,
        endpoints: Endpoints,
        *,
        metrics: Metrics,
        tracing: Tracing | None = None,
        timeout_seconds: float = 4.0,
        most_in_batch: int = MOST_RPC_CALLS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._chain_id = chain_id
        self._addresses = endpoints
        self._metrics = metrics
        self._tracing = tracing or NoTracing()
        self._patience = timeout_seconds
        self._most_in_batch = most_in_batch
        self._now = now
        self._http = urllib3.PoolManager(
            retries=False, maxsize=_CONNECTIONS, headers={"Content-Type": "application/json"}
        )
        self._known: dict[str, Endpoint] = {}
        """By address: how an endpoint did is remembered when the addresses are read again."""
        self._late: SimpleQueue[Told] = SimpleQueue()
        """Answers to broadcasts that nobody waited for; the metrics are not made for threads."""
        self._only: str | None = None
        self._trusted: Collection[int] = ()
        """Numbers of the endpoints that are asked first, whatever their weight."""

    def singly(self) -> dict[int, "JsonRpc"]:
        """Give each endpoint by itself, over the same connections and breakers, the preferred first.

        Returns:
            By the endpoint's number.

        Raises:
            ChainUnreachableError: the addresses are not known now.

        """
        ordered = sorted(self._endpoints(), key=lambda one: (one.breaker.is_open, *_preference(one)))
        return {one.address.number: self._pinned(one.address.url) for one in ordered}

    def trust(self, numbers: Collection[int]) -> None:
        """Ask these endpoints before all others from now on, by their numbers; none: as they are listed."""
        self._trusted = numbers

    def batch(self, requests: Sequence[RpcRequest], *, unfit: Unfit | None = None) -> list[Any]:
        """Ask one endpoint after the other until one answers.

        Args:
            requests: asked together, in order, of the same endpoint.
            unfit: judges the answers. An endpoint whose answers will not do comes last for a while; they
                are given only if no other's are better.

        Returns:
            A result or an RpcError for each request, in the order asked.

        Raises:
            ChainUnreachableError: no endpoint answered all of them.

        """
        if not requests:
            return []
        poor: list[Any] | None = None
        until, cause = self._now() + _PATIENCES * self._patience, None
        for endpoint in self._candidates():
            if self._now() >= until:
                break
            told = self._asked(endpoint, requests, until)
            self._note(told)
            if isinstance(told.answers, NoAnswerError):
                cause = told.answers.cause
            elif unfit and unfit(told.number, told.answers):
                endpoint.fell_behind()
                poor = told.answers if poor is None else poor
            else:
                return told.answers
        if poor is not None:
            return poor
        raise ChainUnreachableError(self._chain_id, cause or self._resting())

    def everywhere(self, requests: Sequence[RpcRequest]) -> Iterator[list[Any] | NoAnswerError]:
        """Ask all healthy endpoints at once.

        Gives what each one answers, as it comes, until all have or their time is over. Whoever has heard
        enough stops listening; what was sent is sent all the same.

        Raises:
            ChainUnreachableError: the addresses are not known now.

        """
        asked = list(self._candidates(renewed=False))
        until = self._now() + self._patience
        if len(asked) == 1:
            told = self._asked(asked[0], requests, until)
            self._note(told)
            yield told.answers
            return
        answers: SimpleQueue[Told] = SimpleQueue()
        listening = threading.Event()
        listening.set()

        def ask(endpoint: Endpoint) -> None:
            told = self._asked(endpoint, requests, until)
            (answers if listening.is_set() else self._late).put(told)

        for endpoint in asked:
            threading.Thread(target=ask, args=(endpoint,), daemon=True).start()
        try:
            for _ in asked:
                yield self._next(answers, until)
        finally:
            listening.clear()

    def each(self, requests: Sequence[RpcRequest]) -> list[tuple[Told, bool]]:
        """Ask every endpoint at once, also those that rest, for as long as one may be silent.

        Returns:
            What each answered, as they are listed, and whether it rests now.

        Raises:
            ChainUnreachableError: the addresses are not known now.

        """
        asked, until = self._endpoints(), self._now() + self._patience
        answers: SimpleQueue[Told] = SimpleQueue()

        def ask(endpoint: Endpoint) -> None:
            answers.put(self._asked(endpoint, requests, until))

        for endpoint in asked:
            threading.Thread(target=ask, args=(endpoint,), daemon=True).start()
        told: dict[int, Told] = {}
        for _ in asked:
            try:
                one = answers.get(timeout=max(until - self._now(), 0.01))
            except Empty:
                break
            told[one.number] = one
            self._note(one)
        return [(self._told_of(one, told), one.breaker.is_open) for one in asked]

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 (a JSON value)
        """Send one request.

        Raises:
            ChainUnreachableError: no endpoint gave a result.

        """
        (answer,) = self.batch([RpcRequest(method, params)])
        return self.result(answer)

    def result(self, answer: Any) -> Any:  # noqa: ANN401 (a JSON value)
        """Give a result, or raise ChainUnreachableError: this was a question every node can answer."""
        if isinstance(answer, RpcError):
            raise ChainUnreachableError(self._chain_id, f"error {answer.code}: {answer.text}")
        return answer

    @property
    def count(self) -> int:
        """How many endpoints are configured."""
        return len(self._endpoints())

    # -- inside -------------------------------------------------------------------------------

    def _pinned(self, url: str) -> "JsonRpc":
        pinned = copy.copy(self)
        pinned._only = url  # noqa: SLF001 (its own class)
        return pinned

    def _endpoints(self) -> list[Endpoint]:
        """Give the endpoints as they are listed, each with what is known of it."""
        found = []
        for address in self._addresses.addresses():
            known = self._known.get(address.url)
            if known is None or known.address != address:
                known = self._known[address.url] = Endpoint(
                    address,
                    http=self._http,
                    most_in_batch=self._most_in_batch,
                    refused=self._addresses.refused,
                    now=self._now,
                )
            if self._only in {None, address.url}:
                found.append(known)
        return found

    def _candidates(self, *, renewed: bool = True) -> Iterator[Endpoint]:
        """Give those worth asking, the preferred first.

        When these fail, those whose rest has been long enough for lack of another, and in the end the
        addresses that replaced refused ones meanwhile.
        """
        known = sorted(self._endpoints(), key=self._rank)
        resting = []
        for one in known:
            if one.breaker.admits():
                yield one
            else:
                resting.append(one)
        yield from (one for one in resting if one.breaker.admits(alone=True))
        if renewed and not self._only:
            tried = {one.address.url for one in known}
            yield from (one for one in self._endpoints() if one.address.url not in tried)

    def _asked(self, endpoint: Endpoint, requests: Sequence[RpcRequest], until: float) -> Told:
        number, began, opened = endpoint.address.number, time.monotonic(), False
        answers: list[Any] | NoAnswerError
        try:
            with self._tracing.span(f"chain-{self._chain_id}", endpoint=number, calls=len(requests)):
                answers = endpoint.ask(requests, patience=self._patience, until=until)
            endpoint.breaker.succeeded()
            endpoint.trouble = None
        except NoAnswerError as error:
            answers = error
            endpoint.trouble = error.cause
            if error.is_unwell:
                opened = endpoint.breaker.failed(asked_seconds=error.rest_seconds)
        return Told(number, answers, (time.monotonic() - began) * 1000, opened)

    def _rank(self, endpoint: Endpoint) -> tuple[bool, bool, int, int]:
        is_doubted = bool(self._trusted) and endpoint.address.number not in self._trusted
        return (is_doubted, *_preference(endpoint))

    def _resting(self) -> str:
        """Say that there was nobody to ask, and what the preferred endpoint failed with."""
        known = sorted(self._endpoints(), key=_preference)
        last = next((f": {one.trouble}" for one in known if one.trouble), "")
        return f"every endpoint rests, after it failed again and again{last}"

    def _told_of(self, endpoint: Endpoint, told: Mapping[int, Told]) -> Told:
        number = endpoint.address.number
        return told.get(number) or Told(number, NoAnswerError(_TOO_LATE), 1000 * self._patience)

    def _next(self, answers: "SimpleQueue[Told]", until: float) -> list[Any] | NoAnswerError:
        try:
            told = answers.get(timeout=max(until - self._now(), 0.01))
        except Empty:
            return NoAnswerError(_TOO_LATE)
        self._note(told)
        return told.answers

    def _note(self, told: Told) -> None:
        """Count how an endpoint did, and how those did that came too late to be counted before."""
        while not self._late.empty():
            self._counted(self._late.get())
        self._counted(told)

    def _counted(self, told: Told) -> None:
        add, of = self._metrics.add, {"chain_id": self._chain_id, "endpoint": told.number}
        if isinstance(told.answers, NoAnswerError):
            add(Metric.RPC_ERRORS, **of)
        if told.opened:
            add(Metric.RPC_RESTS, **of)
        add(Metric.RPC_TIME, round(told.milliseconds, 1), **of)


def _preference(endpoint: Endpoint) -> tuple[bool, int, int]:
    return endpoint.is_behind, -endpoint.address.weight, endpoint.address.number
