"""A user without the chain's coin signs a guestbook, and pays nothing: a request for an ERC2771Forwarder."""

import json
import os
import sys
import time
from typing import Any

import httpx
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

SIGN = "0x79d6348d"
"""Selector of `sign(string)`."""
LONGEST_SECONDS = 120

user = Account.from_key(os.environ["PRIVATE_KEY"])


def main(words: str) -> None:
    """Print the record, once it is over."""
    draft = {
        "chain_id": int(os.environ["NETWORK"].removeprefix("eip155:")),
        "from": user.address,
        "to": os.environ["TARGET"],
        "data": SIGN + encode(["string"], [words]).hex(),
    }
    with httpx.Client(base_url=os.environ["FACILITATOR_URL"], timeout=60.0) as api:
        request = told(api.post("/forward-requests/quote", json=draft))["typed_data"]
        # A wallet would show the message; this user signs for this very call only.
        if any(request["message"][name] != draft[name] for name in ("from", "to", "data")):
            sys.exit("the quote is for another call")
        signed = user.sign_message(encode_typed_data(full_message=request))
        body = {
            "chain_id": draft["chain_id"],
            **request["message"],
            "signature": "0x" + bytes(signed.signature).hex(),
        }
        print(json.dumps(ended(api, told(api.post("/forward-requests", json=body)))))


def told(answer: httpx.Response) -> dict[str, Any]:
    """Give what is answered, or end with what is wrong."""
    if answer.is_error:
        sys.exit(answer.text)
    content: dict[str, Any] = answer.json()
    return content


def ended(api: httpx.Client, record: dict[str, Any]) -> dict[str, Any]:
    """Ask once a second until it is over."""
    giving_up = time.monotonic() + LONGEST_SECONDS
    while record["status"] not in {"CONFIRMED", "FAILED"}:
        if time.monotonic() > giving_up:
            sys.exit(f"not over after {LONGEST_SECONDS} s: {record}")
        time.sleep(1.0)
        record = told(api.get(f"/transactions/{record['transaction_id']}"))
    return record


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "hello")
