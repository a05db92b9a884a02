"""The deployed template in trouble.

Functions are killed, messages doubled, runs overlap, the stream stands still, the chain's node dies, AWS ends
and starts again.
"""

import json
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest

from tests.e2e.stack import PATIENCE_SECONDS, Stack
from tests.faults.messages import Body

pytestmark = pytest.mark.soak
A_SECOND = 4
"""Payments posted in each second: what the emulator takes besides everything else."""
KILLS = 20
STARTED_CPU_SECONDS = 0.5
"""Processor time after which a function's process is up: if all were killed before, none would ever be."""
REDELIVERED_SECONDS = 300
"""More than twice what a killed run keeps the messages of its payers: the queue's visibility timeout."""
EVENTS = ["payment_accepted", "payment_pending", "payment_confirmed"]


def bodies_of(stack: Stack, count: int, *, first: int = 12, payers: int = 10) -> list[Body]:
    """Payments of so many payers in turn, from this account on."""
    paying = [stack.payer(index) for index in range(first, first + payers)]
    return [paying[number % payers].pay(1_000, deadline=stack.deadline()) for number in range(count)]


def persistently(stack: Stack, body: Body) -> str:
    """Post until there is an answer that says it is accepted, as clients do; give the id."""
    deadline = time.monotonic() + REDELIVERED_SECONDS
    while True:
        try:
            answer = stack.post(body)
        except httpx.TransportError:
            answer = httpx.Response(httpx.codes.BAD_GATEWAY)
        if answer.is_success:
            return str(answer.json()["transaction_id"])
        assert answer.is_server_error, answer.text
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.5)


def posted(stack: Stack, bodies: Sequence[Body], *, a_second: int = A_SECOND) -> list[str]:
    """Post them at a steady rate; give their ids."""
    first = time.monotonic()

    def post(number: int) -> str:
        time.sleep(max(0.0, first + number / a_second - time.monotonic()))
        return persistently(stack, bodies[number])

    # Each that waits has a process of its own in the emulator: many would only slow each other down.
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(post, range(len(bodies))))


def check(stack: Stack, bodies: Sequence[Body], names: Sequence[str], start: int) -> None:
    """Each is confirmed, was executed exactly once, and its events are told once each, in order."""
    assert Counter(ended(stack, name)["status"] for name in names) == {"CONFIRMED": len(bodies)}
    logs = stack.contracts.escrow.events.PaymentExecuted().get_logs(from_block=start + 1)
    wanted = {(body["from"], int(body["nonce"])) for body in bodies}
    executed = Counter((log["args"]["from"], log["args"]["nonce"]) for log in logs)
    assert {one: executed[one] for one in wanted} == dict.fromkeys(wanted, 1)
    for name in names:
        events = stack.http.get(f"/transactions/{name}/events").json()["events"]
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        told = [event["event"] for event in events]
        assert (told[0], told.count(EVENTS[0]), told.count(EVENTS[-1])) == (EVENTS[0], 1, 1)


def ended(stack: Stack, name: str) -> dict[str, Any]:
    """Wait until a payment is over, for as long as messages take to come again; give its record."""
    deadline = time.monotonic() + REDELIVERED_SECONDS
    while (record := stack.record(name))["status"] not in {"CONFIRMED", "FAILED"}:
        assert time.monotonic() < deadline, f"still {record}"
        time.sleep(1.0)
    return record


