"""The body of `POST /settlements`."""

from typing import Annotated, Literal

from pydantic import Field

from ferryman.intents.fields import Bytes32Field, DeadlineField
from ferryman.intents.transfers import (
    TransferQuoteRequest,
    TransferredField,
    TransferRequest,
    ValidAfterField,
)


class SettlementQuoteRequest(TransferQuoteRequest):
    """A settlement that is not signed yet: what is signed goes to the payee whole, so it pays no fee."""

    kind: Annotated[Literal["settlement"], Field(examples=["settlement"])]


class SettlementRequest(TransferRequest):
    """A signed `TransferWithAuthorization` of EIP-3009: its six members, token, chain and signature."""

    value: TransferredField
    valid_after: ValidAfterField
    valid_before: Annotated[
        DeadlineField,
        Field(description="Unix seconds from which on the token refuses it.", examples=[1893456000]),
    ]
    nonce: Annotated[
        Bytes32Field,
        Field(
            description="Any 32 bytes the payer has not used with this token: 0x and 64 hex digits.",
            examples=["0x" + "2c" * 32],
        ),
    ]
