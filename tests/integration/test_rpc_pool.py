"""Several endpoints of a chain, each a real HTTP server: who is asked, when, and what counts."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from ferryman.adapters.evm.breaker import FAILURES
from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.adapters.evm.rpc_batch import RpcRequest
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Address, ChainId, Milliseconds
from ferryman.intents.payment import escrow
from ferryman.ports import Depth, Read, Refusal, SendOutcome
from local.ports import LOOPBACK, any_free_port
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.integration.test_json_rpc import as_json, results
from tests.support.http_server import Answer, Answers, Served, serving
from tests.support.payments import NOW_SECONDS, PAYEE, chain_settings

CHAIN = ChainId(31337)
ONE = [RpcRequest("eth_blockNumber")]
DEAD = f"http://{LOOPBACK}:{any_free_port()}"


class Pool:
    """Endpoints that answer as a test says, and what asks them, with a clock moved by hand."""

    def __init__(
        self, stack: ExitStack, *answers: Answers, weights: list[int] | None = None, patience: float = 1.0
    ) -> None:
        self.seconds = 0.0
        self.metrics = FakeMetrics()
        self.clock = FakeClock(NOW_SECONDS * 1000)
        self.served: list[Served] = [stack.enter_context(serving(one)) for one in answers]
        self.rpc = JsonRpc(
            CHAIN,
            FakeEndpoints(*(one.url for one in self.served), weights=weights),
            metrics=self.metrics,
            timeout_seconds=patience,
            most_in_batch=10,
            now=lambda: self.seconds,
        )
        self.chain = EvmChain(chain_settings(), self.rpc, self.clock)

    def asked(self) -> list[int]:
        """How many batches each endpoint got since the last time."""
        counts = [len(one.bodies) for one in self.served]
        for one in self.served:
            one.bodies.clear()
        return counts


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Give what ends the servers of a test."""
    with ExitStack() as stack:
        yield stack


def saying(value: object) -> Answers:
    """Answer every request of a batch alike: with a result, or with the error that it is."""
    return lambda body: as_json(results(body, *[value for _ in json.loads(body)]))


def status(code: int, **headers: str) -> Answers:
    """Answer with an HTTP status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(code, b"", named)


def refusing(text: str) -> Answers:
    """Refuse every transaction, as geth does."""
    return saying({"code": -32000, "message": text})


def after(seconds: float, then: Answers) -> Answers:
    """Answer late."""

    def answers(body: bytes) -> Answer:
        time.sleep(seconds)
        return then(body)

    return answers


def header(number: int, *, age: int = 0) -> dict[str, str]:
    """Give a block's header."""
    return {
        "number": hex(number),
        "hash": "0x" + f"{number:064x}",
        "parentHash": "0x" + f"{number - 1:064x}",
        "timestamp": hex(NOW_SECONDS - age),
    }


def node(number: Callable[[], int], *, age: int = 0) -> Answers:
    """Answer as a node whose newest block this is; every call gives a word of 7."""

    def value(method: str) -> object:
        if method == "eth_blockNumber":
            return hex(number())
        return header(number(), age=age) if method == "eth_getBlockByNumber" else "0x" + f"{7:064x}"

    return lambda body: as_json(results(body, *[value(one["method"]) for one in json.loads(body)]))


# -- reads ------------------------------------------------------------------------------------


def test_the_heaviest_endpoint_is_read_from(stack: ExitStack) -> None:
    """The list's order decides between equals."""
    pool = Pool(stack, saying("0x1"), saying("0x2"), saying("0x3"), weights=[1, 5, 5])

    assert pool.rpc.call("eth_blockNumber") == "0x2"
    assert pool.asked() == [0, 1, 0]


def test_an_endpoint_that_keeps_failing_is_passed_over(stack: ExitStack) -> None:
    """After three batches in a row: then it costs no request its time, until it is tried again."""
    pool = Pool(stack, status(503), saying("0x2"))

    for _ in range(FAILURES + 4):
        assert pool.rpc.batch(ONE) == ["0x2"]
    failed = pool.asked()
    pool.seconds += 1.0
    pool.rpc.batch(ONE)

    assert failed == [FAILURES, FAILURES + 4]
    assert pool.asked() == [1, 1]
    assert pool.metrics.counts()[Metric.RPC_RESTS] == 1


def test_who_finds_every_endpoint_resting_is_told_what_they_failed_with(stack: ExitStack) -> None:
    """A row that waits says so too: "rests" alone would name no cause."""
    pool = Pool(stack, status(503))
    for _ in range(FAILURES):
        with pytest.raises(ChainUnreachableError):
            pool.rpc.batch(ONE)

    with pytest.raises(ChainUnreachableError, match=r"every endpoint rests.*: HTTP status 503"):
        pool.rpc.batch(ONE)


