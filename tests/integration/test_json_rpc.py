"""JsonRpc against endpoints that misbehave, each a real HTTP server."""

import json
import time
from typing import Any

import pytest

from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.adapters.evm.rpc_batch import RpcError, RpcRequest
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.fees import Tier
from ferryman.domain.metrics import Metric
from ferryman.domain.units import Address, ChainId, Gas, TxHash
from ferryman.ports import Reverted, SendOutcome
from local.ports import LOOPBACK, any_free_port
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.support.http_server import Answer, Answers, serving
from tests.support.payments import PAYEE, chain_settings

CHAIN = ChainId(31337)
THREE = [RpcRequest("one"), RpcRequest("two", (2,)), RpcRequest("three", ("x", {"y": 1}))]
HEADER = {"number": "0x7", "hash": "0xAB", "parentHash": "0xAA", "timestamp": "0x9"}
HISTORY = {"baseFeePerGas": ["0x1", "0x2"], "reward": [["0x1", "0x2", "0x3"]]}


def as_json(value: object) -> Answer:
    """Answer 200 with a JSON value."""
    return Answer(200, json.dumps(value).encode())


def results(body: bytes, *values: object) -> list[dict[str, Any]]:
    """Give each request of a batch its value, or the error that a value is."""
    return [
        {
            "jsonrpc": "2.0",
            "id": request["id"],
            **({"error": value} if isinstance(value, dict) and "code" in value else {"result": value}),
        }
        for request, value in zip(json.loads(body), values, strict=True)
    ]


def ask(answers: Answers, requests: list[RpcRequest] | None = None) -> list[Any]:
    """Send a batch to an endpoint that answers so."""
    with serving(answers) as endpoint:
        return JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics(), timeout_seconds=1.0).batch(
            requests or THREE
        )


def chain_at(url: str) -> EvmChain:
    """Give a chain whose one endpoint this is."""
    return EvmChain(
        chain_settings(),
        JsonRpc(CHAIN, FakeEndpoints(url), metrics=FakeMetrics(), timeout_seconds=1.0),
        FakeClock(),
    )


def test_a_batch_is_one_request_of_json_rpc_two() -> None:
    """With methods, parameters and ids."""
    with serving(lambda body: as_json(results(body, 1, 2, 3))) as endpoint:
        answers = JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics()).batch(THREE)

    assert answers == [1, 2, 3]
    (sent,) = (json.loads(body) for body in endpoint.bodies)
    assert [(one["jsonrpc"], one["method"], one["params"]) for one in sent] == [
        ("2.0", "one", []),
        ("2.0", "two", [2]),
        ("2.0", "three", ["x", {"y": 1}]),
    ]
    assert len({one["id"] for one in sent}) == 3


def test_nothing_to_ask_asks_nothing() -> None:
    """Nodes refuse an empty batch."""
    with serving(lambda _: Answer(500)) as endpoint:
        assert JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics()).batch([]) == []

    assert not endpoint.bodies


def test_answers_are_put_into_the_order_of_their_requests() -> None:
    """A batch may come back in any order."""
    assert ask(lambda body: as_json(list(reversed(results(body, 1, None, 3))))) == [1, None, 3]


def test_one_requests_error_leaves_the_others_answered() -> None:
    """With its code, text and data."""
    error = {"code": 3, "message": "execution reverted", "data": "0x01"}

    assert ask(lambda body: as_json(results(body, 1, error, 3))) == [
        1,
        RpcError(3, "execution reverted", "0x01"),
        3,
    ]


@pytest.mark.parametrize("error", [{"code": 3}, {"code": 3, "message": None, "data": {"a": 1}}])
def test_an_error_that_lacks_something_is_still_one(error: dict[str, Any]) -> None:
    """Nodes differ in what they say."""
    (answer, *_) = ask(lambda body: as_json(results(body, error, 2, 3)))

    assert isinstance(answer, RpcError)
    assert answer.data == ""


