"""The body of `POST /service/upto-transfers`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from ferryman.intents.permits import PermitRequest
from ferryman.intents.transfers import TransferQuoteRequest, TransferredField


class UptoTransferQuoteRequest(TransferQuoteRequest):
    """A transfer up to a maximum that is not signed yet; it pays no fee."""

    kind: Annotated[Literal["upto-transfer"], Field(examples=["upto-transfer"])]


class UptoTransferRequest(PermitRequest):
    """A signed `PermitWitnessTransferFrom` of Permit2 to x402's upto proxy, and how much of it is taken."""

    maximum: Annotated[
        TransferredField,
        Field(description="Token units that are signed for, in decimal.", examples=["5000000"]),
    ]
    amount: Annotated[
        TransferredField,
        Field(
            description="Token units that the payee gets, more than 0 and at most `maximum`; not signed.",
            examples=["2350000"],
        ),
    ]

    @field_validator("amount", mode="after")
    @classmethod
    def _within_the_maximum(cls, amount: str, so_far: ValidationInfo) -> str:
        """Refuse what the proxy would refuse."""
        maximum = so_far.data.get("maximum")
        if maximum is not None and int(amount) > int(maximum):
            msg = f"must be at most maximum, {maximum}"
            raise ValueError(msg)
        return amount

    def payload(self) -> dict[str, str | int]:
        """Give everything that was sent, but for a beginning of 0, as packages sign it: a row has no room."""
        sent = super().payload()
        return sent if self.valid_after else {name: sent[name] for name in sent if name != "valid_after"}
