"""Who may what, over HTTPS and WebSocket: sign-ins good and bad, roles, tickets, and what ends them."""

import json
import time
from typing import Any

import httpx
import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from websockets.exceptions import InvalidStatus

from ferryman.domain.credentials import ApiKeyText, digest_of
from local.accounts import dev_account
from local.api_keys import create_key
from tests.e2e.stack import Stack, personally_signed
from tests.e2e.test_operators import told

ME, OTHER = 12, 13
FOREIGN = "https://evil.example"


def access_table(stack: Stack) -> str:
    """Name the table of sessions and tickets."""
    described = stack.aws("cloudformation").describe_stacks(StackName=stack.description.stack_name)
    (found,) = [
        one["OutputValue"]
        for one in described["Stacks"][0]["Outputs"]
        if one["OutputKey"] == "AccessTableName"
    ]
    return str(found)


def expire(stack: Stack, kind: str, secret: str) -> None:
    """Let a session or ticket be over, as time would."""
    stack.aws("dynamodb").update_item(
        TableName=access_table(stack),
        Key={"credential": {"S": f"{kind}#{digest_of(secret)}"}, "item": {"S": kind}},
        UpdateExpression="SET expires_at = :past",
        ConditionExpression="attribute_exists(expires_at)",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()))}},
    )


def key_of(stack: Stack, role: str) -> dict[str, str]:
    """Make an API key as an operator does; give its headers."""
    url = stack.description.api_url
    return {"X-Api-Key": create_key(stack.administrator, url, name=f"e2e {role}", role=role)}


def listed(stack: Stack, index: int, headers: dict[str, str]) -> httpx.Response:
    """List an account's payments."""
    return stack.http.get("/transactions", params={"sender": dev_account(index).address}, headers=headers)


def sign_in(stack: Stack, message: str, index: int = ME) -> httpx.Response:
    """Send a message signed by an account."""
    body = {"message": message, "signature": personally_signed(message, index)}
    return stack.http.post("/sign-in", json=body)


def refused_fields(answer: httpx.Response) -> list[str]:
    """Give the fields that a refusal names."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return [error["field"] for error in answer.json()["errors"]]


# -- signing in ---------------------------------------------------------------------------------


def test_who_signed_in_sees_its_own_list_and_no_other(stack: Stack) -> None:
    """403 names the rule; without a sign-in it is 401."""
    me = stack.signed_in(ME)

    mine, theirs, nobodys = listed(stack, ME, me), listed(stack, OTHER, me), listed(stack, ME, {})

    assert (mine.status_code, theirs.status_code, nobodys.status_code) == (200, 403, 401)
    assert theirs.json()["code"] == "not_allowed"
    assert refused_fields(theirs) == ["sender"]


def test_a_message_signs_in_once(stack: Stack) -> None:
    """Whoever reads it on its way is late."""
    message = stack.challenge(ME)["message"]

    first, replayed = sign_in(stack, message), sign_in(stack, message)

    assert (first.status_code, replayed.status_code) == (200, 401)
    assert refused_fields(replayed) == ["nonce"]


def test_a_sign_out_ends_the_token_at_once(stack: Stack) -> None:
    """Nothing remembers the authorizer's answers."""
    me = stack.signed_in(ME)
    assert listed(stack, ME, me).status_code == 200

    ended = stack.http.post("/sign-out", headers=me)

    assert (ended.status_code, ended.json()["status"]) == (200, "signed_out")
    assert listed(stack, ME, me).status_code == 401


def test_an_expired_token_is_nobody(stack: Stack) -> None:
    """Though its item may still be there."""
    me = stack.signed_in(ME)
    assert listed(stack, ME, me).status_code == 200

    expire(stack, "session", me["Authorization"].removeprefix("Bearer "))

    assert listed(stack, ME, me).status_code == 401