def test_an_endpoint_that_is_well_again_is_read_from_again(stack: ExitStack) -> None:
    """One good answer is enough."""
    answers = iter([Answer(500)] * FAILURES)
    well = saying("0x1")
    pool = Pool(stack, lambda body: next(answers, None) or well(body), saying("0x2"))
    for _ in range(FAILURES):
        pool.rpc.batch(ONE)
    pool.seconds += 1.0

    assert [pool.rpc.batch(ONE)[0] for _ in range(2)] == ["0x1", "0x1"]


def test_a_chain_without_any_healthy_endpoint_fails_at_once(stack: ExitStack) -> None:
    """Nobody waits for time limits while the chain is away; within two seconds its return is noticed."""
    pool = Pool(stack, status(500))
    for _ in range(FAILURES + 5):
        with pytest.raises(ChainUnreachableError):
            pool.rpc.batch(ONE)
        pool.seconds += 0.01
    before = pool.asked()

    with pytest.raises(ChainUnreachableError, match="rests"):
        pool.rpc.batch(ONE)
    pool.seconds += 2.0
    with pytest.raises(ChainUnreachableError, match="500"):
        pool.rpc.batch(ONE)

    assert before == [FAILURES]
    assert pool.asked() == [1]


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
def test_trouble_of_the_endpoint_is_asked_elsewhere_and_counts(stack: ExitStack, code: int) -> None:
    """It says something of its health."""
    pool = Pool(stack, status(code), saying("0x2"))

    for _ in range(FAILURES + 1):
        assert pool.rpc.batch(ONE) == ["0x2"]

    assert pool.asked() == [FAILURES, FAILURES + 1]


@pytest.mark.parametrize("code", [400, 413, 501, 505])
def test_what_is_about_the_request_says_nothing_of_the_endpoint(stack: ExitStack, code: int) -> None:
    """Another provider may have other limits; this one is as well as before."""
    pool = Pool(stack, status(code), saying("0x2"))

    for _ in range(FAILURES + 1):
        assert pool.rpc.batch(ONE) == ["0x2"]

    assert pool.asked() == [FAILURES + 1, FAILURES + 1]
    assert pool.metrics.counts()[Metric.RPC_RESTS] == 0


def test_an_endpoint_that_limits_us_is_left_alone_as_long_as_it_says(stack: ExitStack) -> None:
    """HTTP 429 with Retry-After."""
    pool = Pool(stack, status(429, Retry_After="7"), saying("0x2"))
    pool.rpc.batch(ONE)
    pool.asked()

    pool.seconds += 6.9
    pool.rpc.batch(ONE)
    during = pool.asked()
    pool.seconds += 0.1
    pool.rpc.batch(ONE)

    assert during == [0, 1]
    assert pool.asked() == [1, 1]


def test_many_calls_go_in_batches_that_providers_take(stack: ExitStack) -> None:
    """In order, to one endpoint: half of it from another would not fit together."""
    pool = Pool(stack, saying("0x1"), saying("0x2"))

    answers = pool.rpc.batch(ONE * 25)

    sizes = [len(json.loads(body)) for body in pool.served[0].bodies]
    assert (answers, sizes) == (["0x1"] * 25, [10, 10, 5])


def test_a_second_part_that_fails_is_asked_elsewhere_with_the_first(stack: ExitStack) -> None:
    """Two endpoints never share one answer."""
    well, parts = saying("0x1"), iter([True, False])
    pool = Pool(stack, lambda body: well(body) if next(parts) else Answer(500), saying("0x2"))

    assert pool.rpc.batch(ONE * 15) == ["0x2"] * 15


def test_a_call_ends_in_its_time_however_many_endpoints_hang() -> None:
    """Twice the patience of one, and not times their number."""
    with ExitStack() as stack:
        hanging = [stack.enter_context(serving(after(1.0, saying("0x1")))).url for _ in range(5)]
        rpc = JsonRpc(CHAIN, FakeEndpoints(*hanging), metrics=FakeMetrics(), timeout_seconds=0.2)
        began = time.monotonic()

        with pytest.raises(ChainUnreachableError):
            rpc.batch(ONE)

        assert time.monotonic() - began < 0.8


# -- endpoints that are behind ----------------------------------------------------------------


FUNDS = Read(chain_settings().escrow, escrow.GRACE_PERIOD, Depth.CONFIRMED)


