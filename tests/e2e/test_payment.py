"""The way of a payment, from a signature over HTTPS to the chain and back over WebSocket."""

import secrets

from web3 import Web3

from ferryman.domain.units import Address
from tests.e2e.stack import Stack

EVENTS = ["payment_accepted", "payment_pending", "payment_confirmed"]
"""At one confirmation nothing is told between: what is mined is deep enough."""


def test_a_payment_goes_from_signature_to_block_and_every_step_is_told(stack: Stack) -> None:
    """The main job, in one go."""
    payer = stack.payer(0)
    payee = Address(Web3.to_checksum_address("0x" + secrets.token_hex(20)))
    body = payer.pay(1_500_000, fee=2_500, to=payee, deadline=stack.deadline())
    escrow, usdc = stack.contracts.escrow.functions, stack.contracts.usdc.functions
    token = stack.description.contracts["MockUSDC"]
    locked = escrow.balanceOf(token, body["from"]).call()

    with stack.socket() as socket:
        answer = stack.post(body)
        accepted = answer.json()
        name = accepted["transaction_id"]
        subscribed = socket.ask({"action": "subscribe", "topic": f"transaction:{name}"})
        told = subscribed["events"]
        if not told or told[-1]["event"] != EVENTS[-1]:
            told = told + socket.events_of(name, until=EVENTS[-1])

    assert answer.status_code == 202
    assert (accepted["status"], accepted["kind"]) == ("VALIDATED", "payment")
    assert accepted["sender"] == body["from"]
    told = list({event["sequence"]: event for event in told}.values())
    assert [event["event"] for event in told] == EVENTS
    assert [event["sequence"] for event in told] == [1, 2, 3]
    record = stack.record(name)
    receipt = stack.web3.eth.get_transaction_receipt(record["hash"])
    assert (record["status"], record["block_number"]) == ("CONFIRMED", receipt["blockNumber"])
    assert record["gas_used"] == receipt["gasUsed"]
    assert int(record["effective_gas_price"]) == receipt["effectiveGasPrice"]
    assert Web3.to_checksum_address(receipt["from"]) in stack.description.wallets
    assert record["confirmations"] >= 1
    assert escrow.balanceOf(token, body["from"]).call() == locked - 1_502_500
    assert usdc.balanceOf(payee).call() == 1_500_000
    listed = stack.http.get(f"/transactions/{name}/events").json()["events"]
    assert listed == told


def test_the_same_payment_again_is_the_same_record_and_never_a_second_transaction(stack: Stack) -> None:
    """200, while it is under way and after; another body under the same id is refused."""
    body = stack.payer(1).pay(1_000, deadline=stack.deadline())
    first = stack.post(body)
    again = stack.post(body)
    name = first.json()["transaction_id"]
    stack.ended(name)
    relayed = stack.relayed()

    after = stack.post(body)
    other = stack.post(body | {"priority": "fast"})

    assert (first.status_code, again.status_code, after.status_code) == (202, 200, 200)
    assert again.json()["transaction_id"] == after.json()["transaction_id"] == name
    assert after.json()["status"] == "CONFIRMED"
    assert (other.status_code, other.json()["code"]) == (409, "body_differs")
    assert stack.relayed() == relayed


def test_a_client_that_comes_back_gets_what_it_missed(stack: Stack) -> None:
    """`after` replays, and a sender's topic tells all of a sender."""
    payer = stack.payer(10)
    name = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
    stack.ended(name)

    with stack.socket(stack.ticket(stack.signed_in(10))) as socket:
        missed = socket.ask({"action": "subscribe", "topic": f"transaction:{name}", "after": 1})
        of_sender = socket.ask({"action": "subscribe", "topic": f"sender:{payer.address}"})
        following = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
        told = socket.events_of(following, until="payment_confirmed")

    assert [event["sequence"] for event in missed["events"]] == [2, 3]
    assert missed["record"]["status"] == "CONFIRMED"
    assert of_sender["records"] == []
    assert {event["event"] for event in told} == set(EVENTS)


def test_the_socket_answers_ping_and_does_not_swallow_what_it_does_not_know(stack: Stack) -> None:
    """An unknown action gets an error, not silence."""
    with stack.socket() as socket:
        pong = socket.ask({"action": "ping"})
        unknown = socket.ask({"action": "dance"})
        malformed = socket.ask("no json")

    assert pong == {"event": "pong"}
    assert (unknown["event"], unknown["code"]) == ("error", "unknown_action")
    assert (malformed["event"], malformed["code"]) == ("error", "malformed_request")


def test_a_sender_s_payments_are_listed_page_by_page(stack: Stack) -> None:
    """Newest first, without gaps or doubles, and thinned out by status."""
    payer, me = stack.payer(3), stack.signed_in(3)
    names = [
        stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"] for _ in range(5)
    ]
    for name in names:
        stack.ended(name)
    listed: list[str] = []
    cursor: str | None = None
    while True:
        parameters = {"sender": payer.address, "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = stack.http.get("/transactions", params=parameters, headers=me).json()
        listed += [record["transaction_id"] for record in page["transactions"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    of_failed = {"sender": payer.address, "status": "FAILED"}
    failed = stack.http.get("/transactions", params=of_failed, headers=me).json()

    assert listed == names[::-1]
    assert failed["transactions"] == []


def test_with_the_chain_away_a_payment_is_received_and_assured_when_it_is_back(stack: Stack) -> None:
    """202 and RECEIVED, validated later."""
    body = stack.payer(4).pay(1_000, deadline=stack.deadline())
    with stack.chain_stopped():
        answer = stack.post(body)

    record = stack.ended(answer.json()["transaction_id"])

    assert (answer.status_code, answer.json()["status"]) == (202, "RECEIVED")
    assert record["status"] == "CONFIRMED"
    events = stack.http.get(f"/transactions/{record['transaction_id']}/events").json()["events"]
    assert [event["event"] for event in events] == [EVENTS[0], "payment_validated", *EVENTS[1:]]


def test_health_says_whether_the_work_can_be_done(stack: Stack) -> None:
    """Alive, and ready with the newest block seen."""
    alive, ready = stack.http.get("/health"), stack.http.get("/health/ready")

    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert ready.json()["chains"][0]["chain_id"] == stack.description.chain_id


def test_a_contract_wallet_s_payment_is_taken_by_erc_1271_and_is_not_called_assured(stack: Stack) -> None:
    """Its signature is no key's: the wallet's own code vouches, for us and for the escrow."""
    wallet = stack.contract_wallet(VOUCHES_FOR_ANYTHING, locked=5_000)
    body = stack.payer(11).pay(1_000, deadline=stack.deadline()) | {
        "from": wallet,
        "signature": "0x" + "c0de" * 40,
    }

    answer = stack.post(body)
    record = stack.ended(answer.json()["transaction_id"])

    assert (answer.status_code, answer.json()["status"]) == (202, "VALIDATED")
    assert answer.json()["assured"] is False
    assert (record["status"], record["sender"]) == ("CONFIRMED", wallet)


VOUCHES_FOR_ANYTHING = bytes.fromhex("7f1626ba7e" + "00" * 28 + "600052" + "60206000f3")
"""Code of an account that answers every call with the magic value of ERC-1271."""