def changed(challenge: dict[str, Any], case: str, stack: Stack) -> str:
    """Give a message that says something else than the challenge."""
    message, own = str(challenge["message"]), challenge["uri"]
    domain = challenge["domain"]
    changes = {
        "foreign domain": (f"{domain} wants", "evil.example wants"),
        "foreign uri": (f"URI: {own}", f"URI: {FOREIGN}"),
        "path in the uri": (f"URI: {own}", f"URI: {own}/elsewhere"),
        "other scheme": (f"{domain} wants", f"https://{domain} wants"),
        "other chain": (f"Chain ID: {stack.description.chain_id}", "Chain ID: 1"),
        "other nonce": (challenge["nonce"], "0123456789abcdefghijkl"),
        "expired": (f"Expiration Time: {challenge['expires_at']}", "Expiration Time: 2020-01-01T00:00:00Z"),
        "not yet": (challenge["expires_at"], f"{challenge['expires_at']}\nNot Before: 2099-01-01T00:00:00Z"),
        "other account": (challenge["address"], dev_account(OTHER).address),
    }
    before, after = changes[case]
    assert before in message
    return message.replace(before, after)


@pytest.mark.parametrize(
    ("case", "field"),
    [
        ("foreign domain", "domain"),
        ("foreign uri", "uri"),
        ("path in the uri", "uri"),
        ("other scheme", "domain"),
        ("other chain", "chain_id"),
        ("other nonce", "nonce"),
        ("expired", "expiration_time"),
        ("not yet", "not_before"),
        ("other account", "signature"),
    ],
)
def test_a_message_for_something_else_is_refused_though_well_signed(
    stack: Stack, case: str, field: str
) -> None:
    """A sign-in at another site, for another chain or time, is none here; the field is named."""
    answer = sign_in(stack, changed(stack.challenge(ME), case, stack))

    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_refused"), answer.text
    assert field in refused_fields(answer)


def test_a_forged_signature_signs_nobody_in_and_does_not_use_the_nonce_up(stack: Stack) -> None:
    """Somebody else's signature, and one of another message."""
    message = stack.challenge(ME)["message"]

    by_other = sign_in(stack, message, OTHER)
    of_other = stack.http.post(
        "/sign-in", json={"message": message, "signature": personally_signed(message + " ", ME)}
    )

    assert [answer.status_code for answer in (by_other, of_other)] == [401, 401]
    assert refused_fields(by_other) == refused_fields(of_other) == ["signature"]
    assert sign_in(stack, message).status_code == 200


def test_a_challenge_of_another_account_is_of_no_use(stack: Stack) -> None:
    """The nonce belongs to who asked for it, also in a message that its thief wrote and signed."""
    mine, thief = stack.challenge(ME), dev_account(OTHER)
    message = mine["message"].replace(mine["address"], thief.address)

    answer = sign_in(stack, message, OTHER)

    assert answer.status_code == 401
    assert refused_fields(answer) == ["nonce"]


def test_the_address_of_a_contract_cannot_sign_in(stack: Stack) -> None:
    """Its owner signs for it; who owns that address on another chain is another question."""
    owner = Account.create()
    wallet = stack.contract_wallet(bytes.fromhex("60016000526020600060f3"), locked=1)
    body = {"address": wallet, "chain_id": stack.description.chain_id}
    message = stack.http.post("/sign-in/challenge", json=body).json()["message"]
    signature = owner.sign_message(encode_defunct(text=message)).signature.to_0x_hex()

    answer = stack.http.post("/sign-in", json={"message": message, "signature": signature})

    assert answer.status_code == 401
    assert refused_fields(answer) == ["signature"]


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/sign-in/challenge", {}, 422, "address"),
        ("/sign-in/challenge", {"address": "0x12", "chain_id": 31337}, 422, "address"),
        ("/sign-in/challenge", {"address": "0x" + "ab" * 20, "chain_id": 1}, 422, "chain_id"),
        ("/sign-in/challenge", {"address": "0x" + "ab" * 20, "chain_id": 10**30}, 422, "chain_id"),
        (
            "/sign-in/challenge",
            {"address": "0x" + "ab" * 20, "chain_id": 31337, "origin": FOREIGN},
            422,
            "origin",
        ),
        ("/sign-in/challenge", {"address": "0x" + "ab" * 20, "chain_id": 31337, "x": 1}, 422, "x"),
        ("/sign-in", {}, 422, "message"),
        ("/sign-in", {"message": "let me in", "signature": "0x" + "11" * 65}, 422, "message"),
        ("/sign-in", {"message": "x" * 2_001, "signature": "0x" + "11" * 65}, 422, "message"),
        ("/sign-in", {"message": "x" * 15_000, "signature": "0x"}, 422, "signature"),
        ("/sign-in", {"message": ["x"], "signature": 1}, 422, "signature"),
        ("/sign-in", {"message": "x" * 20_000, "signature": "0x"}, 413, "body"),
    ],
)
def test_bad_input_of_a_sign_in_names_the_field(
    stack: Stack, path: str, body: dict[str, Any], status: int, field: str
) -> None:
    """As strictly as any request."""
    answer = stack.http.post(path, json=body)

    assert answer.status_code == status, answer.text
    assert field in refused_fields(answer)


