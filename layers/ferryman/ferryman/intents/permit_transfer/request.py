"""The body of `POST /permit-transfers`."""

from typing import Annotated, Literal

from pydantic import Field

from ferryman.intents.permits import PermitRequest
from ferryman.intents.transfers import TransferQuoteRequest, TransferredField


class PermitTransferQuoteRequest(TransferQuoteRequest):
    """A permit transfer that is not signed yet; it pays no fee."""

    kind: Annotated[Literal["permit-transfer"], Field(examples=["permit-transfer"])]


class PermitTransferRequest(PermitRequest):
    """A signed `PermitWitnessTransferFrom` of Permit2 to x402's exact proxy, which pays its witness' `to`."""

    amount: TransferredField
