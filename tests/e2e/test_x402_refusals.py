"""What the facilitator refuses, over HTTP: always 200 and the standard's reason, and never a transaction."""

import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

from local.accounts import dev_account
from tests.e2e.stack import Stack

Body = dict[str, Any]
PAYEE: Final = dev_account(1).address
STRANGER: Final = dev_account(2).address
PAYER: Final = dev_account(34)
POOR: Final = dev_account(200_000)
"""Has nothing."""
UNITS: Final = "10000"
CURVE_ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TYPES: Final = {
    "TransferWithAuthorization": [
        {"name": "from", "type": "address"},
        {"name": "to", "type": "address"},
        {"name": "value", "type": "uint256"},
        {"name": "validAfter", "type": "uint256"},
        {"name": "validBefore", "type": "uint256"},
        {"name": "nonce", "type": "bytes32"},
    ]
}


@dataclass
class Offer:
    """A payment that is right, until somebody changes it."""

    chain_id: int
    asset: ChecksumAddress
    payer: LocalAccount

    def __post_init__(self) -> None:
        now = int(time.time())
        self.signed: Body = {
            "from": self.payer.address,
            "to": PAYEE,
            "value": UNITS,
            "validAfter": "0",
            "validBefore": str(now + 300),
            "nonce": "0x" + secrets.token_hex(32),
        }
        self.domain: Body = {
            "name": "USDC",
            "version": "2",
            "chainId": self.chain_id,
            "verifyingContract": self.asset,
        }
        self.told: Body = {}
        """What the authorization says in place of what was signed."""
        self.required: Body = {
            "scheme": "exact",
            "network": f"eip155:{self.chain_id}",
            "asset": self.asset,
            "amount": UNITS,
            "payTo": PAYEE,
            "maxTimeoutSeconds": 300,
            "extra": {"name": "USDC", "version": "2"},
        }
        self.accepted: Body = {}
        """What the payer says he accepted, in place of what is required."""
        self.version = 2
        self.sign: Callable[[str], str] = lambda signature: signature

    def body(self) -> Body:
        """Write it as a seller's server does."""
        message = {name: int(value) if value.isdigit() else value for name, value in self.signed.items()}
        signed = self.payer.sign_typed_data(
            domain_data=self.domain, message_types=TYPES, message_data=message
        )
        payload = {
            "signature": self.sign("0x" + bytes(signed.signature).hex()),
            "authorization": self.signed | self.told,
        }
        return {
            "x402Version": self.version,
            "paymentPayload": {
                "x402Version": self.version,
                "resource": {"url": "https://seller.example/weather"},
                "accepted": self.required | self.accepted,
                "payload": payload,
            },
            "paymentRequirements": self.required,
        }


def _high_s(signature: str) -> str:
    """Mirror a signature: every curve takes it, and no token does."""
    raw = bytes.fromhex(signature[2:])
    s = CURVE_ORDER - int.from_bytes(raw[32:64])
    return "0x" + (raw[:32] + s.to_bytes(32) + bytes([55 - raw[64]])).hex()


def _changed(**changes: Any) -> Callable[[Offer], None]:  # noqa: ANN401 (members differ in type)
    """Change members of an offer: what is a mapping is merged."""

    def change(offer: Offer) -> None:
        for name, value in changes.items():
            known: Any = getattr(offer, name)
            setattr(offer, name, known | value if isinstance(known, dict) else value)

    return change


def _at(member: str, seconds: int) -> Callable[[Offer], None]:
    """Sign for a time from now: from when it is signed, for it is long after this file is read."""

    def change(offer: Offer) -> None:
        offer.signed[member] = str(int(time.time()) + seconds)

    return change


