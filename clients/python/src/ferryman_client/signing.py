"""Building and signing payments."""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol, TypedDict

from ferryman_client.errors import ConfigurationError
from ferryman_client.models import Chain, SignedPayment

DEADLINE_SECONDS: Final = 3_600
_KIND: Final = "payment"


class Signed(Protocol):
    """What a signer gives: `signature` holds r, s and v."""

    @property
    def signature(self) -> bytes:
        """65 bytes, or what a contract wallet takes."""
        ...


class Signer(Protocol):
    """Whoever signs; accounts of eth-account do."""

    @property
    def address(self) -> str:
        """The account that pays."""
        ...

    def sign_typed_data(
        self,
        domain_data: Any,  # noqa: ANN401 (as eth-account types them)
        message_types: Any,  # noqa: ANN401
        message_data: Any,  # noqa: ANN401
    ) -> Signed:
        """Sign EIP-712 typed data."""
        ...

    def sign_message(self, signable_message: Any) -> Signed:  # noqa: ANN401 (as eth-account types it)
        """Sign a text (EIP-191), to sign in."""
        ...


class PersonalMessage(NamedTuple):
    """A text to sign as EIP-191 has it (`personal_sign`), in the form that eth-account takes."""

    version: bytes
    header: bytes
    body: bytes

    @classmethod
    def of(cls, text: str) -> "PersonalMessage":
        """Give a text its prefix."""
        body = text.encode()
        return cls(b"E", b"thereum Signed Message:\n" + str(len(body)).encode(), body)


class PaymentOptions(TypedDict, total=False):
    """What a payment may say besides whom it pays how much."""

    fee: int
    """Token units for the deployment's treasury; what the deployment quotes if it is not given."""
    token: str
    """Its address; the chain's only one if it is not given."""
    chain_id: int
    """The deployment's only one if it is not given."""
    priority: str
    """`slow`, `normal` or `fast`; it is not signed."""
    nonce: int
    """Any uint256 that the payer has not used; random if it is not given."""
    deadline: int
    """Unix seconds after which nobody can execute it; in an hour if it is not given."""


def token_of(chain: Chain, options: PaymentOptions) -> str:
    """Give the token of a payment.

    Raises:
        ConfigurationError: the chain accepts several, and none is named.

    """
    if "token" in options:
        return options["token"]
    if len(chain.tokens) != 1:
        raise ConfigurationError(f"choose token among those the chain accepts: {', '.join(chain.tokens)}")
    return chain.tokens[0]


def signed_payment(
    signer: Signer, chain: Chain, *, to: str, amount: int, fee: int, options: PaymentOptions
) -> SignedPayment:
    """Sign a payment with the domain and the members that the deployment offers.

    Args:
        signer: who pays.
        chain: where, as the deployment describes it.
        to: who is paid.
        amount: token units for the payee.
        fee: token units for the deployment's treasury.
        options: the rest.

    """
    offer = chain.intents[_KIND]
    message: dict[str, Any] = {
        "token": token_of(chain, options),
        "from": signer.address,
        "to": to,
        "amount": amount,
        "fee": fee,
        "nonce": options.get("nonce", secrets.randbits(256)),
        "deadline": options.get("deadline", _deadline(chain)),
    }
    signature = signer.sign_typed_data(dict(offer["domain"]), _types(offer), message).signature
    strings = {name: str(message[name]) for name in ("amount", "fee", "nonce")}
    return SignedPayment(
        body={
            "chain_id": chain.chain_id,
            **message,
            **strings,
            "signature": "0x" + bytes(signature).hex(),
            "priority": options.get("priority", "normal"),
        }
    )


def _types(offer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: [dict(member) for member in members] for name, members in offer["types"].items()}


def _deadline(chain: Chain) -> int:
    """In an hour, or as near to that as the deployment takes."""
    margin = 60  # for clocks that differ
    latest = max(chain.longest_deadline_seconds - margin, chain.shortest_deadline_seconds)
    return int(time.time()) + min(max(DEADLINE_SECONDS, chain.shortest_deadline_seconds + margin), latest)
