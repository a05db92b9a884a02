"""Meta-transactions over HTTPS: what a wallet is told to sign is carried out while its user waits."""

from typing import Any

import httpx
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from local.accounts import dev_accounts
from tests.e2e.stack import Stack

USER = dev_accounts(1)[0]


def signature(typed_data: dict[str, Any]) -> str:
    """Sign as a wallet does."""
    signed = USER.sign_message(encode_typed_data(full_message=typed_data))
    return "0x" + bytes(signed.signature).hex()


def test_a_call_is_quoted_signed_and_carried_out_in_one_request(stack: Stack) -> None:
    """In CroGas' shape; the same again is answered alike, and the next nonce is another."""
    chain_id = stack.settings.chain_id
    draft = {
        "chain_id": chain_id,
        "target": stack.description.contracts["Guestbook"],
        "calldata": "0x" + (keccak(text="sign(string)")[:4] + encode(["string"], ["hello"])).hex(),
        "userAddress": USER.address,
    }
    quote = stack.http.post("/meta-transactions/quote", json=draft).json()
    request, payment = quote["typedData"]["metaTransaction"], quote["typedData"]["feeAuthorization"]
    body = draft | {
        "gasLevel": request["message"]["gasLevel"],
        **{name: quote[name] for name in ("gasLimit", "maxFee", "nonce", "deadline")},
        "signature": signature(request),
        "feeAuthorization": {
            "validAfter": payment["message"]["validAfter"],
            "validBefore": payment["message"]["validBefore"],
            "signature": signature(payment),
        },
    }

    answer = stack.http.post("/x402/facilitate", json=body, timeout=40)
    again = stack.http.post("/x402/facilitate", json=body, timeout=40)

    assert answer.status_code == httpx.codes.OK, answer.text
    told = answer.json()
    assert (told["success"], told["transaction"]["status"]) == (True, "confirmed")
    assert float(told["payment"]["amount"]) > 0
    assert again.json() == told
    record = stack.http.get(f"/transactions/{told['id']}").json()
    assert (record["status"], record["hash"]) == ("CONFIRMED", told["transaction"]["txHash"])
    nonce = stack.http.get(f"/nonces/{USER.address}", params={"chain_id": chain_id}).json()["nonce"]
    assert nonce != quote["nonce"]