def test_funds_are_not_read_of_an_endpoint_that_stands_still(stack: ExitStack) -> None:
    """The other one answers, and is asked first for a while."""
    pool = Pool(stack, node(lambda: 100, age=4_000), node(lambda: 120))

    reading = pool.chain.read([FUNDS], fresh=True)
    first = pool.asked()
    pool.chain.read([FUNDS])

    assert len(reading.answers) == 1
    assert first == [2, 1]
    assert pool.asked() == [0, 1]


def test_an_endpoint_that_lags_far_behind_another_is_passed_over(stack: ExitStack) -> None:
    """Though its newest block is not old by itself."""
    heads = [100, 100]
    pool = Pool(stack, node(lambda: heads[0]), node(lambda: heads[1]), weights=[1, 2])
    pool.chain.head()
    heads[:] = [101, 130]
    pool.chain.head()
    pool.rpc._known[pool.served[1].url].fell_behind()

    assert pool.chain.head().number == 130
    assert pool.asked()[0] == 1


def test_a_chain_that_stands_still_everywhere_is_read_all_the_same(stack: ExitStack) -> None:
    """Nobody is behind anybody: its newest block is its newest block."""
    pool = Pool(stack, node(lambda: 100, age=500), node(lambda: 100, age=500))

    assert pool.chain.head().number == 100


def test_each_endpoint_is_probed_by_itself_also_one_that_rests(stack: ExitStack) -> None:
    """What is told of it is what it answered just now, and one good answer ends its rest."""
    is_well = threading.Event()
    well, ill = node(lambda: 99), status(503)
    pool = Pool(
        stack,
        node(lambda: 100),
        lambda body: well(body) if is_well.is_set() else ill(body),
    )
    for _ in range(FAILURES):
        first, second = pool.chain.probe()
    is_well.set()
    _, third = pool.chain.probe()

    assert (first.number, first.head and first.head.number, first.rests) == (1, 100, False)
    assert (second.head, second.trouble, second.rests) == (None, "HTTP status 503", True)
    assert (third.head and third.head.number, third.trouble, third.rests) == (99, None, False)


def test_a_probe_waits_for_no_endpoint_longer_than_its_patience(stack: ExitStack) -> None:
    """The others' answers are told, and it is told as silent."""
    pool = Pool(stack, after(1.0, saying("0x1")), node(lambda: 100), patience=0.2)
    began = time.monotonic()

    first, second = pool.chain.probe()

    assert time.monotonic() - began < 0.9
    assert first.trouble
    assert second.head


# -- sends ------------------------------------------------------------------------------------


def test_a_broadcast_goes_to_all_endpoints_at_once(stack: ExitStack) -> None:
    """One that answers is enough, and the slow one gets it too."""
    got = threading.Event()

    def slow(body: bytes) -> Answer:
        time.sleep(0.3)
        got.set()
        return saying("0x1")(body)

    pool = Pool(stack, slow, saying("0x1"))
    began = time.monotonic()

    (result,) = pool.chain.send([b"\x02"])

    assert result.outcome is SendOutcome.SENT
    assert time.monotonic() - began < 0.25
    assert got.wait(2.0)


def test_a_broadcast_that_one_endpoint_takes_is_sent(stack: ExitStack) -> None:
    """Whatever the others say."""
    pool = Pool(stack, refusing("intrinsic gas too low"), saying("0x1"), status(500))

    (result,) = pool.chain.send([b"\x02"])

    assert result.outcome is SendOutcome.SENT


def test_each_transaction_of_a_broadcast_may_find_another_endpoint(stack: ExitStack) -> None:
    """One takes the first, the other one the second."""

    def takes(place: int) -> Answers:
        refusal = {"code": -32000, "message": "txpool is full"}
        return lambda body: as_json(results(body, *["0x1" if place == one else refusal for one in range(2)]))

    pool = Pool(stack, takes(0), takes(1))

    assert [one.outcome for one in pool.chain.send([b"\x02", b"\x03"])] == [SendOutcome.SENT] * 2


def test_it_is_rejected_if_all_that_answer_say_so() -> None:
    """One that nobody could connect to has certainly not got it."""
    with serving(refusing("transaction underpriced")) as endpoint:
        chain = EvmChain(
            chain_settings(),
            JsonRpc(CHAIN, FakeEndpoints(DEAD, endpoint.url), metrics=FakeMetrics()),
            FakeClock(),
        )

        (result,) = chain.send([b"\x02"])

    assert (result.outcome, result.refusal) == (SendOutcome.REJECTED, Refusal.UNDERPRICED)