# -- what is carried ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Bearer " + "a" * 43},
        {"Authorization": "Bearer " + "a" * 7_000},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "a" * 43},
        {"X-Api-Key": "x"},
        {"X-Api-Key": "a" * 7_000},
        {"X-Api-Key": str(ApiKeyText("0" * 24, "a" * 43))},
        {"X-Api-Key": "../api_keys"},
    ],
    ids=lambda headers: str(headers)[:60],
)
def test_what_proves_nothing_is_401(stack: Stack, headers: dict[str, str]) -> None:
    """One authorizer asks who calls, whatever the route."""
    assert stack.http.get("/transactions", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/transactions"),
        ("POST", "/socket-tickets"),
        ("POST", "/service/payments"),
        ("POST", "/service/settle"),
    ],
)
def test_every_route_that_asks_who_calls_asks_the_authorizer(stack: Stack, method: str, path: str) -> None:
    """Nothing behind it is reached."""
    answer = stack.http.request(method, path, headers={"Authorization": "Bearer " + "a" * 43})

    assert answer.status_code == 401


def test_a_token_and_a_key_at_once_are_refused(stack: Stack) -> None:
    """Which one was meant?"""
    assert listed(stack, ME, stack.signed_in(ME) | stack.reader).status_code == 401


# -- keys ---------------------------------------------------------------------------------------


def test_a_reader_reads_everything_and_posts_nothing_as_a_service(stack: Stack) -> None:
    """Its role says so; anybody posts as anybody, with a good signature."""
    body = stack.payer(ME).pay(1_000, deadline=stack.deadline())

    as_service = stack.http.post("/service/payments", json=body, headers=stack.reader)

    lists = [listed(stack, index, stack.reader) for index in (ME, OTHER)]
    assert [one.status_code for one in lists] == [200, 200]
    assert (as_service.status_code, as_service.json()["code"]) == (403, "not_allowed")
    assert refused_fields(as_service) == ["X-Api-Key"]
    assert stack.post(body).status_code == 202


def test_a_service_posts_until_its_key_is_revoked(stack: Stack) -> None:
    """From one moment to the next, and every other key goes on."""
    key, other = key_of(stack, "service"), key_of(stack, "service")
    payer = stack.payer(ME)

    def post(headers: dict[str, str]) -> int:
        body = payer.pay(1_000, deadline=stack.deadline())
        return stack.http.post("/service/payments", json=body, headers=headers).status_code

    assert post(key) == 202
    parsed = ApiKeyText.parsed(key["X-Api-Key"])
    assert parsed
    revoked = stack.operator("DELETE", f"/admin/keys/{parsed.key_id}")

    assert revoked.json()["revoked_at"]
    assert (post(key), post(other)) == (401, 202)
    keys = {one["key_id"]: one for one in stack.operator("GET", "/admin/keys").json()["keys"]}
    assert keys[parsed.key_id]["revoked_at"]
    assert parsed.secret not in json.dumps(keys)


def test_the_command_line_makes_lists_and_revokes_keys(stack: Stack) -> None:
    """The key works from the moment it is shown, and no longer than it is revoked."""
    made = told(stack, "keys", "create", "command line", "--role", "reader")
    headers = {"X-Api-Key": made["key"]}

    assert listed(stack, ME, headers).status_code == 200
    assert made["key_id"] in [key["key_id"] for key in told(stack, "keys", "list")["keys"]]
    assert told(stack, "keys", "revoke", made["key_id"])["revoked_at"]
    assert listed(stack, ME, headers).status_code == 401