PREFIX: Final = "invalid_exact_evm_"
VECTORS: Final[Mapping[str, tuple[Callable[[Offer], None], str]]] = {
    "high s": (_changed(sign=_high_s), PREFIX + "payload_signature"),
    "empty signature": (_changed(sign=lambda _: ""), PREFIX + "payload_signature"),
    "signed by nobody": (_changed(sign=lambda _: "0x" + "00" * 65), PREFIX + "payload_signature"),
    "signed for a stranger": (_changed(told={"to": STRANGER}), PREFIX + "payload_recipient_mismatch"),
    "signed for another sum": (
        _changed(signed={"value": "9999"}),
        PREFIX + "payload_authorization_value_mismatch",
    ),
    "over": (_at("validBefore", -60), PREFIX + "payload_authorization_valid_before"),
    "too soon": (_at("validAfter", 600), PREFIX + "payload_authorization_valid_after"),
    "signed with another name": (_changed(domain={"name": "USD Coin"}), PREFIX + "payload_signature"),
    "signed for another chain": (_changed(domain={"chainId": 1}), PREFIX + "payload_signature"),
    "another name": (
        _changed(required={"extra": {"name": "USD Coin", "version": "2"}}),
        PREFIX + "token_name_mismatch",
    ),
    "another version of the domain": (
        _changed(required={"extra": {"name": "USDC", "version": "1"}}),
        PREFIX + "token_version_mismatch",
    ),
    "no domain": (_changed(required={"extra": {}}), "missing_eip712_domain"),
    "accepted another chain": (_changed(accepted={"network": "eip155:1"}), "network_mismatch"),
    "unknown chain": (_changed(required={"network": "eip155:999"}), "invalid_network"),
    "unknown scheme": (_changed(required={"scheme": "trust"}), "unsupported_scheme"),
    "a scheme for known sellers": (_changed(required={"scheme": "upto"}), "unsupported_scheme"),
    "unknown version": (_changed(version=3), "invalid_x402_version"),
    "short nonce": (_changed(told={"nonce": "0x1234"}), "invalid_payload"),
    "no number": (_changed(told={"value": "much"}), "invalid_payload"),
    "no funds": (_changed(payer=POOR, signed={"from": POOR.address}), PREFIX + "insufficient_balance"),
    "an asset that is none": (
        _changed(required={"asset": STRANGER}, domain={"verifyingContract": STRANGER}),
        "invalid_payment_requirements",
    ),
}


@pytest.fixture(scope="module")
def answers(stack: Stack) -> Mapping[str, tuple[Body, Body]]:
    """Ask about every vector: what /verify says, and /settle."""
    before = stack.relayed()

    def ask(change: Callable[[Offer], None]) -> tuple[Body, Body]:
        offer = Offer(stack.description.chain_id, stack.description.contracts["MockUSDC"], PAYER)
        change(offer)
        body = offer.body()
        return _asked(stack, "/verify", body), _asked(stack, "/settle", body)

    with ThreadPoolExecutor(4) as aside:
        said = dict(zip(VECTORS, aside.map(ask, (change for change, _ in VECTORS.values())), strict=True))
    assert stack.relayed() == before, "something refused has cost gas"
    return said


@pytest.mark.parametrize("vector", VECTORS)
def test_what_is_wrong_is_refused_with_the_standards_reason(
    vector: str, answers: Mapping[str, tuple[Body, Body]]
) -> None:
    """By /verify and by /settle alike, and it costs nothing."""
    reason = VECTORS[vector][1]

    verified, settled = answers[vector]

    assert (verified["isValid"], verified["invalidReason"]) == (False, reason)
    assert (settled["success"], settled["errorReason"], settled["transaction"]) == (False, reason, "")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"x402Version": 2}'], ids=repr)
@pytest.mark.parametrize("route", ["/verify", "/settle"])
def test_garbage_is_refused_politely(stack: Stack, route: str, body: bytes) -> None:
    """The clients of the standard raise on anything but 200."""
    answer = stack.http.post(route, content=body, headers={"Content-Type": "application/json"})

    said = answer.json()
    assert answer.status_code == 200
    assert (said.get("isValid"), said.get("success")).count(False) == 1
    assert said.get("invalidReason") or said.get("errorReason")


def test_what_is_settled_is_not_sold_to_another(stack: Stack) -> None:
    """The same requirements are answered as before; another resource, or another price, is refused."""
    offer = Offer(stack.description.chain_id, stack.description.contracts["MockUSDC"], PAYER)
    body = offer.body()
    first = _asked(stack, "/settle", body)
    relayed = stack.relayed()

    again = _asked(stack, "/settle", body)
    body["paymentPayload"]["resource"]["url"] = "https://seller.example/other"
    other = _asked(stack, "/settle", body)

    assert first["success"]
    assert again == first
    assert (other["success"], other["errorReason"]) == (False, PREFIX + "nonce_already_used")
    assert _asked(stack, "/verify", body)["invalidReason"] == PREFIX + "nonce_already_used"
    assert stack.relayed() == relayed


def _asked(stack: Stack, route: str, body: Body) -> Body:
    answer = stack.http.post(route, json=body)
    assert answer.status_code == 200, answer.text
    said: Body = answer.json()
    return said
