"""What is signed for Permit2, against what is required, and as a permit transfer of ours."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import Permit2Settings
from ferryman.domain.units import Address
from ferryman.intents.x402.forms import (
    AddressText,
    Form,
    Requirements,
    SignatureText,
    Text,
    number,
    read,
    with_usual_v,
)
from ferryman.intents.x402.reasons import Reason, RefusedError

KIND: Final = "permit-transfer"
"""The kind of intent that carries it out."""


class Permitted(Form):
    """What may be taken."""

    token: AddressText
    amount: Text


class Witness(Form):
    """What the proxy has signed besides."""

    payee: Annotated[AddressText, Field(alias="to")]
    valid_after: Annotated[Text, Field(alias="validAfter")]


class Authorization(Form):
    """A permit."""

    payer: Annotated[AddressText, Field(alias="from")]
    permitted: Permitted
    spender: AddressText
    nonce: Text
    deadline: Text
    witness: Witness


class Signed(Form):
    """As the client sends it."""

    signature: SignatureText
    authorization: Annotated[Authorization, Field(alias="permit2Authorization")]


def body_of(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> dict[str, object]:
    """Write it as our own request: with addresses in lower case, since the standard asks for no checksums.

    Raises:
        RefusedError: it is malformed, or not what is required, or nothing is settled so on that chain.

    """
    ours = served(requirements, chain)
    signed = read(Signed, payload, Reason.INVALID_PAYLOAD)
    one = signed.authorization
    check_accounts(one, requirements, ours.proxy)
    permitted, amount = number(one.permitted.amount, "permitted.amount"), required(requirements)
    if permitted != amount:
        raise RefusedError(Reason.PERMIT2_AMOUNT_MISMATCH, f"It pays {permitted}, and {amount} is required.")
    check_token(one, requirements)
    return written(one, signed.signature, chain) | {"amount": str(permitted)}


def written(one: Authorization, signature: str, chain: ChainSettings) -> dict[str, object]:
    """Write what requests of permits have in common."""
    return {
        "chain_id": chain.chain_id,
        "asset": one.permitted.token.lower(),
        "from": one.payer.lower(),
        "to": one.witness.payee.lower(),
        "valid_after": number(one.witness.valid_after, "witness.validAfter"),
        "deadline": number(one.deadline, "deadline"),
        "nonce": str(number(one.nonce, "nonce")),
        "signature": with_usual_v(signature),
    }


def served(requirements: Requirements, chain: ChainSettings) -> Permit2Settings:
    """Find what the chain settles by Permit2.

    Raises:
        RefusedError: not that asset, or nothing at all.

    """
    if chain.permit2 is None:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, "Permit2 is not served there; sign by EIP-3009.")
    if requirements.asset.lower() not in map(str.lower, chain.permit2.tokens):
        settled = ", ".join(chain.permit2.tokens)
        message = f"That asset is not settled by Permit2; settled: {settled}."
        raise RefusedError(Reason.INVALID_REQUIREMENTS, message)
    return chain.permit2


def required(requirements: Requirements) -> int:
    """Give the amount that the seller names."""
    return number(requirements.amount, "amount", Reason.INVALID_REQUIREMENTS)


def check_accounts(one: Authorization, requirements: Requirements, proxy: Address) -> None:
    """See that the right payee is paid, by the proxy that sees to it.

    Raises:
        RefusedError: another is.

    """
    if one.spender.lower() != proxy.lower():
        raise RefusedError(Reason.PERMIT2_SPENDER, f"The spender must be {proxy}.")
    if one.witness.payee.lower() != requirements.pay_to.lower():
        raise RefusedError(Reason.PERMIT2_RECIPIENT_MISMATCH, "It pays somebody else than payTo.")


def check_token(one: Authorization, requirements: Requirements) -> None:
    """See that it is the asset.

    Raises:
        RefusedError: it is another token.

    """
    if one.permitted.token.lower() != requirements.asset.lower():
        raise RefusedError(Reason.PERMIT2_ASSET_MISMATCH, "It permits another token than the asset.")
