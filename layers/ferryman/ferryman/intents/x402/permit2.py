"""What is signed for Permit2, against what is required, and as a permit transfer of ours."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from ferryman.domain.chain import ChainSettings
from ferryman.domain.permit2 import Permit2Settings
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


class _Permitted(Form):
    token: AddressText
    amount: Text


class _Witness(Form):
    payee: Annotated[AddressText, Field(alias="to")]
    valid_after: Annotated[Text, Field(alias="validAfter")]


class _Authorization(Form):
    payer: Annotated[AddressText, Field(alias="from")]
    permitted: _Permitted
    spender: AddressText
    nonce: Text
    deadline: Text
    witness: _Witness


class _Signed(Form):
    signature: SignatureText
    authorization: Annotated[_Authorization, Field(alias="permit2Authorization")]


def body_of(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> dict[str, object]:
    """Write it as our own request: with addresses in lower case, since the standard asks for no checksums.

    Raises:
        RefusedError: it is malformed, or not what is required, or nothing is settled so on that chain.

    """
    ours = _served(requirements, chain)
    signed = read(_Signed, payload, Reason.INVALID_PAYLOAD)
    one = signed.authorization
    _compare(one, requirements, ours)
    return {
        "chain_id": chain.chain_id,
        "asset": one.permitted.token.lower(),
        "from": one.payer.lower(),
        "to": one.witness.payee.lower(),
        "amount": str(number(one.permitted.amount, "permitted.amount")),
        "valid_after": number(one.witness.valid_after, "witness.validAfter"),
        "deadline": number(one.deadline, "deadline"),
        "nonce": str(number(one.nonce, "nonce")),
        "signature": with_usual_v(signed.signature),
    }


def _served(requirements: Requirements, chain: ChainSettings) -> Permit2Settings:
    if chain.permit2 is None:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, "Permit2 is not served there; sign by EIP-3009.")
    if requirements.asset.lower() not in map(str.lower, chain.permit2.tokens):
        settled = ", ".join(chain.permit2.tokens)
        message = f"That asset is not settled by Permit2; settled: {settled}."
        raise RefusedError(Reason.INVALID_REQUIREMENTS, message)
    return chain.permit2


def _compare(one: _Authorization, requirements: Requirements, ours: Permit2Settings) -> None:
    """`exact` means exactly that: the right payee gets the right amount, by the proxy that sees to it."""
    amount = number(requirements.amount, "amount", Reason.INVALID_REQUIREMENTS)
    permitted = number(one.permitted.amount, "permitted.amount")
    if one.spender.lower() != ours.proxy.lower():
        raise RefusedError(Reason.PERMIT2_SPENDER, f"The spender must be {ours.proxy}.")
    if one.witness.payee.lower() != requirements.pay_to.lower():
        raise RefusedError(Reason.PERMIT2_RECIPIENT_MISMATCH, "It pays somebody else than payTo.")
    if permitted != amount:
        raise RefusedError(Reason.PERMIT2_AMOUNT_MISMATCH, f"It pays {permitted}, and {amount} is required.")
    if one.permitted.token.lower() != requirements.asset.lower():
        raise RefusedError(Reason.PERMIT2_ASSET_MISMATCH, "It permits another token than the asset.")