@pytest.mark.parametrize(
    "answers",
    [
        lambda _: Answer(500, b"oops"),
        lambda _: Answer(429, b"[]"),
        lambda _: Answer(302, b"", {"Location": "/elsewhere"}),
        lambda _: Answer(204),
        lambda _: Answer(200, b""),
        lambda _: Answer(200, b"<html>not json</html>"),
        lambda _: Answer(200, b"\xff\xfe\x00"),
        lambda _: as_json({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "no batches"}}),
        lambda _: as_json([]),
        lambda _: as_json("ok"),
        lambda _: as_json(None),
        lambda body: as_json(results(body, 1, 2, 3)[:2]),
        lambda body: as_json([*results(body, 1, 2, 3)[:2], "three"]),
        lambda body: as_json([one | {"id": str(one["id"])} for one in results(body, 1, 2, 3)]),
        lambda body: as_json(results(body, 1, 2, {"code": -32005, "message": "limit exceeded"})),
        lambda body: as_json(results(body, 1, {"code": -32603, "message": "internal error"}, 3)),
        lambda body: as_json([{"id": 0, "error": None}, *results(body, 1, 2, 3)[1:]][:2]),
        lambda _: Answer(200, closes=True),
    ],
    ids=[
        "500",
        "429",
        "redirect",
        "204",
        "empty",
        "html",
        "no text",
        "no batch",
        "empty batch",
        "text",
        "null",
        "one missing",
        "one that is no answer",
        "ids as text",
        "limit",
        "internal error",
        "half an error",
        "closed",
    ],
)
def test_an_endpoint_that_does_not_answer_all_is_no_answer(answers: Answers) -> None:
    """Half a batch is not acted upon."""
    with pytest.raises(ChainUnreachableError) as unreachable:
        ask(answers)

    assert unreachable.value.chain_id == CHAIN
    assert unreachable.value.is_transient
    assert unreachable.value.cause


def test_what_is_deep_json_is_no_answer() -> None:
    """A hostile endpoint must not end the function."""
    with pytest.raises(ChainUnreachableError):
        ask(lambda _: Answer(200, b"[" * 200_000))


@pytest.mark.parametrize("message", ["nonce too low", "already known", "execution reverted"])
def test_a_transactions_error_with_an_endpoints_code_is_an_answer(message: str) -> None:
    """A rejected transaction is not an unhealthy endpoint (OZ #681)."""
    error = {"code": -32603, "message": message}

    assert ask(lambda body: as_json(results(body, error, 2, 3)))[0] == RpcError(-32603, message)


def test_the_next_endpoint_is_asked_when_one_has_no_answer() -> None:
    """In the order configured; the first is asked once."""
    with (
        serving(lambda _: Answer(503)) as first,
        serving(lambda body: as_json(results(body, 1, 2, 3))) as second,
    ):
        answers = JsonRpc(CHAIN, FakeEndpoints(first.url, second.url), metrics=FakeMetrics()).batch(THREE)

    assert answers == [1, 2, 3]
    assert (len(first.bodies), len(second.bodies)) == (1, 1)


def test_the_next_endpoint_is_not_asked_what_the_first_refused() -> None:
    """A revert is an answer, the same everywhere."""
    with (
        serving(lambda body: as_json(results(body, {"code": 3, "message": "reverted"}, 2, 3))) as first,
        serving(lambda _: Answer(500)) as second,
    ):
        JsonRpc(CHAIN, FakeEndpoints(first.url, second.url), metrics=FakeMetrics()).batch(THREE)

    assert (len(first.bodies), len(second.bodies)) == (1, 0)


def test_one_connection_is_kept() -> None:
    """A new one costs a round trip, and TLS two more."""
    with serving(lambda body: as_json(results(body, 1, 2, 3))) as endpoint:
        rpc = JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics())
        for _ in range(5):
            rpc.batch(THREE)

    assert endpoint.connections == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    """Nodes close idle connections while a function sleeps; the single endpoint is asked twice."""
    replies = iter([False, True, False])

    def answers(body: bytes) -> Answer:
        return Answer(200, closes=True) if next(replies) else as_json(results(body, 1, 2, 3))

    with serving(answers) as endpoint:
        rpc = JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics())
        assert rpc.batch(THREE) == rpc.batch(THREE) == [1, 2, 3]

    assert len(endpoint.bodies) == 3


def test_an_endpoint_that_hangs_is_given_up_in_time() -> None:
    """Twice the limit for a single endpoint, with some room for a busy machine."""

    def answers(_: bytes) -> Answer:
        time.sleep(1.5)
        return Answer(200)

    with serving(answers) as endpoint, pytest.raises(ChainUnreachableError):
        JsonRpc(CHAIN, FakeEndpoints(endpoint.url), metrics=FakeMetrics(), timeout_seconds=0.2).batch(THREE)


