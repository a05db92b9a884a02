"""Field types that kinds share, and the one way a pydantic error becomes ours."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic_core import ErrorDetails

from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.units import MONEY_LIMIT, UINT256_MAX, checked_address, hex_bytes

_LONGEST_UINT256: Final = len(str(UINT256_MAX))
_LARGEST_NUMBER: Final = 2**53 - 1
"""The largest that JavaScript has."""
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_LONGEST_SIGNATURE: Final = 2 + 2 * 4096
_WORD_BYTES: Final = 32
SELECTOR_BYTES: Final = 4
MOST_CALLDATA_BYTES: Final = 4_096
_SHOWN: Final = 60


def _uint256(text: str) -> str:
    if int(text) > UINT256_MAX:
        msg = "must fit 256 bits"
        raise ValueError(msg)
    return text


def _money(text: str) -> str:
    if int(text) >= MONEY_LIMIT:
        msg = "must be below 10^36"
        raise ValueError(msg)
    return text


def _positive(text: str) -> str:
    if text == "0":
        msg = "must be more than 0"
        raise ValueError(msg)
    return text


def _signature(text: str) -> str:
    hex_bytes(text)
    return text.lower()


def _calldata(text: str) -> str:
    if len(hex_bytes(text)) < SELECTOR_BYTES:
        msg = "must begin with the four bytes of a function's selector"
        raise ValueError(msg)
    return text.lower()


def _as_text(value: Any) -> Any:  # noqa: ANN401 (whatever was sent)
    return str(value) if type(value) is int else value


def _as_number(value: Any) -> Any:  # noqa: ANN401 (whatever was sent)
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _in_either_form(lowest: int) -> BeforeValidator:
    """Take a number as a string of digits as well: so it stands in the typed data that quotes give."""
    number = Annotated[int, Field(ge=lowest, le=_LARGEST_NUMBER)]
    digits = Annotated[str, StringConstraints(pattern=rf"^({_NUMBER.pattern})$")]
    return BeforeValidator(_as_number, json_schema_input_type=number | digits)


def _bytes32(text: str) -> str:
    if len(hex_bytes(text)) != _WORD_BYTES:
        msg = "must be 0x followed by 64 hex digits"
        raise ValueError(msg)
    return text.lower()


AddressField = Annotated[str, AfterValidator(checked_address)]
"""0x and 40 hex digits: lower case, or with a right checksum."""

_DECIMAL: Final = r"^(0|[1-9][0-9]*)$"

Uint256Field = Annotated[
    str, StringConstraints(pattern=_DECIMAL, max_length=_LONGEST_UINT256), AfterValidator(_uint256)
]
"""A whole number in decimal, as a string."""

MoneyField = Annotated[
    str, StringConstraints(pattern=_DECIMAL, max_length=_LONGEST_UINT256), AfterValidator(_money)
]
"""Token units in decimal, as a string, below 10^36."""

PositiveMoneyField = Annotated[MoneyField, AfterValidator(_positive)]
"""The same, and more than 0."""

SignatureField = Annotated[
    str, StringConstraints(min_length=4, max_length=_LONGEST_SIGNATURE), AfterValidator(_signature)
]
"""Hex bytes: 65 (r, s, v) from a key; contract wallets may send others, up to 4096."""

Bytes32Field = Annotated[str, AfterValidator(_bytes32)]
"""0x and 64 hex digits."""

CalldataField = Annotated[
    str, StringConstraints(max_length=2 + 2 * MOST_CALLDATA_BYTES), AfterValidator(_calldata)
]
"""Hex bytes of a call: a selector and its arguments."""

AsText: Final = BeforeValidator(
    _as_text,
    json_schema_input_type=Annotated[int, Field(ge=0)] | Annotated[str, StringConstraints(pattern=_DECIMAL)],
)
"""Takes a number that JavaScript does not send as a string."""

ChainIdField = Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]
DeadlineField = Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]
"""Unix time in seconds."""
ProposedDeadlineField = Annotated[DeadlineField, _in_either_form(0)]
"""The same, of a kind whose typed data we propose: also as a string, as it is written there."""
ProposedGasField = Annotated[int, Field(ge=1, le=_LARGEST_NUMBER), _in_either_form(1)]
"""Gas that a call gets, in either form too."""


def checked_payee(payee: str, payer: object) -> str:
    """Refuse a payee who moves nothing; `payer` is None if it was not understood.

    Raises:
        ValueError: it is the zero address, or the payer.

    """
    if int(payee, 16) == 0:
        msg = "must not be the zero address"
        raise ValueError(msg)
    if payee == payer:
        msg = "must not be the payer"
        raise ValueError(msg)
    return payee


class RequestModel(BaseModel):
    """A request body: strict types, no unknown fields."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", populate_by_name=False)


_Model = TypeVar("_Model", bound=RequestModel)

_REASONS: Final[Mapping[str, str]] = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "string_pattern_mismatch": "must be a whole decimal number: no sign, point, exponent or leading zero",
}
"""pydantic's error types in our words; the others say it well themselves."""

_SHOULD: Final = re.compile(r"^\w+ should ")
"""How they begin: the field is named beside what they say."""


def validated(model: type[_Model], body: object) -> _Model:
    """Parse a request body.

    Raises:
        InvalidFieldsError: with one problem for each field that is wrong.

    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = [problem_of(details) for details in error.errors(include_url=False)]
        raise InvalidFieldsError("Some fields are not as they should be.", *problems) from error


def problem_of(details: ErrorDetails) -> FieldProblem:
    """Name the field and the reason, never the value: it may be a signature."""
    field = ".".join(str(part) for part in details["loc"])
    said = _SHOULD.sub("must ", details["msg"].removeprefix("Value error, "))
    reason = _REASONS.get(details["type"], said)
    if (expected := details.get("ctx", {}).get("expected")) is not None:
        reason = f"must be {expected}"
    return FieldProblem(field[:_SHOWN], reason[0].lower() + reason[1:])
