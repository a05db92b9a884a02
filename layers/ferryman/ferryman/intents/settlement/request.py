"""The body of `POST /settlements`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from ferryman.domain.fees import Tier
from ferryman.intents.fields import (
    AddressField,
    Bytes32Field,
    ChainIdField,
    DeadlineField,
    PositiveMoneyField,
    RequestModel,
    SignatureField,
    checked_payee,
)

_ADDRESS = "0x and 40 hex digits: lower case, or with the right EIP-55 checksum."
_ASSET = Annotated[
    AddressField,
    Field(
        description=f"Token with EIP-3009. {_ADDRESS}",
        examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"],
    ),
]
_CHAIN_ID = Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
_PRIORITY = Annotated[
    Tier, Field(strict=False, description="How fast it should be mined.", examples=["normal"])
]


class SettlementQuoteRequest(RequestModel):
    """A settlement that is not signed yet: what is signed goes to the payee whole, so it pays no fee."""

    kind: Annotated[Literal["settlement"], Field(examples=["settlement"])]
    chain_id: _CHAIN_ID
    asset: _ASSET
    payer: Annotated[
        AddressField | None,
        Field(
            alias="from",
            description=f"Who would pay. {_ADDRESS}",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ] = None
    priority: _PRIORITY = Tier.NORMAL


class SettlementRequest(RequestModel):
    """A signed `TransferWithAuthorization` of EIP-3009: its six members, token, chain and signature."""

    chain_id: _CHAIN_ID
    asset: _ASSET
    payer: Annotated[
        AddressField,
        Field(
            alias="from",
            description=f"Who pays, and signed. {_ADDRESS}",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ]
    payee: Annotated[
        AddressField,
        Field(
            alias="to",
            description=f"Who is paid. {_ADDRESS}",
            examples=["0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"],
        ),
    ]
    value: Annotated[
        PositiveMoneyField,
        Field(description="Token units for the payee, more than 0, in decimal.", examples=["1000000"]),
    ]
    valid_after: Annotated[
        DeadlineField, Field(description="Unix seconds that must have passed.", examples=[0])
    ]
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
    signature: Annotated[
        SignatureField,
        Field(
            description="EIP-712 signature: r, s, v; low s, v 27 or 28. Or what an ERC-1271 wallet takes.",
            examples=["0x" + "1b" * 65],
        ),
    ]
    resource: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=2_000,
            description="What is paid for, such as its URL; the record keeps its SHA-256.",
            examples=["https://api.example.com/weather"],
        ),
    ] = None
    priority: _PRIORITY = Tier.NORMAL

    @field_validator("payee", mode="after")
    @classmethod
    def _another_account(cls, payee: str, so_far: ValidationInfo) -> str:
        """Refuse what moves nothing, or what nobody could spend there."""
        if payee == so_far.data.get("asset"):
            msg = "must not be the token: nobody could spend it there"
            raise ValueError(msg)
        return checked_payee(payee, so_far.data.get("payer"))