def test_an_endpoint_that_hangs_may_have_got_it() -> None:
    """So nobody may act as if it were refused."""
    with serving(after(1.0, saying("0x1"))) as slow, serving(refusing("transaction underpriced")) as quick:
        rpc = JsonRpc(CHAIN, FakeEndpoints(slow.url, quick.url), metrics=FakeMetrics(), timeout_seconds=0.2)

        (result,) = EvmChain(chain_settings(), rpc, FakeClock()).send([b"\x02"])

    assert result.outcome is SendOutcome.POSSIBLY_SENT


@pytest.mark.parametrize(
    ("second", "outcome"),
    [(refusing("intrinsic gas too low"), SendOutcome.PERMANENT), (status(401), SendOutcome.REJECTED)],
)
def test_bytes_are_given_up_by_the_word_of_two(
    stack: ExitStack, second: Answers, outcome: SendOutcome
) -> None:
    """With the other one away, or its key refused, they are only rejected for now."""
    pool = Pool(stack, refusing("intrinsic gas too low"), second)

    (result,) = pool.chain.send([b"\x02"])

    assert (result.outcome, result.refusal) == (outcome, Refusal.PERMANENT)


def test_rejected_transactions_never_count_against_an_endpoint(stack: ExitStack) -> None:
    """`nonce too low` paused every endpoint of another relayer (OZ #681)."""
    pool = Pool(stack, refusing("nonce too low"), refusing("nonce too low"))

    for _ in range(3 * FAILURES):
        (result,) = pool.chain.send([b"\x02"])

    assert result.refusal is Refusal.NONCE_TOO_LOW
    assert pool.asked() == [3 * FAILURES] * 2
    assert pool.metrics.counts()[Metric.RPC_RESTS] == 0


def test_failures_that_nobody_waited_for_count(stack: ExitStack) -> None:
    """The quick endpoint answers every broadcast; that the slow one is down shows all the same."""
    pool = Pool(stack, after(0.05, status(500)), saying("0x1"))

    for _ in range(FAILURES):
        pool.chain.send([b"\x02"])
        time.sleep(0.15)
    pool.asked()
    pool.chain.send([b"\x02"])

    assert pool.asked() == [0, 1]
    assert pool.metrics.counts()[Metric.RPC_RESTS] == 1


# -- witnesses --------------------------------------------------------------------------------


def test_endpoints_that_are_well_come_first_as_witnesses(stack: ExitStack) -> None:
    """With three configured, one that is away delays no end."""
    pool = Pool(stack, status(500), saying("0x2"), saying("0x3"))
    for _ in range(FAILURES):
        pool.rpc.batch(ONE)

    witnesses = pool.chain.witnesses()

    assert [one.transaction_count(Address(PAYEE)) for one in witnesses] == [2, 3]


def test_witnesses_that_contradicted_each_other_are_not_given_together_again(stack: ExitStack) -> None:
    """Of three, one that lies is so left out in the end; nobody has to know which."""
    pool = Pool(stack, node(lambda: 100), node(lambda: 200), node(lambda: 100))
    given = []

    for _ in range(4):
        heads = [witness.head().number for witness in pool.chain.witnesses()]
        given.append(heads)
        if heads[0] != heads[1]:
            pool.chain.doubt()

    assert given == [[100, 200], [100, 100], [100, 100], [100, 100]]
    assert {number: one.head().number for number, one in pool.chain.by_endpoint().items()} == {
        1: 100,
        2: 200,
        3: 100,
    }


def test_while_some_are_doubted_those_that_are_heard_are_read_from(stack: ExitStack) -> None:
    """Of a liar that is read from, nobody would hear what there is to doubt."""
    pool = Pool(stack, node(lambda: 100), node(lambda: 200), node(lambda: 300), weights=[3, 2, 1])
    for _ in range(2):
        pool.chain.witnesses()
        pool.chain.doubt()
    pool.chain.witnesses()

    assert pool.chain.head().number == 200
    pool.clock.sleep(Milliseconds(600_000))
    pool.chain.witnesses()
    assert pool.rpc.call("eth_blockNumber") == hex(100)


def test_a_witness_that_is_away_stays_one_of_two(stack: ExitStack) -> None:
    """It must not be taken for a chain with one endpoint."""
    pool = Pool(stack, status(500), saying("0x2"))
    for _ in range(FAILURES):
        pool.rpc.batch(ONE)

    well, away = pool.chain.witnesses()

    assert well.transaction_count(Address(PAYEE)) == 2
    with pytest.raises(ChainUnreachableError):
        away.transaction_count(Address(PAYEE))
