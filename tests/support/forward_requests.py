"""Forward requests as a user's wallet makes them: signed by eth_account."""

from collections.abc import Mapping
from typing import Any, Final

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.domain.chain import ChainSettings
from tests.support.meta_transactions import CALLDATA, SELECTOR, TARGET
from tests.support.payments import CHAIN_ID, DEADLINE, PAYER, chain_settings

FORWARDER: Final = "0xDc64a140Aa3E981100a9becA4E685f962f0cF6C9"
NAME: Final = "Ferryman Forwarder"
MEMBERS: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("gas", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint48"),
    ("data", "bytes"),
)


def forwarder_settings(*, forwarder: Mapping[str, object] | None = None, **changes: Any) -> ChainSettings:  # noqa: ANN401 (of the settings)
    """Configure a chain with a forwarder, and one target."""
    allowed = [{"target": TARGET, "selectors": ["0x" + SELECTOR.hex()]}]
    ours = {"address": FORWARDER, "name": NAME, "allowed": allowed, **(forwarder or {})}
    return chain_settings(forwarder=ours, **changes)


def forward_request(**changes: object) -> dict[str, Any]:
    """Write the seven members of a request that is right in every way."""
    message: dict[str, Any] = {
        "from": PAYER.address,
        "to": TARGET,
        "value": 0,
        "gas": 100_000,
        "nonce": 0,
        "deadline": DEADLINE,
        "data": CALLDATA,
    }
    return message | changes


def signable_forward_request(
    message: Mapping[str, object], *, chain_id: int = CHAIN_ID, contract: str = FORWARDER
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account."""
    return encode_typed_data(
        domain_data={"name": NAME, "version": "1", "chainId": chain_id, "verifyingContract": contract},
        message_types={"ForwardRequest": [{"name": name, "type": kind} for name, kind in MEMBERS]},
        message_data=dict(message),
    )


def signed_forward_request(*, by: LocalAccount = PAYER, **members: object) -> dict[str, Any]:
    """Write the body of a post of a really signed request; `members` change the signed message."""
    message = forward_request(**{"from": by.address, **members})
    return {
        "chain_id": CHAIN_ID,
        "from": message["from"],
        "to": message["to"],
        "value": str(message["value"]),
        "gas": message["gas"],
        "nonce": str(message["nonce"]),
        "deadline": message["deadline"],
        "data": "0x" + message["data"].hex(),
        "signature": "0x" + bytes(by.sign_message(signable_forward_request(message)).signature).hex(),
    }
