"""What is signed by EIP-3009, against what is required, and as a settlement of ours."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from ferryman.domain.chain import ChainSettings, TokenDomain
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

KIND: Final = "settlement"
"""The kind of intent that carries it out."""


class _Authorization(Form):
    payer: Annotated[AddressText, Field(alias="from")]
    payee: Annotated[AddressText, Field(alias="to")]
    value: Text
    valid_after: Annotated[Text, Field(alias="validAfter")]
    valid_before: Annotated[Text, Field(alias="validBefore")]
    nonce: Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]


class _Signed(Form):
    signature: SignatureText
    authorization: _Authorization


def body_of(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> dict[str, object]:
    """Write it as our own request: with addresses in lower case, since the standard asks for no checksums.

    Raises:
        RefusedError: it is malformed, or not what is required.

    """
    _check_domain(requirements, _domain_of(requirements, chain))
    signed = read(_Signed, payload, Reason.INVALID_PAYLOAD)
    one = signed.authorization
    _compare(one, requirements)
    return {
        "chain_id": chain.chain_id,
        "asset": requirements.asset.lower(),
        "from": one.payer.lower(),
        "to": one.payee.lower(),
        "value": str(number(one.value, "value")),
        "valid_after": number(one.valid_after, "validAfter"),
        "valid_before": number(one.valid_before, "validBefore"),
        "nonce": one.nonce.lower(),
        "signature": with_usual_v(signed.signature),
    }


def _domain_of(requirements: Requirements, chain: ChainSettings) -> TokenDomain:
    assets = {address.lower(): domain for address, domain in chain.authorized_tokens.items()}
    domain = assets.get(requirements.asset.lower())
    if domain is None:
        settled = ", ".join(chain.authorized_tokens)
        raise RefusedError(Reason.INVALID_REQUIREMENTS, f"That asset is not settled; settled: {settled}.")
    return domain


def _check_domain(requirements: Requirements, domain: TokenDomain) -> None:
    """Compare the domain that the seller told its clients with ours, which is the token's."""
    told = requirements.told
    if "name" not in told or "version" not in told:
        raise RefusedError(Reason.MISSING_DOMAIN, "extra must have the token's name and version.")
    if told["name"] != domain.name:
        raise RefusedError(Reason.NAME_MISMATCH, f"The token signs by the name {domain.name}.")
    if told["version"] != domain.version:
        raise RefusedError(Reason.VERSION_MISMATCH, f"The token signs by the version {domain.version}.")


def _compare(authorization: _Authorization, requirements: Requirements) -> None:
    """`exact` means exactly that: the right payee gets the right amount."""
    amount = number(requirements.amount, "amount", Reason.INVALID_REQUIREMENTS)
    value = number(authorization.value, "value")
    if authorization.payee.lower() != requirements.pay_to.lower():
        raise RefusedError(Reason.RECIPIENT_MISMATCH, "It pays somebody else than payTo.")
    if value != amount:
        raise RefusedError(Reason.VALUE_MISMATCH, f"It pays {value}, and {amount} is required.")