def test_time_and_errors_are_counted_by_the_endpoints_number() -> None:
    """Never by its address, which may hold a key."""
    metrics = FakeMetrics()
    with (
        serving(lambda _: Answer(503)) as first,
        serving(lambda body: as_json(results(body, 1, 2, 3))) as second,
    ):
        JsonRpc(CHAIN, FakeEndpoints(first.url, second.url), metrics=metrics).batch(THREE)

    counted = [(metric, dimensions["endpoint"]) for metric, _, dimensions in metrics.added]
    assert counted == [(Metric.RPC_ERRORS, 1), (Metric.RPC_TIME, 1), (Metric.RPC_TIME, 2)]
    assert all(value > 0 for _, value, _ in metrics.added)


def test_the_cause_never_tells_the_address() -> None:
    """It often holds a provider's key, and causes are shown in records and logs."""
    url = f"http://{LOOPBACK}:{any_free_port()}/v3/s3cr3t-key"

    with pytest.raises(ChainUnreachableError) as refused:
        JsonRpc(CHAIN, FakeEndpoints(url), metrics=FakeMetrics()).batch(THREE)
    with serving(lambda _: Answer(500)) as endpoint, pytest.raises(ChainUnreachableError) as failed:
        JsonRpc(CHAIN, FakeEndpoints(f"{endpoint.url}/v3/s3cr3t-key"), metrics=FakeMetrics()).batch(THREE)

    assert "s3cr3t" not in str(refused.value) + refused.value.cause
    assert "s3cr3t" not in str(failed.value) + failed.value.cause


# -- what EvmChain makes of it ------------------------------------------------------------------


def test_a_question_every_node_can_answer_must_be_answered() -> None:
    """An error to `eth_blockNumber` is a node that cannot work."""
    error = {"code": -32601, "message": "method not found"}
    with serving(lambda body: as_json(results(body, error))) as endpoint:
        with pytest.raises(ChainUnreachableError, match="method not found"):
            chain_at(endpoint.url).head()
        with pytest.raises(ChainUnreachableError):
            chain_at(endpoint.url).transaction_count(PAYEE)
        with pytest.raises(ChainUnreachableError):
            chain_at(endpoint.url).receipts([TxHash("0x00")])


def test_a_node_without_a_head_is_unreachable() -> None:
    """It has only just started."""
    with (
        serving(lambda body: as_json(results(body, None))) as endpoint,
        pytest.raises(ChainUnreachableError, match="no head"),
    ):
        chain_at(endpoint.url).head()


@pytest.mark.parametrize("reward", [{}, {"reward": None}, {"reward": []}])
def test_a_node_without_rewards_has_no_tips(reward: dict[str, object]) -> None:
    """An idle chain, or a node that leaves the field out."""
    history = {"baseFeePerGas": ["0x5"], **reward}
    with serving(lambda body: as_json(results(body, history))) as endpoint:
        found = chain_at(endpoint.url).fee_history()

    assert found.next_base_fee == 5
    assert found.tips == {Tier.SLOW: (), Tier.NORMAL: (), Tier.FAST: ()}


def test_any_refusal_to_estimate_is_the_calls_own() -> None:
    """The rest of the batch was answered, so the node works."""
    error = {"code": -32000, "message": "gas required exceeds allowance (0)"}
    call = Call(PAYEE, b"\x01")
    with serving(lambda body: as_json(results(body, HEADER, HISTORY, "0x0", error, "0x5208"))) as endpoint:
        simulation = chain_at(endpoint.url).simulate([call, call], sender=PAYEE)

    assert simulation.outcomes == (
        Reverted(b"", "gas required exceeds allowance (0)", is_execution=False),
        Gas(21_000),
    )
    assert (simulation.block.number, simulation.block.hash) == (7, "0xab")
    assert simulation.fee_history.tips[Tier.FAST] == (3,)


def test_a_lost_answer_to_a_broadcast_is_possibly_sent() -> None:
    """The node may have taken all of them before it died."""
    for answers in (lambda _: Answer(502), lambda _: Answer(200, closes=True), lambda _: Answer(200, b"{")):
        with serving(answers) as endpoint:
            outcomes = [result.outcome for result in chain_at(endpoint.url).send([b"\x02", b"\x02"])]

        assert outcomes == [SendOutcome.POSSIBLY_SENT] * 2


