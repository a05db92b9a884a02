"""The body of `POST /webhooks`: above services and adapters, because both need it."""

from typing import Annotated

from pydantic import Field

from ferryman.intents.fields import AddressField, RequestModel

_Event = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,63}$")]


class WebhookRegistration(RequestModel):
    """Where somebody wants to be told, and of what."""

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2_000,
            description="https, port 443 or 8443, a public host.",
            examples=["https://example.com/ferryman"],
        ),
    ]
    events: Annotated[
        tuple[_Event, ...],
        Field(
            strict=False,
            max_length=50,
            description="Names of the events that are wanted; none means all.",
            examples=[["payment_confirmed", "payment_failed"]],
        ),
    ] = ()
    senders: Annotated[
        tuple[AddressField, ...],
        Field(
            strict=False,
            max_length=100,
            description="Whose transactions are wanted; none means everybody's.",
            examples=[["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]],
        ),
    ] = ()
