"""A payer with httpx: gets each address given, and pays for it if it is asked to."""

import asyncio
import json
import os
import sys

import httpx
from eth_account import Account
from x402 import x402Client
from x402.client_base import SpendControlAsset
from x402.http import decode_payment_required_header, decode_payment_response_header
from x402.http.clients import x402HttpxClient
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.evm.upto import UptoEvmClientScheme

MOST_UNITS = "1000000"
"""What this payer spends at once, in units of an asset that the x402 packages do not know."""


def client() -> x402Client:
    """Pay at most 1 USDC at once (the default), and in no other asset than ASSET."""
    account = Account.from_key(os.environ["PRIVATE_KEY"])
    payer = register_exact_evm_client(x402Client(), account)
    payer.register("eip155:*", UptoEvmClientScheme(account))
    if "ASSET" in os.environ:
        allowed: SpendControlAsset = {
            "network": os.environ["NETWORK"],
            "asset": os.environ["ASSET"],
            "max_amount_per_payment": MOST_UNITS,
        }
        payer.set_spend_controls({"allowed_assets": [allowed]})
    return payer


async def main(addresses: list[str]) -> None:
    """Print one line of JSON for each address."""
    async with x402HttpxClient(client(), timeout=60.0) as http:
        for address in addresses:
            try:
                answer = await http.get(address)
            except httpx.TransportError as error:
                sys.exit(f"{address} does not answer: {error}")
            receipt = answer.headers.get("PAYMENT-RESPONSE") or answer.headers.get("X-PAYMENT-RESPONSE")
            paid = decode_payment_response_header(receipt).model_dump(by_alias=True) if receipt else None
            # Why it was not taken: version 1 says it in the body.
            required = answer.headers.get("PAYMENT-REQUIRED")
            refused = decode_payment_required_header(required).error if required else None
            line = {"status": answer.status_code, "body": answer.text, "paid": paid, "refused": refused}
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("which address? It is paid for if it asks for money.")
    asyncio.run(main(sys.argv[1:]))
