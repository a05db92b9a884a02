"""The body of `POST /payments`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from ferryman.domain.fees import Tier
from ferryman.intents.fields import (
    AddressField,
    ChainIdField,
    DeadlineField,
    MoneyField,
    PositiveMoneyField,
    RequestModel,
    SignatureField,
    Uint256Field,
    checked_payee,
)

_ADDRESS = "0x and 40 hex digits: lower case, or with the right EIP-55 checksum."


class PaymentQuoteRequest(RequestModel):
    """A payment that is not signed yet, as far as its fee depends on it."""

    kind: Annotated[Literal["payment"], Field(examples=["payment"])]
    chain_id: Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
    token: Annotated[
        AddressField,
        Field(
            description=f"ERC-20 token. {_ADDRESS}", examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"]
        ),
    ]
    payer: Annotated[
        AddressField | None,
        Field(
            alias="from",
            description=f"Who would pay: for the discount of its volume. {_ADDRESS}",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ] = None
    priority: Annotated[
        Tier, Field(strict=False, description="How fast it should be mined.", examples=["normal"])
    ] = Tier.NORMAL


class PaymentRequest(RequestModel):
    """A signed payment: the seven members of the EIP-712 message, its chain and its signature."""

    chain_id: Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
    token: Annotated[
        AddressField,
        Field(
            description=f"ERC-20 token. {_ADDRESS}", examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"]
        ),
    ]
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
    amount: Annotated[
        PositiveMoneyField,
        Field(description="Token units for the payee, more than 0, in decimal.", examples=["1000000"]),
    ]
    fee: Annotated[MoneyField, Field(description="Token units for the treasury, in decimal.", examples=["0"])]
    nonce: Annotated[
        Uint256Field,
        Field(description="Any uint256 the payer has not used before, in decimal.", examples=["1"]),
    ]
    deadline: Annotated[
        DeadlineField,
        Field(description="Unix seconds after which the contract refuses it.", examples=[1893456000]),
    ]
    signature: Annotated[
        SignatureField,
        Field(
            description="EIP-712 signature: r, s, v; low s, v 27 or 28. Or what an ERC-1271 wallet takes.",
            examples=["0x" + "1b" * 65],
        ),
    ]
    priority: Annotated[
        Tier, Field(strict=False, description="How fast it should be mined.", examples=["normal"])
    ] = Tier.NORMAL

    @field_validator("payee", mode="after")
    @classmethod
    def _another_account(cls, payee: str, so_far: ValidationInfo) -> str:
        """Refuse what the contract would refuse, or what moves nothing."""
        return checked_payee(payee, so_far.data.get("payer"))
