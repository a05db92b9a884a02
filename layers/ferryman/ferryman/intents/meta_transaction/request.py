"""The bodies of `POST /meta-transactions` and of the question what one costs."""

from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from ferryman.domain.fees import Tier
from ferryman.intents.fields import (
    AddressField,
    AsText,
    CalldataField,
    ChainIdField,
    MoneyField,
    ProposedDeadlineField,
    ProposedGasField,
    RequestModel,
    SignatureField,
    Uint256Field,
)

_ADDRESS: Final = "0x and 40 hex digits: lower case, or with the right EIP-55 checksum."
_TARGET: Final = "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"
_USER: Final = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_CALLDATA: Final = "0xd09de08a"

TargetField = Annotated[
    AddressField, Field(description=f"Contract that is called. {_ADDRESS}", examples=[_TARGET])
]
_USER_DESCRIPTION: Final = f"On whose behalf it is called, who pays, and signed. {_ADDRESS}"
UserField = Annotated[
    AddressField,
    Field(
        alias="userAddress",
        description=_USER_DESCRIPTION,
        examples=[_USER],
    ),
]
LevelField = Annotated[
    Tier,
    Field(strict=False, alias="gasLevel", description="How fast it should be mined.", examples=["normal"]),
]


class FeeAuthorizationBody(RequestModel):
    """The EIP-3009 *receive* authorization of the fee, of `maxFee`; its nonce is the request's hash."""

    valid_after: Annotated[
        ProposedDeadlineField,
        Field(alias="validAfter", description="Unix seconds after which it is good.", examples=[0]),
    ]
    valid_before: Annotated[
        ProposedDeadlineField,
        Field(
            alias="validBefore",
            description="Unix seconds before which it is good; later than the deadline.",
            examples=[1893456001],
        ),
    ]
    signature: Annotated[
        SignatureField,
        Field(description="By the same account, in the token's own domain.", examples=["0x" + "1b" * 65]),
    ]


class MetaTransactionRequest(RequestModel):
    """A signed meta-transaction: the members of the EIP-712 message, its chain, and what pays for it."""

    chain_id: Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
    target: TargetField
    calldata: Annotated[
        CalldataField,
        Field(description="A selector that is allowed for the target, and arguments.", examples=[_CALLDATA]),
    ]
    gas_level: LevelField
    user: UserField
    gas_limit: Annotated[
        ProposedGasField,
        Field(alias="gasLimit", description="Gas that the target gets: exactly that much.", examples=[80000]),
    ]
    max_fee: Annotated[
        MoneyField,
        AsText,
        Field(
            alias="maxFee",
            description="The most that is paid, in units of the fee token, in decimal.",
            examples=["250000"],
        ),
    ]
    nonce: Annotated[
        Uint256Field,
        AsText,
        Field(description="Any uint256 the user has not used before, in decimal.", examples=["0"]),
    ]
    deadline: Annotated[
        ProposedDeadlineField,
        Field(description="Unix seconds after which the relay refuses it.", examples=[1893456000]),
    ]
    signature: Annotated[
        SignatureField,
        Field(
            description="EIP-712 signature: r, s, v; low s, v 27 or 28. Or what an ERC-1271 wallet takes.",
            examples=["0x" + "1b" * 65],
        ),
    ]
    fee_authorization: Annotated[
        FeeAuthorizationBody,
        Field(
            alias="feeAuthorization",
            examples=[{"validAfter": 0, "validBefore": 1893456001, "signature": "0x" + "1b" * 65}],
        ),
    ]

    @field_validator("fee_authorization", mode="after")
    @classmethod
    def _outlives(cls, given: FeeAuthorizationBody, so_far: ValidationInfo) -> FeeAuthorizationBody:
        """Refuse a payment that can be too late where the request is not."""
        deadline = so_far.data.get("deadline")
        if deadline is not None and given.valid_before <= deadline:
            msg = "must be valid until after the deadline"
            raise ValueError(msg)
        return given


class MetaTransactionFeeRequest(RequestModel):
    """A meta-transaction that is not signed yet, as far as its fee depends on it."""

    kind: Annotated[Literal["meta-transaction"], Field(examples=["meta-transaction"])]
    chain_id: Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
    gas_limit: Annotated[
        ProposedGasField, Field(alias="gasLimit", description="Gas that the target gets.", examples=[80000])
    ]
    user: Annotated[
        AddressField | None,
        Field(alias="userAddress", description=_USER_DESCRIPTION, examples=[_USER]),
    ] = None
    gas_level: LevelField = Tier.NORMAL


class MetaTransactionDraft(RequestModel):
    """A meta-transaction that is not signed yet: what should be called, and for whom."""

    chain_id: Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
    target: TargetField
    calldata: Annotated[
        CalldataField,
        Field(description="A selector that is allowed for the target, and arguments.", examples=[_CALLDATA]),
    ]
    user: UserField
    gas_level: LevelField = Tier.NORMAL
    gas_limit: Annotated[
        ProposedGasField | None,
        Field(
            alias="gasLimit", description="For the target; as it needs, if none is given.", examples=[None]
        ),
    ] = None
    nonce: Annotated[
        Annotated[Uint256Field, AsText] | None,
        Field(description="One that is free, if none is given.", examples=[None]),
    ] = None
    deadline: Annotated[
        ProposedDeadlineField | None, Field(description="In an hour, if none is given.", examples=[None])
    ] = None
