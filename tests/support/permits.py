"""Permit transfers as a payer's wallet makes them: signed for Permit2 by eth_account."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import (
    CANONICAL,
    CANONICAL_PROXY,
    CANONICAL_UPTO_PROXY,
    Permit2Settings,
    UptoSettings,
)
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
UPTO_TYPES: Final = TYPES | {
    "Witness": [
        {"name": "to", "type": "address"},
        {"name": "facilitator", "type": "address"},
        {"name": "validAfter", "type": "uint256"},
    ]
}
SETTLER: Final = Address("0x9A9f2CCfdE556A7E9Ff0848998Aa4a0CFD8863AE")
"""Our UptoSettler."""


def upto_settings(**changes: object) -> ChainSettings:
    """Configure the same, also up to a maximum."""
    ours = Permit2Settings(tokens=(ASSET,), upto=UptoSettings(settler=SETTLER))
    return chain_settings(permit2=ours, **changes)


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


def permit_upto(**changes: object) -> dict[str, Any]:
    """Write the same up to five units, for our settler."""
    named = {"spender": CANONICAL_UPTO_PROXY, "facilitator": SETTLER, "amount": 5_000_000}
    return permit() | named | changes


def signable_permit(
    message: Mapping[str, Any], *, chain_id: int = CHAIN_ID, permit2: str = CANONICAL
) -> SignableMessage:
    """Give what a wallet signs, encoded by eth_account: up to a maximum if it names a facilitator."""
    upto = {"facilitator": message["facilitator"]} if "facilitator" in message else {}
    return encode_typed_data(
        domain_data={"name": "Permit2", "chainId": chain_id, "verifyingContract": permit2},
        message_types=UPTO_TYPES if upto else TYPES,
        message_data={
            "permitted": {"token": message["token"], "amount": message["amount"]},
            "spender": message["spender"],
            "nonce": message["nonce"],
            "deadline": message["deadline"],
            "witness": {"to": message["to"], **upto, "validAfter": message["validAfter"]},
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
    return _body_of(permit(**{"from": by.address, **members}), by)


def signed_upto_transfer(
    *, taken: int = 2_350_000, by: LocalAccount = PAYER, **members: object
) -> dict[str, Any]:
    """Write the body of a post of a really signed maximum, of which some is taken; `members` as above."""
    message = permit_upto(**{"from": by.address, **members})
    return _body_of(message, by) | {"maximum": str(message["amount"]), "amount": str(taken)}


def _body_of(message: Mapping[str, Any], by: LocalAccount) -> dict[str, Any]:
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
    extra = {"assetTransferMethod": "permit2"}
    return _asked(permit, url, signing, scheme="exact", extra=extra)


def asked_up_to(*, taken: int | None = None, url: str = URL, **signing: Any) -> dict[str, Any]:  # noqa: ANN401 (a permit's members, or `by`)
    """Write the body of `POST /verify`, or of `POST /settle` if some is taken; `signing` as above."""
    extra = {"assetTransferMethod": "permit2", "facilitatorAddress": SETTLER}
    body = _asked(permit_upto, url, signing, scheme="upto", extra=extra)
    if taken is not None:
        body["paymentRequirements"] = body["paymentRequirements"] | {"amount": str(taken)}
    return body


def _asked(
    made: Callable[..., dict[str, Any]], url: str, signing: dict[str, Any], **named: object
) -> dict[str, Any]:
    by = signing.pop("by", PAYER)
    domain = {name: signing.pop(name) for name in ("chain_id", "permit2") if name in signing}
    message = made(**{"from": by.address} | signing)
    signature = permit_signature(message, by=by, **domain)
    required = {"value": message["amount"], "to": message["to"]}
    wanted = requirements(required, asset=message["token"], **named)
    upto = {"facilitator": message["facilitator"]} if "facilitator" in message else {}
    signed = {
        "signature": "0x" + signature.hex(),
        "permit2Authorization": {
            "from": message["from"],
            "permitted": {"token": message["token"], "amount": str(message["amount"])},
            "spender": message["spender"],
            "nonce": str(message["nonce"]),
            "deadline": str(message["deadline"]),
            "witness": {"to": message["to"], **upto, "validAfter": str(message["validAfter"])},
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
