"""Sign-in messages by the library of the standard's authors.

The library brings web3, which takes a second to import. So it is loaded by the first sign-in of a process,
and tickets and sign-outs never wait for it. It is in signin's own folder, and not in the shared layer.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError, SignInRefusedError
from ferryman.domain.sign_in import SignInMessage, SignInTerms, domain_of
from ferryman.domain.units import Address, ChainId, Instant, checked_address, rfc3339

if TYPE_CHECKING:
    from siwe import SiweMessage

_STATEMENT: Final = "Sign in to Ferryman."


class SiweMessages:
    """The SignInMessages port."""

    def write(self, terms: SignInTerms) -> str:
        """Write a message to be signed."""
        from siwe import SiweMessage  # noqa: PLC0415 (heavy; see above)

        message = SiweMessage(
            domain=domain_of(terms.origin),
            address=terms.address,
            statement=_STATEMENT,
            uri=terms.origin,
            version="1",
            chain_id=terms.chain_id,
            nonce=terms.nonce,
            issued_at=rfc3339(terms.issued_at),
            expiration_time=rfc3339(terms.expires_at),
        )
        return str(message.prepare_message())

    def read(self, text: str) -> SignInMessage:
        """Parse a message by the grammar of the standard."""
        message = _parsed(text)
        return SignInMessage(
            text=text,
            scheme=message.scheme,
            domain=message.domain,
            uri=str(message.uri),
            address=_address(message.address),
            chain_id=ChainId(message.chain_id),
            nonce=message.nonce,
        )

    def check(self, message: SignInMessage, signature: str, *, origin: str, now: Instant) -> None:
        """Check that the account wrote it, and that it holds now."""
        from siwe import (  # noqa: PLC0415 (heavy; see above)
            ExpiredMessage,
            InvalidSignature,
            NotYetValidMessage,
            VerificationError,
        )

        problems: dict[type[Exception], FieldProblem] = {
            ExpiredMessage: FieldProblem("expiration_time", "has passed; ask for a new challenge"),
            NotYetValidMessage: FieldProblem("not_before", "is still to come"),
            InvalidSignature: FieldProblem("signature", f"is not of {message.address} for this message"),
        }
        try:
            _parsed(message.text).verify(
                signature,
                domain=domain_of(origin),
                uri=origin,
                chain_id=message.chain_id,
                nonce=message.nonce,
                timestamp=datetime.fromtimestamp(now / 1000, tz=UTC),
                strict=True,
            )
        except VerificationError as error:
            problem = problems.get(type(error), FieldProblem("message", "does not hold"))
            raise SignInRefusedError("The sign-in was refused.", problem) from error


def _parsed(text: str) -> "SiweMessage":
    from siwe import SiweMessage  # noqa: PLC0415 (heavy; see above)

    try:
        message = SiweMessage.from_message(text)
    except (ValueError, RecursionError) as error:
        raise _malformed("is not an EIP-4361 message") from error
    # What was signed is what the parts say: no second reading of the same bytes.
    if message.prepare_message() != text:
        raise _malformed("is not an EIP-4361 message in its one written form")
    return message


def _address(text: str) -> Address:
    try:
        return checked_address(text)
    except ValueError as error:
        raise _malformed(f"names an address that {error}") from error


def _malformed(reason: str) -> InvalidFieldsError:
    return InvalidFieldsError("Some fields are not as they should be.", FieldProblem("message", reason))
