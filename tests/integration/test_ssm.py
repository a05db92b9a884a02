"""RPC addresses in SSM parameters: against MiniStack, and against an SSM that refuses."""

import json
import traceback
from collections.abc import Callable
from typing import Any, Final

import pytest

from ferryman.adapters.evm.endpoints import RpcAddress
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.adapters.ssm import SsmEndpoints
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId, Milliseconds
from local.ports import LOOPBACK, any_free_port
from tests.fakes.clock import FakeClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.talk import FakeLog
from tests.support.http_server import Answer, serving
from tests.support.ministack import client

CHAIN: Final = ChainId(31337)
NAME: Final = "/ferryman/chains/31337/rpc-urls"
FIRST: Final = ["https://one.example/v3/s3cr3t", "http://127.0.0.1:8545"]
SECOND: Final = ["https://two.example/v3/s3cr3t"]
AMZ_JSON: Final = {"Content-Type": "application/x-amz-json-1.1"}
MINUTE: Final = Milliseconds(60_000)


def put(url: str, value: str) -> None:
    """Store a value as the deployment document says."""
    client("ssm", url).put_parameter(Name=NAME, Value=value, Type="SecureString", Overwrite=True)


def endpoints_at(
    url: str, *, name: str = NAME, metrics: FakeMetrics | None = None
) -> tuple[SsmEndpoints, FakeClock, FakeLog]:
    """Give our adapter, not loaded yet."""
    clock, log, metrics = FakeClock(), FakeLog(), metrics or FakeMetrics()
    return SsmEndpoints(client("ssm", url), name, CHAIN, clock=clock, log=log, metrics=metrics), clock, log


def refused_by(endpoints: SsmEndpoints) -> str:
    """Start, use the endpoints, and give the words of the refusal and its traceback."""
    endpoints.load()
    with pytest.raises(ChainUnreachableError) as refused:
        endpoints.addresses()
    return "".join(traceback.format_exception(refused.value))


def urls_of(endpoints: SsmEndpoints) -> list[str]:
    """Give the addresses in their order."""
    return [address.url for address in endpoints.addresses()]


def value(urls: list[str]) -> Answer:
    """Answer as SSM does."""
    return Answer(200, json.dumps({"Parameter": {"Value": json.dumps(urls)}}).encode(), AMZ_JSON)


def refusal(code: str, status: int = 400) -> Answer:
    """Refuse as SSM does."""
    return Answer(status, json.dumps({"__type": code}).encode(), AMZ_JSON)


def in_turn(*answers: Answer) -> Callable[[bytes], Answer]:
    """Give one answer after the other."""
    rest = iter(answers)
    return lambda _: next(rest)


def test_an_address_may_say_how_much_it_is_preferred(aws_url: str) -> None:
    """Its number is its place in the list all the same: metrics and health name it so."""
    put(aws_url, json.dumps([FIRST[0], {"url": FIRST[1], "weight": 10}, {"url": SECOND[0]}]))
    endpoints, _, _ = endpoints_at(aws_url)

    endpoints.load()

    assert list(endpoints.addresses()) == [
        RpcAddress(FIRST[0], 1, 1),
        RpcAddress(FIRST[1], 2, 10),
        RpcAddress(SECOND[0], 3, 1),
    ]


def test_the_addresses_are_read_decrypted_and_in_their_order(aws_url: str) -> None:
    """From a SecureString, as an operator puts it."""
    put(aws_url, json.dumps(FIRST))
    endpoints, _, log = endpoints_at(aws_url)

    endpoints.load()

    assert urls_of(endpoints) == FIRST
    assert log.lines == []


def test_a_missing_parameter_makes_its_chain_unreachable_and_is_named(aws_url: str) -> None:
    """The function starts, for the other chains; its log says which parameter to put, and a metric alarms."""
    client("ssm", aws_url).put_parameter(Name="/elsewhere", Value="[]", Type="SecureString", Overwrite=True)
    name, metrics = "/none/31337/rpc-urls", FakeMetrics()
    endpoints, _, log = endpoints_at(aws_url, name=name, metrics=metrics)

    words = refused_by(endpoints)

    assert f"chain 31337 is unreachable: parameter {name} does not exist" in words
    assert log.lines == [
        ("error", "rpc addresses not read", {"parameter": name, "cause": f"parameter {name} does not exist"})
    ]
    assert metrics.added == [(Metric.RPC_PARAMETER_ERRORS, 1, {"chain_id": CHAIN})]


def test_a_parameter_that_is_put_late_is_used_within_a_minute() -> None:
    """Nothing has to be deployed or restarted, and until then SSM is asked once a minute a process."""
    with serving(in_turn(refusal("ParameterNotFound"), value(FIRST))) as ssm:
        endpoints, clock, _ = endpoints_at(ssm.url)
        refused_by(endpoints)
        clock.sleep(Milliseconds(MINUTE - 1))
        with pytest.raises(ChainUnreachableError):
            endpoints.addresses()
        clock.sleep(Milliseconds(1))

        assert urls_of(endpoints) == FIRST


@pytest.mark.parametrize(
    "text",
    [
        "https://one.example/v3/s3cr3t",
        '{"urls": ["https://one.example/v3/s3cr3t"]}',
        '["wss://one.example/v3/s3cr3t"]',
        '["https://one.example/v3/s3cr3t", ""]',
        '["https://one.example/v3/s3cr3t", 7]',
        '["https://one.example/ s3cr3t"]',
        '["https:///s3cr3t"]',
        '["s3cr3t"',
        "[]",
    ],
    ids=["bare", "object", "websocket", "empty one", "number", "blank", "no host", "half", "none"],
)
def test_a_malformed_parameter_makes_its_chain_unreachable_and_its_value_is_told_nowhere(
    aws_url: str, text: str
) -> None:
    """Not in the words, and not in a traceback that Lambda may log."""
    put(aws_url, text)
    endpoints, _, log = endpoints_at(aws_url)

    words = refused_by(endpoints)

    assert f"{NAME} is not a JSON list" in words
    assert [line[0] for line in log.lines] == ["error"]
    assert "s3cr3t" not in words + str(log.lines)