@contextmanager
def again_and_again(act: Callable[[], None], *, seconds: float) -> Iterator[None]:
    """Do something every so often, beside what the test does."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            act()

    with ThreadPoolExecutor(1) as aside:
        repeating = aside.submit(repeat)
        try:
            yield
        finally:
            ended.set()
        repeating.result()


def workers(stack: Stack, *steps: str) -> list[int]:
    """Processes of the emulator that run functions of these steps, and have come up."""
    emulator, found = stack.process_id("ministack"), []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            command = (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        names = (f"-{stack.description.stack_name}-{step}-" for step in steps)
        used_seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if int(fields[1]) != emulator or used_seconds < STARTED_CPU_SECONDS:
            continue
        if any(name in command for name in names):
            found.append(int(process.name))
    return found


def mapping_of(stack: Stack, step: str, source: str = "") -> str:
    """The id of what starts a function from a queue or a stream."""
    function = f"{stack.description.stack_name}-{step}"
    mappings = stack.aws("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    (found,) = [one["UUID"] for one in mappings if source in one["EventSourceArn"]]
    return str(found)


@contextmanager
def standing_still(stack: Stack, step: str) -> Iterator[None]:
    """Start a function no more from its queue or stream, for a while."""
    mapping, client = mapping_of(stack, step), stack.aws("lambda")
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping, Enabled=True)


def message_of(stack: Stack, record: dict[str, Any], number: int) -> dict[str, str]:
    """A hint at a transaction, as any step sends it, never dropped as a double."""
    chain_id, sender = stack.description.chain_id, record["sender"]
    hint = {
        "chain_id": chain_id,
        "transaction_id": record["transaction_id"],
        "sender": sender,
        "version": 1,
    }
    return {
        "MessageBody": json.dumps(hint),
        "MessageGroupId": f"{chain_id}:{sender}",
        "MessageDeduplicationId": f"again-{number}-{secrets.token_hex(8)}",
    }


def test_messages_that_come_three_times_more_change_nothing(stack: Stack) -> None:
    """While payments are on their way, and when they are over."""
    bodies, start = bodies_of(stack, 40), stack.web3.eth.block_number
    queue, url = stack.aws("sqs"), stack.output("SubmitQueueUrl")

    def send_again(names: Sequence[str]) -> None:
        for number, name in enumerate(names):
            for _ in range(3):
                queue.send_message(QueueUrl=url, **message_of(stack, stack.record(name), number))

    names = posted(stack, bodies)
    send_again(names)
    check(stack, bodies, names, start)
    relayed = stack.relayed()
    send_again(names[::4])
    wait_until_empty(stack, url)

    assert stack.relayed() == relayed
    check(stack, bodies, names, start)


def wait_until_empty(stack: Stack, url: str) -> None:
    """Wait until a queue holds nothing, in flight neither."""
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(
        int(count)
        for count in stack.aws("sqs")
        .get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        .values()
    ):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_runs_of_the_schedule_that_overlap_do_everything_once(stack: Stack) -> None:
    """Four more runs of confirm and of watch every two seconds."""
    bodies, start = bodies_of(stack, 60), stack.web3.eth.block_number
    client = stack.aws("lambda")
    started = Counter[str]()

    def start_more() -> None:
        for step in ("confirm", "watch"):
            for _ in range(4):
                function = f"{stack.description.stack_name}-{step}"
                client.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
                started[step] += 1

    with again_and_again(start_more, seconds=2.0):
        names = posted(stack, bodies)
    print(dict(started))  # noqa: T201 (figures for docs/reliability.md)

    assert started["confirm"] > 4
    check(stack, bodies, names, start)


def test_a_stream_that_stands_still_tells_everything_in_order_when_it_goes_on(stack: Stack) -> None:
    """A push is a hint, and late; the record was the truth all the time."""
    bodies, payer = bodies_of(stack, 1), stack.payer(12)
    with stack.socket(stack.ticket(stack.signed_in(12))) as socket:
        socket.ask({"action": "subscribe", "topic": f"sender:{payer.address}"})
        with standing_still(stack, "notify"):
            time.sleep(3.0)
            (name,) = posted(stack, bodies)
            record = ended(stack, name)
        told = socket.events_of(name, until=EVENTS[-1])

    assert record["status"] == "CONFIRMED"
    sequences = [event["sequence"] for event in told]
    assert sorted(set(sequences)) == [1, 2, 3]
    assert list(dict.fromkeys(event["event"] for event in told)) == EVENTS


def test_dead_letters_that_are_redriven_twice_change_nothing(stack: Stack) -> None:
    """Of a payment that is over and of one that is on its way: to deadletter, and back to submit.

    The emulator has no StartMessageMoveTask, so the test moves them.
    """
    bodies, start = bodies_of(stack, 2), stack.web3.eth.block_number
    queue = stack.aws("sqs")
    dead, alive = stack.output("SubmitDeadLetterQueueUrl"), stack.output("SubmitQueueUrl")
    (over,) = posted(stack, bodies[:1])
    is_over = ended(stack, over)
    relayed = stack.relayed()

    (under_way,) = posted(stack, bodies[1:])
    letters = [is_over, stack.record(under_way)]
    for time_of_redrive in range(2):
        for url in (dead, alive):
            for record in letters:
                queue.send_message(QueueUrl=url, **message_of(stack, record, time_of_redrive))
    for url in (dead, alive):
        wait_until_empty(stack, url)

    check(stack, bodies, [over, under_way], start)
    assert stack.relayed() == relayed + 1


def test_functions_that_are_killed_every_second_lose_and_double_nothing(stack: Stack) -> None:
    """Whatever they are at. A payer waits for a killed submit as long as SQS does, his group being locked."""
    bodies, start = bodies_of(stack, 60, first=22), stack.web3.eth.block_number
    killed = Counter[str]()

    def kill() -> None:
        step = secrets.choice(("ingest", "submit", "submit", "confirm", "notify", "query"))
        for process in workers(stack, step):
            os.kill(process, signal.SIGKILL)
            killed[step] += 1

    with ThreadPoolExecutor(1) as aside:
        posting = aside.submit(posted, stack, bodies)
        for _ in range(KILLS):
            kill()
            time.sleep(1.0)
        names = posting.result()
    last = time.monotonic()

    assert killed["submit"] > 0
    check(stack, bodies, names, start)
    print(dict(killed), f"all over {time.monotonic() - last:.0f} s later")  # noqa: T201 (for reliability.md)


def span(record: dict[str, Any]) -> tuple[float, float]:
    """When a payment that is over was received, and when it ended: Unix seconds."""
    times = (record["received_at"], max(record["reached"].values()))
    received, over = (datetime.fromisoformat(at).timestamp() for at in times)
    return received, over


def test_a_node_killed_amid_six_hundred_payments_loses_its_mempool_and_no_payment(stack: Stack) -> None:
    """As in process, and with everything in front of it: HTTPS, functions, queues, one after the other."""
    bodies, start = bodies_of(stack, 600, payers=30), stack.web3.eth.block_number
    posting = time.monotonic()

    def kill_node() -> dict[str, float]:
        time.sleep(20.0)
        return stack.outage("node", seconds=20.0)

    with ThreadPoolExecutor(1) as aside:
        outage = aside.submit(kill_node)
        names = posted(stack, bodies, a_second=10)
        posting = time.monotonic() - posting
        told = outage.result()
    check(stack, bodies, names, start)

    lived = [span(stack.record(name)) for name in names]
    before = [over - told["back_at"] for received, over in lived if received < told["back_at"]]
    later = [over - received for received, over in lived if received >= told["back_at"]]
    print(  # noqa: T201 (figures for docs/reliability.md)
        f"{len(bodies)} posted in {posting:.0f} s, {told['lost']:.0f} transactions lost with the mempool; "
        f"{len(before)} accepted before the node was back, all over {max(before):.1f} s after that; "
        f"{len(later)} later, over in {median(later):.1f} s (p50), {max(later):.1f} at most"
    )
    assert told["lost"] > 0, "the mempool was empty"


def test_an_aws_that_ends_and_starts_again_with_what_it_saved_goes_on(stack: Stack) -> None:
    """In the middle of payments: tables, queues, keys and functions are as they were, runs are cut off."""
    bodies, start = bodies_of(stack, 60), stack.web3.eth.block_number

    def restart() -> dict[str, float]:
        time.sleep(5.0)
        return stack.outage("aws", seconds=5.0)

    with ThreadPoolExecutor(1) as aside:
        outage = aside.submit(restart)
        names = posted(stack, bodies)
        told = outage.result()
    check(stack, bodies, names, start)

    lived = [span(stack.record(name)) for name in names]
    cut_off = [over - told["back_at"] for received, over in lived if received < told["gone_at"] < over]
    print(  # noqa: T201 (figures for docs/reliability.md)
        f"away for {told['back_at'] - told['gone_at']:.0f} s; {len(cut_off)} were on their way, "
        f"the last of them over {max(cut_off, default=0.0):.1f} s after the return"
    )
    assert cut_off, "nothing was on its way"
