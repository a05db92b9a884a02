"""The body of `POST /permit-transfers`."""

from typing import Annotated, Literal

from pydantic import Field

from ferryman.intents.fields import DeadlineField, Uint256Field
from ferryman.intents.transfers import (
    TransferQuoteRequest,
    TransferredField,
    TransferRequest,
    ValidAfterField,
)


class PermitTransferQuoteRequest(TransferQuoteRequest):
    """A permit transfer that is not signed yet; it pays no fee."""

    kind: Annotated[Literal["permit-transfer"], Field(examples=["permit-transfer"])]


class PermitTransferRequest(TransferRequest):
    """A signed `PermitWitnessTransferFrom` of Permit2 to x402's exact proxy, which pays its witness' `to`."""

    amount: TransferredField
    valid_after: ValidAfterField
    deadline: Annotated[
        DeadlineField, Field(description="Unix seconds until which Permit2 takes it.", examples=[1893456000])
    ]
    nonce: Annotated[
        Uint256Field,
        Field(description="Any uint256 the payer has not used with Permit2, in decimal.", examples=["7"]),
    ]
