"""What sellers' servers ask an x402 facilitator, for payments that a payer has really signed."""

from copy import deepcopy
from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.signatures import CURVE_ORDER
from tests.support.payments import CHAIN_ID
from tests.support.settlements import ASSET, DOMAIN, authorization, authorization_signature

URL: Final = "https://api.example.com/weather"
NETWORK: Final = f"eip155:{CHAIN_ID}"
OLD_CHAIN_ID: Final = 84532
OLD_NETWORK: Final = "base-sepolia"
"""Version 1 has names for the chains that it knows, and only for them."""


def requirements(message: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Require what an authorization pays, as version 2 says it."""
    return {
        "scheme": "exact",
        "network": NETWORK,
        "asset": ASSET,
        "amount": str(message["value"]),
        "payTo": message["to"],
        "maxTimeoutSeconds": 60,
        "extra": {"name": DOMAIN.name, "version": DOMAIN.version},
        **changes,
    }


def signed_part(message: dict[str, Any], signature: bytes) -> dict[str, Any]:
    """Write what the payer signed, with numbers as strings."""
    return {
        "signature": "0x" + signature.hex(),
        "authorization": {
            "from": message["from"],
            "to": message["to"],
            "value": str(message["value"]),
            "validAfter": str(message["validAfter"]),
            "validBefore": str(message["validBefore"]),
            "nonce": "0x" + message["nonce"].hex(),
        },
    }


def asked(*, url: str = URL, required: dict[str, Any] | None = None, **signing: Any) -> dict[str, Any]:  # noqa: ANN401 (an authorization's members, or `by`)
    """Write the body of `POST /verify` and `POST /settle`, right in every way unless `signing` changes it."""
    by = signing.pop("by", None)
    domain = {name: signing.pop(name) for name in ("chain_id", "asset", "name", "version") if name in signing}
    message = authorization(**({"from": by.address} if by else {}) | signing)
    signature = authorization_signature(message, **({"by": by} if by else {}), **domain)
    wanted = required or requirements(message)
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "resource": {"url": url},
            "accepted": dict(wanted),
            "payload": signed_part(message, signature),
        },
        "paymentRequirements": wanted,
    }


def asked_of_old(**signing: Any) -> dict[str, Any]:  # noqa: ANN401 (an authorization's members)
    """Write the same in version 1, for the chain that it has a name for."""
    message = authorization(**signing)
    signature = authorization_signature(message, chain_id=OLD_CHAIN_ID)
    wanted = requirements(message, network=OLD_NETWORK)
    wanted |= {"maxAmountRequired": wanted.pop("amount"), "resource": URL, "description": "", "mimeType": ""}
    payload = {"x402Version": 1, "scheme": "exact", "network": OLD_NETWORK}
    return {
        "x402Version": 1,
        "paymentPayload": payload | {"payload": signed_part(message, signature)},
        "paymentRequirements": wanted,
    }


def changed(body: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Give a body with one part changed, or with `...` left out, and the rest as it was signed."""
    copy = deepcopy(body)
    part: Any = copy
    *steps, last = path.split(".")
    for step in steps:
        part = part[step]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return copy


def with_high_s(body: dict[str, Any]) -> dict[str, Any]:
    """Sign with the other s, which recovers the same account."""
    raw = bytes.fromhex(body["paymentPayload"]["payload"]["signature"][2:])
    s = CURVE_ORDER - int.from_bytes(raw[32:64])
    high = raw[:32] + s.to_bytes(32) + bytes([27 + 28 - raw[64]])
    return changed(body, "paymentPayload.payload.signature", "0x" + high.hex())


def by_version_1(body: dict[str, Any]) -> dict[str, Any]:
    """Offer what version 2 has signed in the first version."""
    wanted = body["paymentRequirements"]
    named = {"maxAmountRequired": wanted["amount"], "resource": "https://api.example.com"}
    payload = {"x402Version": 1, "scheme": wanted["scheme"], "network": NETWORK}
    return body | {
        "x402Version": 1,
        "paymentPayload": body["paymentPayload"] | payload,
        "paymentRequirements": wanted | named,
    }


def posing_as_old(settings: ChainSettings) -> ChainSettings:
    """Give a chain the id of one that version 1 knows."""
    return settings.model_copy(update={"chain_id": OLD_CHAIN_ID})
