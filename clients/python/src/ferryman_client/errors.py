"""Everything that can go wrong, as one tree.

FerrymanClientError
├── ApiError                    the deployment answered with a problem; `code` says which
│   ├── InvalidRequestError     400, 413, 415, 422: `errors` name the fields
│   ├── UnauthorizedError       401: wrong signer, or not signed in
│   ├── InsufficientFundsError  402: `free` and `needed`, in token units
│   ├── FeeTooLowError          402: `floor`, in token units
│   ├── ForbiddenError          403
│   ├── NotFoundError           404
│   ├── ConflictError           409: the nonce is taken, or the same message differs
│   ├── DeadlinePassedError     410
│   ├── RateLimitedError        429, after patient retries
│   └── UnavailableError        5xx, after patient retries
├── ConnectionFailedError       no answer, after patient retries
├── ProtocolError               an answer that the API never gives: is this a Ferryman?
├── TransactionFailedError      waited for, and FAILED
├── WaitTimeoutError            waited for in vain; the transaction goes on
├── ConfigurationError          the client was not told what the call needs
└── WebhookError                a delivery that is not to be trusted
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ferryman_client.models import Record


class FerrymanClientError(Exception):
    """Anything this package raises on purpose."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    reason: str


class ApiError(FerrymanClientError):
    """The deployment refused the request with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        """HTTP status; 0 of an error that came over the WebSocket."""
        self.code = str(problem.get("code", "unknown"))
        """Machine-readable; the table is in Ferryman's docs/api.md."""
        self.detail = str(problem.get("detail") or problem.get("title") or "")
        """For people."""
        self.errors = _field_errors(problem.get("errors"))
        self.problem = dict(problem)
        """The whole answer, extension members included."""
        fields = "; ".join(f"{one.field} {one.reason}" for one in self.errors)
        super().__init__(f"{status} {self.code}: {self.detail}" + (f" ({fields})" if fields else ""))


class InvalidRequestError(ApiError):
    """The request is not as it should be."""


class UnauthorizedError(ApiError):
    """The signature is not the payer's, or the caller is not signed in."""


class InsufficientFundsError(ApiError):
    """The locked funds that are still free do not cover the payment."""

    @property
    def free(self) -> int:
        """Token units that are locked and not reserved."""
        return int(self.problem.get("free", 0))

    @property
    def needed(self) -> int:
        """Amount and fee, in token units."""
        return int(self.problem.get("needed", 0))


class FeeTooLowError(ApiError):
    """The signed fee is below what the deployment takes now: ask for a quote, and sign again."""

    @property
    def floor(self) -> int:
        """The least fee that is taken now, in token units."""
        return int(self.problem.get("floor", 0))


class ForbiddenError(ApiError):
    """The caller may not do this, or there is no such route."""


class NotFoundError(ApiError):
    """There is no such record."""


class ConflictError(ApiError):
    """The nonce belongs to another message, or the message was sent before with something else beside it."""


class DeadlinePassedError(ApiError):
    """The message can no longer be executed in time: sign a new one."""


class RateLimitedError(ApiError):
    """Too many requests, also after waiting as long as the client may."""


class UnavailableError(ApiError):
    """The deployment cannot serve the request now, also after waiting as long as the client may."""


class ConnectionFailedError(FerrymanClientError):
    """No answer came. A payment may or may not have been accepted: sending the same one again is safe."""


class ProtocolError(FerrymanClientError):
    """An answer that Ferryman's API never gives."""


class ConfigurationError(FerrymanClientError):
    """The client was not told something that the call needs, such as a signer."""


class TransactionFailedError(FerrymanClientError):
    """The transaction that was waited for is FAILED; `record.reason` says why."""

    def __init__(self, record: "Record") -> None:
        super().__init__(f"{record.transaction_id} failed: {record.reason}")
        self.record = record


class WaitTimeoutError(FerrymanClientError):
    """The status that was waited for did not come in time; the transaction goes on all the same."""

    def __init__(self, transaction_id: str, status: str, seconds: float) -> None:
        super().__init__(f"{transaction_id} was not {status} within {seconds} seconds")
        self.transaction_id = transaction_id


class WebhookError(FerrymanClientError):
    """A delivery that is not from this webhook's Ferryman, or is too old to be believed."""


_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    400: InvalidRequestError,
    401: UnauthorizedError,
    402: InsufficientFundsError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: DeadlinePassedError,
    413: InvalidRequestError,
    415: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitedError,
}
_SERVER_ERRORS: Final = 500
_PAYMENT_REQUIRED: Final = 402


def api_error(status: int, problem: Mapping[str, Any]) -> ApiError:
    """Give the error of a status."""
    if status >= _SERVER_ERRORS:
        return UnavailableError(status, problem)
    if status == _PAYMENT_REQUIRED and "floor" in problem:
        return FeeTooLowError(status, problem)
    return _BY_STATUS.get(status, ApiError)(status, problem)


def _field_errors(errors: object) -> tuple[FieldError, ...]:
    if not isinstance(errors, list):
        return ()
    named = (one for one in errors if isinstance(one, dict))
    return tuple(FieldError(str(one.get("field", "")), str(one.get("reason", ""))) for one in named)
