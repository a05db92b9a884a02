"""The bodies of the sign-in routes: a signed message that is checked, and never relayed."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from ferryman.intents.fields import AddressField, ChainIdField, RequestModel

LONGEST_MESSAGE: Final = 2_000
"""Characters. Ours has about 350, and the time to parse one grows with the square of its length."""
_SIGNATURE: Final = re.compile(r"0x[0-9a-fA-F]{130}")
_ORIGIN: Final = r"^https?://[A-Za-z0-9.:\[\]-]{1,255}$"
_MESSAGE: Final = """\
app.example.com wants you to sign in with your Ethereum account:
0x70997970C51812dc3A010C7d01b50e0d17dc79C8

Sign in to Ferryman.

URI: https://app.example.com
Version: 1
Chain ID: 31337
Nonce: 8yZ0mF2kQe7RtW1xVb4NcA
Issued At: 2026-11-21T12:00:00.000Z
Expiration Time: 2026-11-21T12:05:00.000Z"""


def _signature(text: str) -> str:
    if not _SIGNATURE.fullmatch(text):
        msg = "must be 0x followed by 130 hex digits: r, s, v"
        raise ValueError(msg)
    return text


class ChallengeRequest(RequestModel):
    """Asks for a message to sign in with."""

    address: Annotated[
        AddressField,
        Field(
            description="Who wants to sign in.",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ]
    chain_id: Annotated[
        ChainIdField, Field(description="EIP-155 id of a chain served here.", examples=[31337])
    ]
    origin: Annotated[
        str | None,
        Field(
            description="Origin of the page that asks, if several are allowed; by default the first.",
            pattern=_ORIGIN,
            examples=["https://app.example.com"],
        ),
    ] = None


class SignInRequest(RequestModel):
    """A signed EIP-4361 message."""

    message: Annotated[
        str,
        StringConstraints(min_length=1, max_length=LONGEST_MESSAGE),
        Field(description="The EIP-4361 message, exactly as it was signed.", examples=[_MESSAGE]),
    ]
    signature: Annotated[
        str,
        AfterValidator(_signature),
        Field(description="EIP-191 signature of the account: r, s, v.", examples=["0x" + "1b" * 65]),
    ]
