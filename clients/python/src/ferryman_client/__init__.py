"""Client of a Ferryman relayer: sign a payment, send it once, follow it to its end."""

from ferryman_client.aio import AsyncClient
from ferryman_client.client import Client
from ferryman_client.errors import (
    ApiError,
    ConfigurationError,
    ConflictError,
    ConnectionFailedError,
    DeadlinePassedError,
    FeeTooLowError,
    FerrymanClientError,
    FieldError,
    ForbiddenError,
    InsufficientFundsError,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    TransactionFailedError,
    UnauthorizedError,
    UnavailableError,
    WaitTimeoutError,
    WebhookError,
)
from ferryman_client.models import (
    Attempt,
    Chain,
    Deployment,
    Event,
    Page,
    Quote,
    Record,
    SignedPayment,
    Status,
)
from ferryman_client.signing import PaymentOptions, Signer
from ferryman_client.version import VERSION
from ferryman_client.webhooks import WebhookDelivery, verify_webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "Attempt",
    "Chain",
    "Client",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlinePassedError",
    "Deployment",
    "Event",
    "FeeTooLowError",
    "FerrymanClientError",
    "FieldError",
    "ForbiddenError",
    "InsufficientFundsError",
    "InvalidRequestError",
    "NotFoundError",
    "Page",
    "PaymentOptions",
    "ProtocolError",
    "Quote",
    "RateLimitedError",
    "Record",
    "SignedPayment",
    "Signer",
    "Status",
    "TransactionFailedError",
    "UnauthorizedError",
    "UnavailableError",
    "WaitTimeoutError",
    "WebhookDelivery",
    "WebhookError",
    "verify_webhook",
]

__version__ = VERSION
