"""A payer with httpx as of x402's first protocol version: gets each address given, and pays for it."""

import asyncio
import base64
import json
import os
import sys

from eth_account import Account
from x402.clients.httpx import x402HttpxClient


async def main(addresses: list[str]) -> None:
    """Print one line of JSON for each address."""
    account = Account.from_key(os.environ["PRIVATE_KEY"])
    for address in addresses:
        # A client of that version pays once in its life.
        async with x402HttpxClient(account, timeout=60.0) as http:
            answer = await http.get(address)
        receipt = answer.headers.get("X-PAYMENT-RESPONSE")
        paid = json.loads(base64.b64decode(receipt)) if receipt else None
        line = {"status": answer.status_code, "body": answer.text, "paid": paid}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
