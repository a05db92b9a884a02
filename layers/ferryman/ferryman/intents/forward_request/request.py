"""The bodies of `POST /forward-requests`, of its quote, and of the question what one costs."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from ferryman.domain.fees import Tier
from ferryman.domain.units import hex_bytes
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

KEY_SIGNATURE_BYTES: Final = 65
"""r, s, v."""
_LAST_SECOND: Final = 2**48 - 1
_ADDRESS: Final = "0x and 40 hex digits: lower case, or with the right EIP-55 checksum."


def _nothing(value: str) -> str:
    if value != "0":
        msg = "must be 0: no coin is sent along"
        raise ValueError(msg)
    return value


def _uint48(seconds: int) -> int:
    if seconds > _LAST_SECOND:
        msg = f"must be at most {_LAST_SECOND}"
        raise ValueError(msg)
    return seconds


def _by_a_key(text: str) -> str:
    if len(hex_bytes(text)) != KEY_SIGNATURE_BYTES:
        msg = f"must be {KEY_SIGNATURE_BYTES} bytes (r, s, v): the forwarder asks no contract wallets"
        raise ValueError(msg)
    return text


_CHAIN_ID = Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
_SIGNER = Field(
    alias="from",
    description=f"On whose behalf it is called, and who signed. {_ADDRESS}",
    examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
)
_TARGET = Annotated[
    AddressField,
    Field(
        alias="to",
        description=f"Contract that is called. {_ADDRESS}",
        examples=["0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512"],
    ),
]
_DATA = Annotated[
    CalldataField,
    Field(description="A selector that is allowed for the target, and arguments.", examples=["0xd09de08a"]),
]
_GAS = Annotated[ProposedGasField, Field(description="Gas that the target gets, at most.", examples=[80000])]
_PRIORITY = Annotated[
    Tier, Field(strict=False, description="How fast it should be mined.", examples=["normal"])
]


class ForwardRequestQuoteRequest(RequestModel):
    """A forward request that is not signed yet: its user pays nothing for it."""

    kind: Annotated[Literal["forward-request"], Field(examples=["forward-request"])]
    chain_id: _CHAIN_ID
    gas: _GAS
    signer: Annotated[AddressField | None, _SIGNER] = None
    priority: _PRIORITY = Tier.NORMAL


class ForwardRequestDraft(RequestModel):
    """A forward request that is not signed yet: what should be called, and for whom."""

    chain_id: _CHAIN_ID
    signer: Annotated[AddressField, _SIGNER]
    target: _TARGET
    data: _DATA
    gas: Annotated[
        ProposedGasField | None,
        Field(description="For the target; as it needs, if none is given.", examples=[None]),
    ] = None
    nonce: Annotated[
        Annotated[Uint256Field, AsText] | None,
        Field(description="The next one of the signer, if none is given.", examples=[None]),
    ] = None
    deadline: Annotated[
        Annotated[ProposedDeadlineField, AfterValidator(_uint48)] | None,
        Field(description="In an hour, if none is given.", examples=[None]),
    ] = None


class SignedForwardRequest(RequestModel):
    """A signed `ForwardRequest` of an ERC2771Forwarder: its seven members, its chain and its signature."""

    chain_id: _CHAIN_ID
    signer: Annotated[AddressField, _SIGNER]
    target: _TARGET
    value: Annotated[
        MoneyField,
        AsText,
        AfterValidator(_nothing),
        Field(description="Wei sent along, in decimal: nothing but 0.", examples=["0"]),
    ]
    gas: _GAS
    nonce: Annotated[
        Uint256Field,
        AsText,
        Field(
            description="The forwarder's next one of the signer, or the one after its last accepted request.",
            examples=["0"],
        ),
    ]
    deadline: Annotated[
        ProposedDeadlineField,
        AfterValidator(_uint48),
        Field(description="Unix seconds after which the forwarder refuses it.", examples=[1893456000]),
    ]
    data: _DATA
    signature: Annotated[
        SignatureField,
        AfterValidator(_by_a_key),
        Field(
            description="EIP-712 signature by a key: r, s, v; low s, v 27 or 28.",
            examples=["0x" + "1b" * KEY_SIGNATURE_BYTES],
        ),
    ]
    priority: _PRIORITY = Tier.NORMAL