def test_keys_are_an_operators_to_make(stack: Stack) -> None:
    """Neither the public, nor a signed-in account, nor an admin key's owner."""
    admin = key_of(stack, "admin")

    for headers in ({}, stack.signed_in(ME), admin):
        answer = stack.http.post("/admin/keys", json={"name": "mine", "role": "admin"}, headers=headers)
        assert answer.status_code == 403


def test_bad_input_of_a_key_names_every_field(stack: Stack) -> None:
    """And makes none."""
    before = stack.operator("GET", "/admin/keys").json()["keys"]

    answer = stack.operator("POST", "/admin/keys", {"name": "", "role": "root", "secret": "mine"})

    assert answer.status_code == 422
    assert refused_fields(answer) == ["secret", "name", "role"]
    assert stack.operator("DELETE", "/admin/keys/nothing").status_code == 404
    assert stack.operator("GET", "/admin/keys").json()["keys"] == before


# -- sockets ------------------------------------------------------------------------------------


def test_a_ticket_opens_one_socket(stack: Stack) -> None:
    """The second is refused before it is open."""
    ticket = stack.ticket(stack.signed_in(ME))

    with stack.socket(ticket) as socket:
        assert socket.ask({"action": "ping"}) == {"event": "pong"}
        with pytest.raises(InvalidStatus, match="403"), stack.socket(ticket):
            pass


@pytest.mark.parametrize("ticket", ["x", "a" * 43, "a" * 4_000, "%00", "a&ticket=b"])
def test_a_bad_ticket_is_refused_rather_than_taken_for_none(stack: Stack, ticket: str) -> None:
    """Its owner believes to be somebody."""
    with pytest.raises(InvalidStatus, match="403"), stack.socket(ticket):
        pass


def test_a_late_ticket_is_refused(stack: Stack) -> None:
    """Half a minute is enough to connect."""
    ticket = stack.ticket(stack.signed_in(ME))

    expire(stack, "ticket", ticket)

    with pytest.raises(InvalidStatus, match="403"), stack.socket(ticket):
        pass


def test_a_socket_hears_no_topic_of_another(stack: Stack) -> None:
    """Nor does the anonymous; single transactions are open to both."""
    payer = stack.payer(OTHER)
    topic = {"action": "subscribe", "topic": f"sender:{payer.address}"}
    ticket = stack.ticket(stack.signed_in(ME))

    with stack.socket(ticket) as mine, stack.socket() as nobodys:
        refusals = [socket.ask(topic) for socket in (mine, nobodys)]
        name = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
        stack.ended(name)
        followed = [
            socket.ask({"action": "subscribe", "topic": f"transaction:{name}"}) for socket in (mine, nobodys)
        ]
        # What was pushed before would have come before.
        answers = [socket.ask({"action": "ping"}) for socket in (mine, nobodys)]

    assert [(one["event"], one["code"]) for one in refusals] == [("error", "not_allowed")] * 2
    assert [one["record"]["status"] for one in followed] == ["CONFIRMED"] * 2
    assert answers == [{"event": "pong"}] * 2


def test_a_reader_hears_every_topic(stack: Stack) -> None:
    """Its ticket carries its role."""
    payer = stack.payer(OTHER)

    with stack.socket(stack.ticket(stack.reader)) as socket:
        answer = socket.ask({"action": "subscribe", "topic": f"sender:{payer.address}"})
        name = stack.post(payer.pay(1_000, deadline=stack.deadline())).json()["transaction_id"]
        told = socket.events_of(name, until="payment_confirmed")

    assert answer["event"] == "subscribed"
    assert told[-1]["status"] == "CONFIRMED"


def test_what_is_kept_of_a_caller_opens_nothing(stack: Stack) -> None:
    """The table has digests: who reads it cannot sign in by it."""
    me = stack.signed_in(ME)
    token = me["Authorization"].removeprefix("Bearer ")

    items = stack.aws("dynamodb").scan(TableName=access_table(stack))["Items"]

    assert digest_of(token) in json.dumps(items)
    assert token not in json.dumps(items)
    assert stack.description.reader_key.split("_", 2)[2] not in json.dumps(items)
    assert listed(stack, ME, {"Authorization": f"Bearer {digest_of(token)}"}).status_code == 401
