"""Settlements as a payer's wallet makes them: EIP-3009 authorizations, signed by eth_account."""

from collections.abc import Mapping
from typing import Any, Final

from eth_abi.abi import encode
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.domain.chain import ChainSettings, TokenDomain
from ferryman.domain.units import checked_address
from tests.support.payments import CHAIN_ID, DEADLINE, NOW_SECONDS, PAYEE, PAYER, TOKEN, chain_settings

ASSET: Final = TOKEN
"""The token in these tests, as the local stack has it."""
SETTLER: Final = checked_address("0x" + "5e" * 20)
DOMAIN: Final = TokenDomain(name="USDC", version="2", takes_bytes=True)
AUTHORIZATION_MEMBERS: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


def settlement_settings(**changes: object) -> ChainSettings:
    """Configure a chain whose token takes signed transfers."""
    return chain_settings(authorized_tokens={ASSET: DOMAIN}, **changes)


def authorization(**changes: object) -> dict[str, Any]:
    """Write the six members of an authorization that is right in every way."""
    message: dict[str, Any] = {
        "from": PAYER.address,
        "to": PAYEE,
        "value": 1_000_000,
        "validAfter": NOW_SECONDS - 600,
        "validBefore": DEADLINE,
        "nonce": b"\x2c" * 32,
    }
    return message | changes


def signable_authorization(
    message: Mapping[str, object],
    *,
    chain_id: int = CHAIN_ID,
    asset: str = ASSET,
    name: str = DOMAIN.name,
    version: str = DOMAIN.version,
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account."""
    return encode_typed_data(
        domain_data={"name": name, "version": version, "chainId": chain_id, "verifyingContract": asset},
        message_types={
            "TransferWithAuthorization": [
                {"name": name, "type": kind} for name, kind in AUTHORIZATION_MEMBERS
            ]
        },
        message_data=dict(message),
    )


def authorization_signature(
    message: Mapping[str, object],
    *,
    by: LocalAccount = PAYER,
    **domain: Any,  # noqa: ANN401 (of what is signed)
) -> bytes:
    """Sign an authorization: r, s, v."""
    return bytes(by.sign_message(signable_authorization(message, **domain)).signature)


def settlement_body(message: Mapping[str, Any], signature: bytes, **changes: object) -> dict[str, Any]:
    """Write the body of `POST /settlements`."""
    return {
        "chain_id": CHAIN_ID,
        "asset": ASSET,
        "from": message["from"],
        "to": message["to"],
        "value": str(message["value"]),
        "valid_after": message["validAfter"],
        "valid_before": message["validBefore"],
        "nonce": "0x" + message["nonce"].hex(),
        "signature": "0x" + signature.hex(),
        **changes,
    }


def signed_settlement(*, by: LocalAccount = PAYER, **members: object) -> dict[str, Any]:
    """Write the body of a post of a really signed settlement; `members` change the signed message."""
    message = authorization(**{"from": by.address, **members})
    return settlement_body(message, authorization_signature(message, by=by))


def counterfactual(factory: str, calldata: bytes, signature: bytes) -> bytes:
    """Wrap a signature of a wallet that its factory has not deployed yet (ERC-6492)."""
    return encode(["address", "bytes", "bytes"], [factory, calldata, signature]) + bytes.fromhex("6492" * 16)
