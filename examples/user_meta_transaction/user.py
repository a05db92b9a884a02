"""A user without the chain's coin signs a guestbook, and pays for the gas in USDC: a meta-transaction."""

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
MOST_UNITS = 10_000_000
"""What this user pays at most, in units of USDC."""
LONGEST_SECONDS = 120

user = Account.from_key(os.environ["PRIVATE_KEY"])


def main(words: str) -> None:
    """Print the record, once it is over."""
    draft = {
        "chain_id": int(os.environ["NETWORK"].removeprefix("eip155:")),
        "target": os.environ["TARGET"],
        "calldata": SIGN + encode(["string"], [words]).hex(),
        "userAddress": user.address,
    }
    with httpx.Client(base_url=os.environ["FACILITATOR_URL"], timeout=60.0) as api:
        quote = told(api.post("/meta-transactions/quote", json=draft))
        request, payment = quote["typedData"]["metaTransaction"], quote["typedData"]["feeAuthorization"]
        check(draft, request["message"], payment["message"])
        body = draft | {
            **{
                name: request["message"][name]
                for name in ("gasLevel", "gasLimit", "maxFee", "nonce", "deadline")
            },
            "signature": signature(request),
            "feeAuthorization": {
                **{name: payment["message"][name] for name in ("validAfter", "validBefore")},
                "signature": signature(payment),
            },
        }
        print(json.dumps(ended(api, told(api.post("/meta-transactions", json=body)))))


def check(draft: dict[str, Any], request: dict[str, Any], payment: dict[str, Any]) -> None:
    """Sign for this call only, and for no more than it may cost: a wallet would show both messages."""
    if (request["target"], request["data"]) != (draft["target"], draft["calldata"]):
        sys.exit("the quote is for another call")
    if int(payment["value"]) > MOST_UNITS:
        sys.exit(f"too dear: {payment['value']} units")


def signature(typed_data: dict[str, Any]) -> str:
    """Sign as `eth_signTypedData_v4` does."""
    signed = user.sign_message(encode_typed_data(full_message=typed_data))
    return "0x" + bytes(signed.signature).hex()


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
