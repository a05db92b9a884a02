"""Meta-transactions as a user's wallet makes them: both messages signed by eth_account."""

from collections.abc import Mapping
from typing import Any, Final

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from ferryman.domain.chain import ChainSettings
from tests.support.payments import CHAIN_ID, DEADLINE, NOW_SECONDS, PAYER
from tests.support.settlements import ASSET, settlement_settings

RELAY: Final = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
TARGET: Final = "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9"
SELECTOR: Final = keccak(text="note(uint256,uint256)")[:4]
CALLDATA: Final = SELECTOR + (1).to_bytes(32) + (2).to_bytes(32)
"""A call of two arguments."""
UNITS_PER_NATIVE: Final = 2_000 * 10**6
"""2,000 USDC for the chain's coin."""
META_TRANSACTION_MEMBERS: Final = (
    ("user", "address"),
    ("target", "address"),
    ("data", "bytes"),
    ("gasLevel", "string"),
    ("gasLimit", "uint256"),
    ("maxFee", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
RECEIVE_MEMBERS: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


def relay_settings(*, relay: Mapping[str, object] | None = None, **changes: object) -> ChainSettings:
    """Configure a chain with a relay whose fees are paid in the token of the settlements."""
    ours = {"address": RELAY, "fee_token": ASSET, "units_per_native": UNITS_PER_NATIVE}
    return settlement_settings(relay={**ours, **(relay or {})}, **changes)


def meta_transaction(**changes: object) -> dict[str, Any]:
    """Write the eight members of a request that is right in every way."""
    message: dict[str, Any] = {
        "user": PAYER.address,
        "target": TARGET,
        "data": CALLDATA,
        "gasLevel": "normal",
        "gasLimit": 100_000,
        "maxFee": 1_000_000,
        "nonce": 7,
        "deadline": DEADLINE,
    }
    return message | changes


def signable_meta_transaction(
    message: Mapping[str, object], *, chain_id: int = CHAIN_ID, relay: str = RELAY
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account."""
    return _signable("MetaTransaction", META_TRANSACTION_MEMBERS, message, "CroGas", "1", chain_id, relay)


def fee_payment(message: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """Write the six members of the authorization that pays for a request."""
    payment: dict[str, Any] = {
        "from": message["user"],
        "to": RELAY,
        "value": message["maxFee"],
        "validAfter": NOW_SECONDS - 600,
        "validBefore": message["deadline"] + 1,
        # hashStruct of the request: what eth_account signs is 0x19 01, the domain's separator, and this.
        "nonce": signable_meta_transaction(message).body,
    }
    return payment | changes


def signed_meta_transaction(
    *, by: LocalAccount = PAYER, payment: Mapping[str, object] | None = None, **members: object
) -> dict[str, Any]:
    """Write the body of a post of a really signed request; `members` change the signed message.

    Args:
        by: signs both messages.
        payment: changes the authorization of the fee.
        members: of the request.

    """
    message = meta_transaction(**{"user": by.address, **members})
    fee = fee_payment(message, **(payment or {}))
    signable = _signable("ReceiveWithAuthorization", RECEIVE_MEMBERS, fee, "USDC", "2", CHAIN_ID, ASSET)
    return {
        "chain_id": CHAIN_ID,
        "target": message["target"],
        "calldata": "0x" + message["data"].hex(),
        "gasLevel": message["gasLevel"],
        "userAddress": message["user"],
        "gasLimit": message["gasLimit"],
        "maxFee": str(message["maxFee"]),
        "nonce": str(message["nonce"]),
        "deadline": message["deadline"],
        "signature": "0x" + bytes(by.sign_message(signable_meta_transaction(message)).signature).hex(),
        "feeAuthorization": {
            "validAfter": fee["validAfter"],
            "validBefore": fee["validBefore"],
            "signature": "0x" + bytes(by.sign_message(signable).signature).hex(),
        },
    }


def _signable(
    name: str,
    members: tuple[tuple[str, str], ...],
    message: Mapping[str, object],
    domain: str,
    version: str,
    chain_id: int,
    contract: str,
) -> SignableMessage:
    return encode_typed_data(
        domain_data={"name": domain, "version": version, "chainId": chain_id, "verifyingContract": contract},
        message_types={name: [{"name": member, "type": kind} for member, kind in members]},
        message_data=dict(message),
    )