def test_the_call_is_made_from_the_wallet_that_will_send_it() -> None:
    """Roles depend on it."""
    sender = Address("0x90F79bf6EB2c4f870365E785982E1f101E93b906")
    with serving(lambda body: as_json(results(body, HEADER, HISTORY, "0x0", "0x5208"))) as endpoint:
        chain_at(endpoint.url).simulate([Call(PAYEE, b"\x01\x02")], sender=sender)

    estimate = json.loads(endpoint.bodies[0])[3]
    assert estimate["params"][0] == {"from": sender, "to": PAYEE, "data": "0x0102", "value": "0x0"}


# -- witnesses ----------------------------------------------------------------------------------


def counting(count: int) -> Answers:
    """Answer every request of a batch with the same quantity."""
    return lambda body: as_json(results(body, *[hex(count) for _ in json.loads(body)]))


def test_each_witness_is_one_endpoint_and_no_other() -> None:
    """It neither falls back on the others, nor speaks for more than two."""
    with (
        serving(counting(1)) as first,
        serving(lambda _: Answer(503)) as second,
        serving(counting(3)) as third,
    ):
        endpoints = FakeEndpoints(first.url, second.url, third.url)
        rpc = JsonRpc(CHAIN, endpoints, metrics=FakeMetrics())
        one, other = EvmChain(chain_settings(), rpc, FakeClock()).witnesses()

        assert one.transaction_count(PAYEE) == 1
        with pytest.raises(ChainUnreachableError, match="503"):
            other.transaction_count(PAYEE)

    assert (len(first.bodies), len(second.bodies), len(third.bodies)) == (1, 1, 0)


def test_a_single_endpoint_is_the_only_witness() -> None:
    """It does not become two by being asked twice."""
    with serving(counting(1)) as endpoint:
        (only,) = chain_at(endpoint.url).witnesses()

        assert only.transaction_count(PAYEE) == 1


# -- keys ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403])
def test_an_address_that_replaced_a_refused_one_is_asked_at_once(status: int) -> None:
    """A provider's key was changed while the function lived: no request fails for it."""
    with (
        serving(lambda _: Answer(status)) as old,
        serving(lambda body: as_json(results(body, 1, 2, 3))) as new,
    ):
        answers = JsonRpc(CHAIN, FakeEndpoints(old.url, renewed=[new.url]), metrics=FakeMetrics()).batch(
            THREE
        )

    assert answers == [1, 2, 3]
    assert (len(old.bodies), len(new.bodies)) == (1, 1)


def test_a_refusal_is_told_also_when_the_next_address_answers() -> None:
    """Else the second address would hide for good that the first one's key is old."""
    with (
        serving(lambda _: Answer(403)) as first,
        serving(lambda body: as_json(results(body, 1, 2, 3))) as second,
    ):
        endpoints = FakeEndpoints(first.url, second.url)
        JsonRpc(CHAIN, endpoints, metrics=FakeMetrics()).batch(THREE)

    assert endpoints.refusals == 1


@pytest.mark.parametrize("status", [404, 429, 500])
def test_other_failures_are_no_reason_to_read_the_addresses_again(status: int) -> None:
    """The endpoint is in trouble, and not our key."""
    with serving(lambda _: Answer(status)) as endpoint:
        endpoints = FakeEndpoints(endpoint.url)
        with pytest.raises(ChainUnreachableError):
            JsonRpc(CHAIN, endpoints, metrics=FakeMetrics()).batch(THREE)

    assert endpoints.refusals == 0
    assert len(endpoint.bodies) == 1


@pytest.mark.parametrize(
    ("given", "fee"), [({"l1Fee": "0x2d79883d2000"}, 50 * 10**12), ({"l1Fee": None}, 0), ({}, 0)]
)
def test_the_data_fee_of_a_receipt_is_read_where_a_chain_takes_one(
    given: dict[str, str | None], fee: int
) -> None:
    """OP-style chains say it in the receipt; others do not know the field."""
    receipt: dict[str, Any] = {
        "transactionHash": "0x" + "2b" * 32,
        "blockNumber": "0x7",
        "blockHash": "0x" + "b1" * 32,
        "status": "0x1",
        "gasUsed": "0x15f90",
        "effectiveGasPrice": "0x3b9aca00",
        "logs": [],
        **given,
    }
    with serving(lambda body: as_json(results(body, receipt))) as endpoint:
        (read,) = chain_at(endpoint.url).receipts([TxHash("0x" + "2b" * 32)])

    assert read is not None
    assert read.l1_fee == fee