@pytest.mark.parametrize("code", ["AccessDeniedException", "InvalidKeyId", "ValidationException"])
def test_a_parameter_that_is_closed_to_us_makes_its_chain_unreachable(code: str) -> None:
    """An operator has to open it; the words say what SSM refused with."""
    with serving(lambda _: refusal(code)) as ssm:
        assert f"cannot be read: {code}" in refused_by(endpoints_at(ssm.url)[0])


@pytest.mark.parametrize(
    "away",
    [refusal("ThrottlingException"), refusal("InternalServerError", 500), Answer(200, closes=True)],
    ids=["throttled", "500", "closed"],
)
def test_a_parameter_store_that_is_away_leaves_the_chain_unreachable_until_it_is_back(away: Answer) -> None:
    """A function that starts meanwhile still takes payments, without assurance, and asks again."""
    with serving(in_turn(away, away, value(FIRST))) as ssm:
        endpoints, clock, log = endpoints_at(ssm.url)
        endpoints.load()
        with pytest.raises(ChainUnreachableError, match=NAME):
            endpoints.addresses()
        asked_at_once = len(ssm.bodies)
        clock.sleep(Milliseconds(5_000))
        with pytest.raises(ChainUnreachableError):
            endpoints.addresses()
        clock.sleep(Milliseconds(5_000))

        assert urls_of(endpoints) == FIRST

    assert asked_at_once == 1
    assert [line[0] for line in log.lines] == ["warning", "warning"]


def test_nobody_listening_is_a_parameter_store_that_is_away() -> None:
    """No answer at all, in the same terms."""
    endpoints, _, log = endpoints_at(f"http://{LOOPBACK}:{any_free_port()}")

    endpoints.load()

    assert "EndpointConnectionError" in str(log.lines)


def test_addresses_are_kept_for_a_quarter_of_an_hour_and_then_read_again() -> None:
    """A changed parameter reaches warm functions without a deployment, and SSM is asked rarely."""
    with serving(in_turn(value(FIRST), value(SECOND))) as ssm:
        endpoints, clock, _ = endpoints_at(ssm.url)
        endpoints.load()
        clock.sleep(Milliseconds(15 * MINUTE - 1))
        before = urls_of(endpoints)
        clock.sleep(Milliseconds(1))

        assert (before, urls_of(endpoints)) == (FIRST, SECOND)

    assert len(ssm.bodies) == 2


def test_a_refusal_has_them_read_again_but_only_once_a_minute() -> None:
    """A key that is wrong for good must not ask SSM at every request."""
    with serving(in_turn(value(FIRST), value(FIRST), value(SECOND))) as ssm:
        endpoints, clock, _ = endpoints_at(ssm.url)
        endpoints.load()
        clock.sleep(MINUTE)
        asked = []
        for _ in range(3):
            endpoints.refused()
            asked.append((urls_of(endpoints), len(ssm.bodies)))
        clock.sleep(MINUTE)
        endpoints.refused()

        assert asked == [(FIRST, 2)] * 3
        assert urls_of(endpoints) == SECOND


@pytest.mark.parametrize(
    ("worse", "level"),
    [
        (refusal("ParameterNotFound"), "error"),
        (refusal("AccessDeniedException"), "error"),
        (value([]), "error"),
        (Answer(500), "warning"),
    ],
    ids=["gone", "denied", "malformed", "away"],
)
def test_what_was_read_stays_in_use_when_it_cannot_be_read_again(worse: Answer, level: str) -> None:
    """A slip in the parameter store stops no running function; its log says so, before one starts anew."""
    with serving(in_turn(value(FIRST), worse)) as ssm:
        endpoints, clock, log = endpoints_at(ssm.url)
        endpoints.load()
        clock.sleep(Milliseconds(15 * MINUTE))

        assert urls_of(endpoints) == FIRST

    ((said, message, values),) = log.lines
    assert (said, message, values["parameter"]) == (level, "rpc addresses not read", NAME)


def test_the_parameter_asked_for_is_one_and_decrypted() -> None:
    """By name: the roles allow that action alone."""
    with serving(lambda _: value(FIRST)) as ssm:
        endpoints_at(ssm.url)[0].load()

    asked: list[dict[str, Any]] = [json.loads(body) for body in ssm.bodies]
    assert asked == [{"Name": NAME, "WithDecryption": True}]


def test_a_changed_key_is_taken_within_the_request_that_the_old_one_was_refused_in(aws_url: str) -> None:
    """The parameter is put anew, the provider revokes the old key: no request fails, nothing is deployed."""
    with (
        serving(lambda _: Answer(401)) as revoked,
        serving(lambda _: Answer(200, b'[{"jsonrpc": "2.0", "id": 0, "result": "0x7"}]')) as provider,
    ):
        put(aws_url, json.dumps([revoked.url]))
        endpoints, clock, _ = endpoints_at(aws_url)
        endpoints.load()
        put(aws_url, json.dumps([provider.url]))
        clock.sleep(MINUTE)

        answer = JsonRpc(CHAIN, endpoints, metrics=FakeMetrics()).call("eth_blockNumber")

    assert answer == "0x7"
    assert (len(revoked.bodies), len(provider.bodies)) == (1, 1)
