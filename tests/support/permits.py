"""Permit transfers as a payer's wallet makes them: signed for Permit2 by eth_account."""

from collections.abc import Mapping
from typing import Any, Final

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import CANONICAL, CANONICAL_PROXY, Permit2Settings
from ferryman.domain.units import Address
from tests.support.payments import CHAIN_ID, DEADLINE, PAYEE, PAYER, TOKEN, chain_settings
from tests.support.x402 import URL, requirements

ASSET: Final = Address(TOKEN)
TYPES: Final = {
    "PermitWitnessTransferFrom": [
        {"name": "permitted", "type": "TokenPermissions"},
        {"name": "spender", "type": "address"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
        {"name": "witness", "type": "Witness"},
    ],
    "TokenPermissions": [{"name": "token", "type": "address"}, {"name": "amount", "type": "uint256"}],
    "Witness": [{"name": "to", "type": "address"}, {"name": "validAfter", "type": "uint256"}],
}


def permit_settings(**changes: object) -> ChainSettings:
    """Configure a chain whose token is settled by Permit2, and in no other way."""
    return chain_settings(permit2=Permit2Settings(tokens=(ASSET,)), **changes)


def permit(**changes: object) -> dict[str, Any]:
    """Write what is signed, flat, of a permit that is right in every way."""
    message: dict[str, Any] = {
        "token": ASSET,
        "amount": 1_000_000,
        "spender": CANONICAL_PROXY,
        "nonce": 2**255 + 7,
        "deadline": DEADLINE,
        "from": PAYER.address,
        "to": PAYEE,
        "validAfter": 0,
    }
    return message | changes


def signable_permit(
    message: Mapping[str, Any], *, chain_id: int = CHAIN_ID, permit2: str = CANONICAL
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account."""
    return encode_typed_data(
        domain_data={"name": "Permit2", "chainId": chain_id, "verifyingContract": permit2},
        message_types=TYPES,
        message_data={
            "permitted": {"token": message["token"], "amount": message["amount"]},
            "spender": message["spender"],
            "nonce": message["nonce"],
            "deadline": message["deadline"],
            "witness": {"to": message["to"], "validAfter": message["validAfter"]},
        },
    )


def permit_signature(
    message: Mapping[str, Any],
    *,
    by: LocalAccount = PAYER,
    **domain: Any,  # noqa: ANN401 (of what is signed)
) -> bytes:
    """Sign a permit: r, s, v."""
    return bytes(by.sign_message(signable_permit(message, **domain)).signature)


def signed_permit_transfer(*, by: LocalAccount = PAYER, **members: object) -> dict[str, Any]:
    """Write the body of a post of a really signed permit transfer; `members` change the signed message."""
    message = permit(**{"from": by.address, **members})
    return {
        "chain_id": CHAIN_ID,
        "asset": message["token"],
        "from": message["from"],
        "to": message["to"],
        "amount": str(message["amount"]),
        "valid_after": message["validAfter"],
        "deadline": message["deadline"],
        "nonce": str(message["nonce"]),
        "signature": "0x" + permit_signature(message, by=by).hex(),
    }


def asked_by_permit(*, url: str = URL, **signing: Any) -> dict[str, Any]:  # noqa: ANN401 (a permit's members, or `by`)
    """Write the body of `POST /verify` and `POST /settle`, right in every way unless `signing` changes it."""
    by = signing.pop("by", PAYER)
    domain = {name: signing.pop(name) for name in ("chain_id", "permit2") if name in signing}
    message = permit(**{"from": by.address} | signing)
    signature = permit_signature(message, by=by, **domain)
    wanted = requirements(
        {"value": message["amount"], "to": message["to"]},
        asset=message["token"],
        extra={"assetTransferMethod": "permit2"},
    )
    signed = {
        "signature": "0x" + signature.hex(),
        "permit2Authorization": {
            "from": message["from"],
            "permitted": {"token": message["token"], "amount": str(message["amount"])},
            "spender": message["spender"],
            "nonce": str(message["nonce"]),
            "deadline": str(message["deadline"]),
            "witness": {"to": message["to"], "validAfter": str(message["validAfter"])},
        },
    }
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "resource": {"url": url},
            "accepted": dict(wanted),
            "payload": signed,
        },
        "paymentRequirements": wanted,
    }
