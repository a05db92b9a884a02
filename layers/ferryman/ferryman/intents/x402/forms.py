"""Forms of the standard's JSON that every payment has, and how they are read."""

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ferryman.intents.fields import problem_of
from ferryman.intents.x402.reasons import Reason, RefusedError

_DIGITS: Final = re.compile(r"[0-9]{1,78}")
_KEY_SIGNATURE_CHARACTERS: Final = 2 + 2 * 65
SHOWN: Final = 60
"""How much of a foreign text is repeated."""


class Form(BaseModel):
    """A part of the standard's JSON; what else is in it is for others."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


_Part = TypeVar("_Part", bound=Form)
Text = Annotated[str, StringConstraints(max_length=2_000)]
AddressText = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
SignatureText = Annotated[str, StringConstraints(max_length=2 + 2 * 4_096)]
_Seconds = Annotated[int, Field(ge=0, le=2**53 - 1)]


class Requirements(Form):
    """Version 2's; version 1 says two things by other names."""

    scheme: Text
    network: Text
    asset: AddressText
    amount: Text
    pay_to: Annotated[AddressText, Field(alias="payTo")]
    max_timeout_seconds: Annotated[_Seconds, Field(alias="maxTimeoutSeconds")]
    extra: dict[str, Any] | None = None

    @property
    def named(self) -> str | None:
        """The resource, if the seller names it here."""
        return None

    @property
    def told(self) -> dict[str, Any]:
        """What the seller says besides."""
        return self.extra or {}


def read(model: type[_Part], value: object, reason: Reason) -> _Part:
    """Read a part.

    Raises:
        RefusedError: for that reason, with the first field that is wrong.

    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problem = problem_of(error.errors(include_url=False, include_input=False)[0])
        raise RefusedError(reason, f"{problem.field} {problem.reason}".strip()) from error


def number(text: str, field: str, reason: Reason = Reason.INVALID_PAYLOAD) -> int:
    """Read a number as the standard writes it.

    Raises:
        RefusedError: it is none.

    """
    if not _DIGITS.fullmatch(text):
        raise RefusedError(reason, f"{field} must be a whole decimal number, as a string.")
    return int(text)


def with_usual_v(signature: str) -> str:
    """Write 27 or 28 where a wallet gave the parity itself, as some hardware does."""
    parity = {"00": "1b", "01": "1c"}.get(signature[-2:])
    return signature[:-2] + parity if parity and len(signature) == _KEY_SIGNATURE_CHARACTERS else signature
