"""Values that a row repeats in long hand, as the bytes they stand for: a kilobyte more costs a write twice.

Each begins with a byte that says what it was. Only what comes back as exactly the same text is shortened.
"""

import re
from typing import Any, Final
from uuid import UUID

from ferryman.domain.units import checksummed

_HEX: Final = b"h"
_ADDRESS: Final = b"a"
_DECIMAL: Final = b"d"
_REQUEST: Final = b"u"
_HEX_FORM: Final = re.compile(r"0x(?:[0-9a-f]{2}){32,}")
"""Hashes and signatures."""
_ADDRESS_FORM: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_DECIMAL_FORM: Final = re.compile(r"[1-9][0-9]{11,77}")
_SHORTEST: Final = 12
"""Characters of the shortest of these."""
_REQUEST_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What API Gateway calls a request: a UUID."""


def shortened(value: Any) -> Any:  # noqa: ANN401 (whatever an item holds)
    """Give a text's shorthand; anything else as it is."""
    if not isinstance(value, str) or len(value) < _SHORTEST:
        return value
    if value.startswith("0x"):
        if _HEX_FORM.fullmatch(value):
            return _HEX + bytes.fromhex(value[2:])
        if _ADDRESS_FORM.fullmatch(value) and checksummed(digits := bytes.fromhex(value[2:])) == value:
            return _ADDRESS + digits
    elif _DECIMAL_FORM.fullmatch(value):
        number = int(value)
        return _DECIMAL + number.to_bytes((number.bit_length() + 7) // 8)
    elif _REQUEST_FORM.fullmatch(value):
        return _REQUEST + bytes.fromhex(value.replace("-", ""))
    return value


def in_full(value: Any) -> Any:  # noqa: ANN401 (whatever an item holds)
    """Give the text that a shorthand stands for; anything else as it is."""
    if not isinstance(value, bytes):
        return value
    form, content = value[:1], value[1:]
    if form == _ADDRESS:
        return checksummed(content)
    if form == _DECIMAL:
        return str(int.from_bytes(content))
    if form == _REQUEST:
        return str(UUID(bytes=content))
    return f"0x{content.hex()}"
