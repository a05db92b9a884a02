"""Forward requests over HTTPS: signed by what the deployment offers, and followed by the Python client."""

from typing import Any

import httpx
from eth_account.messages import encode_typed_data

from ferryman_client import Client
from local.accounts import dev_account
from tests.e2e.stack import Stack

USER = dev_account(41)
QUOTED = dev_account(42)


def offered(stack: Stack) -> dict[str, Any]:
    """Give what a wallet is told of the kind."""
    chains = {one["chain_id"]: one for one in stack.http.get("/chains").json()["chains"]}
    offer: dict[str, Any] = chains[stack.settings.chain_id]["intents"]["forward-request"]
    return offer


def signed(stack: Stack, nonce: int) -> dict[str, Any]:
    """Sign the guestbook, as a wallet does."""
    offer, guestbook = offered(stack), stack.contracts.guestbook
    data = bytes.fromhex(guestbook.encode_abi("sign", ["hello"]).removeprefix("0x"))
    message = {
        "from": USER.address,
        "to": guestbook.address,
        "value": 0,
        "gas": 100_000,
        "nonce": nonce,
        "deadline": stack.deadline(600),
        "data": data,
    }
    signable = encode_typed_data(
        domain_data=offer["domain"], message_types=offer["types"], message_data=message
    )
    return message | {
        "chain_id": stack.settings.chain_id,
        "nonce": str(nonce),
        "data": "0x" + data.hex(),
        "signature": "0x" + bytes(USER.sign_message(signable).signature).hex(),
    }


def test_what_is_quoted_is_posted_as_it_is(stack: Stack) -> None:
    """A wallet signs the typed data and posts its members; `GET /nonces` says the same nonce."""
    guestbook = stack.contracts.guestbook
    draft = {
        "chain_id": stack.settings.chain_id,
        "from": QUOTED.address,
        "to": guestbook.address,
        "data": guestbook.encode_abi("sign", ["hello"]),
    }
    nonces: dict[str, str | int] = {"chain_id": stack.settings.chain_id, "kind": "forward-request"}

    quoted = stack.http.post("/forward-requests/quote", json=draft)
    assert quoted.status_code == httpx.codes.OK, quoted.text
    typed_data = quoted.json()["typed_data"]
    signature = bytes(QUOTED.sign_message(encode_typed_data(full_message=typed_data)).signature).hex()
    body = {"chain_id": draft["chain_id"], **typed_data["message"], "signature": f"0x{signature}"}
    told = stack.http.get(f"/nonces/{QUOTED.address}", params=nonces).json()
    posted = stack.http.post("/forward-requests", json=body)
    following = stack.http.get(f"/nonces/{QUOTED.address}", params=nonces).json()

    assert posted.status_code == httpx.codes.ACCEPTED, posted.text
    assert told["nonce"] == typed_data["message"]["nonce"] == quoted.json()["nonce"]
    assert int(following["nonce"]) == int(told["nonce"]) + 1
    with Client(stack.description.api_url, timeout=60.0, patience=120.0) as client:
        assert client.wait_for(posted.json()["transaction_id"]).status == "CONFIRMED"


def test_requests_that_a_user_posts_at_once_are_forwarded_in_order(stack: Stack) -> None:
    """The user has no coin, and pays nothing; what comes too early is refused."""
    path, forwarder, guestbook = offered(stack)["path"], stack.contracts.forwarder, stack.contracts.guestbook
    before = guestbook.functions.signaturesOf(USER.address).call()
    first = forwarder.functions.nonces(USER.address).call()

    answers = [stack.http.post(path, json=signed(stack, first + ahead)) for ahead in range(3)]
    early = stack.http.post(path, json=signed(stack, first + 5))

    assert [answer.status_code for answer in answers] == [httpx.codes.ACCEPTED] * 3, answers[-1].text
    assert (early.status_code, early.json()["code"]) == (httpx.codes.CONFLICT, "nonce_out_of_order")
    with Client(stack.description.api_url, timeout=60.0, patience=120.0) as client:
        ended = [client.wait_for(answer.json()["transaction_id"]) for answer in answers]
        told = client.events(ended[0].transaction_id)
    blocks = [record.block_number or 0 for record in ended]
    assert blocks == sorted(set(blocks))
    assert (told[0].name, told[-1].name) == ("forward_request_accepted", "forward_request_confirmed")
    assert guestbook.functions.signaturesOf(USER.address).call() - before == 3
