"""Types of values that operators write in the configuration."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ferryman.domain.units import MONEY_LIMIT, Address, TokenUnits, checked_address

ConfiguredAddress = Annotated[Address, AfterValidator(checked_address)]
"""0x and 40 hex digits: lower case, or with a right checksum."""

ConfiguredUnits = Annotated[TokenUnits, Field(ge=0, lt=MONEY_LIMIT)]
"""Units of a token, a whole number."""
