"""Secrets that callers carry: random, and only their SHA-256 is ever kept.

A digest without salt or stretching is enough here: nobody guesses 256 random bits.
"""

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from typing import Final

_SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}")
"""32 bytes in base64url."""
_KEY_ID_BYTES: Final = 12
_API_KEY: Final = re.compile(r"ferryman_([0-9a-f]{24})_([A-Za-z0-9_-]{43})")
_NONCE_CHARACTERS: Final = string.ascii_letters + string.digits
_NONCE_LENGTH: Final = 22
"""131 bits; EIP-4361 asks for at least eight letters and digits."""


def new_secret() -> str:
    """Give a token or ticket: 32 random bytes in base64url."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_nonce() -> str:
    """Give a nonce as EIP-4361 wants it."""
    return "".join(secrets.choice(_NONCE_CHARACTERS) for _ in range(_NONCE_LENGTH))


def digest_of(secret: str) -> str:
    """Give what is kept of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_secret(text: str) -> bool:
    """Whether a text has the form of a token or ticket."""
    return _SECRET.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class ApiKeyText:
    """An API key as its owner carries it: an id to find it by, and a secret.

    Scanners for secrets in sources know it by its prefix.
    """

    key_id: str
    secret: str

    def __str__(self) -> str:
        return f"ferryman_{self.key_id}_{self.secret}"

    @classmethod
    def new(cls) -> "ApiKeyText":
        """Make one."""
        return cls(secrets.token_hex(_KEY_ID_BYTES), new_secret())

    @classmethod
    def parsed(cls, text: str) -> "ApiKeyText | None":
        """Read one that a caller sent; None if it has another form."""
        match = _API_KEY.fullmatch(text)
        return cls(match[1], match[2]) if match else None
