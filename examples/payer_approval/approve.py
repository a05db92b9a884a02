"""What a payer does once for each token before it pays by Permit2: approve Permit2, for gas of its own."""

import os

from eth_account import Account
from web3 import HTTPProvider, Web3
from x402.mechanisms.evm import get_default_asset
from x402.mechanisms.evm.constants import PERMIT2_ADDRESS

MOST_UNITS = 2**256 - 1
"""Of everything that comes: Permit2 takes nothing without a signature for that very payment."""
ABI = [
    {
        "type": "function",
        "name": "approve",
        "stateMutability": "nonpayable",
        "inputs": [{"name": "spender", "type": "address"}, {"name": "value", "type": "uint256"}],
        "outputs": [{"name": "", "type": "bool"}],
    }
]


def main() -> None:
    """Print the transaction, once it is mined."""
    web3 = Web3(HTTPProvider(os.environ["RPC_URL"]))
    payer = Account.from_key(os.environ["PRIVATE_KEY"])
    asset = os.environ.get("ASSET") or get_default_asset(os.environ["NETWORK"])["asset"]
    token = web3.eth.contract(address=Web3.to_checksum_address(asset), abi=ABI)
    transaction = token.functions.approve(Web3.to_checksum_address(PERMIT2_ADDRESS), MOST_UNITS)
    # A development key may have transactions of somebody else under way.
    nonce = web3.eth.get_transaction_count(payer.address, "pending")
    signed = payer.sign_transaction(transaction.build_transaction({"from": payer.address, "nonce": nonce}))
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    receipt = web3.eth.wait_for_transaction_receipt(sent)
    if receipt["status"] != 1:
        raise SystemExit(f"{sent.to_0x_hex()} reverted")
    print(sent.to_0x_hex())


if __name__ == "__main__":
    main()
