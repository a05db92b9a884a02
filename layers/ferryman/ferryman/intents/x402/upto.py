"""What is signed up to a maximum, against what is required, and as a transfer up to a maximum of ours.

The seller's `amount` is the maximum when it has a payment verified, and what it took when it has it settled.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from ferryman.domain.chain import ChainSettings
from ferryman.intents.x402 import permit2
from ferryman.intents.x402.forms import AddressText, Requirements, number, read
from ferryman.intents.x402.reasons import Reason, RefusedError

KIND: Final = "upto-transfer"
"""The kind of intent that carries it out."""
_LEAST: Final = 1


class _Witness(permit2.Witness):
    facilitator: AddressText


class _Authorization(permit2.Authorization):
    witness: _Witness


class _Signed(permit2.Signed):
    authorization: Annotated[_Authorization, Field(alias="permit2Authorization")]


def body_to_verify(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> dict[str, object]:
    """Write it as our own request, of all that is signed: it may come to that.

    Raises:
        RefusedError: it is malformed, or not what is required, or nothing is settled so on that chain.

    """
    body, maximum = _body_of(payload, requirements, chain)
    if maximum != permit2.required(requirements):
        message = f"It permits {maximum}, and {requirements.amount} is required."
        raise RefusedError(Reason.PERMIT2_AMOUNT_MISMATCH, message)
    return body | {"amount": str(maximum)}


def body_to_settle(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> dict[str, object]:
    """Write it as our own request, of what the seller took; of the least there is where it took nothing.

    Raises:
        RefusedError: as above, or the seller took more than was signed.

    """
    body, maximum = _body_of(payload, requirements, chain)
    taken = permit2.required(requirements)
    if taken > maximum:
        raise RefusedError(Reason.UPTO_EXCEEDED, f"It permits {maximum}, and {taken} was to be taken.")
    return body | {"amount": str(max(taken, _LEAST))}


def _body_of(
    payload: Mapping[str, Any], requirements: Requirements, chain: ChainSettings
) -> tuple[dict[str, object], int]:
    """Write it but for the amount; give the maximum too."""
    ours = permit2.served(requirements, chain).upto
    if ours is None:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, "The scheme upto is not served there.")
    if "permit2Authorization" not in payload:
        raise RefusedError(Reason.PAYLOAD_TYPE, "The scheme upto is settled by Permit2 only.")
    signed = read(_Signed, payload, Reason.INVALID_PAYLOAD)
    one = signed.authorization
    permit2.check_accounts(one, requirements, ours.proxy)
    if one.witness.facilitator.lower() != ours.settler.lower():
        raise RefusedError(Reason.UPTO_FACILITATOR, f"The facilitator must be {ours.settler}.")
    permit2.check_token(one, requirements)
    maximum = number(one.permitted.amount, "permitted.amount")
    return permit2.written(one, signed.signature, chain) | {"maximum": str(maximum)}, maximum
