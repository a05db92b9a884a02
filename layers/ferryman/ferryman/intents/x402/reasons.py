"""The standard's reasons, and which of them each of our refusals and ends is."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ferryman.domain.errors import (
    AllowanceRequiredError,
    BodyDiffersError,
    ContractMismatchError,
    DeadlinePassedError,
    FactoryNotAllowedError,
    FerrymanError,
    InsufficientFundsError,
    InvalidFieldsError,
    MalformedRequestError,
    NonceUsedError,
    RequestTooLargeError,
    TrialFailedError,
    UnsupportedMediaTypeError,
    WrongSignerError,
)


class Reason(StrEnum):
    """Why a payment is not valid, or was not settled."""

    INVALID_VERSION = "invalid_x402_version"
    INVALID_REQUIREMENTS = "invalid_payment_requirements"
    INVALID_PAYLOAD = "invalid_payload"
    UNSUPPORTED_SCHEME = "unsupported_scheme"
    INVALID_NETWORK = "invalid_network"
    NETWORK_MISMATCH = "network_mismatch"
    MISSING_DOMAIN = "missing_eip712_domain"
    NAME_MISMATCH = "invalid_exact_evm_token_name_mismatch"
    VERSION_MISMATCH = "invalid_exact_evm_token_version_mismatch"
    RECIPIENT_MISMATCH = "invalid_exact_evm_payload_recipient_mismatch"
    VALUE_MISMATCH = "invalid_exact_evm_payload_authorization_value_mismatch"
    VALID_AFTER = "invalid_exact_evm_payload_authorization_valid_after"
    VALID_BEFORE = "invalid_exact_evm_payload_authorization_valid_before"
    SIGNATURE = "invalid_exact_evm_payload_signature"
    NONCE_USED = "invalid_exact_evm_nonce_already_used"
    BALANCE = "invalid_exact_evm_insufficient_balance"
    FUNDS = "insufficient_funds"
    NO_CONTRACT = "asset_not_deployed_contract"
    SIMULATION = "invalid_exact_evm_transaction_simulation_failed"
    TRANSFER_MISMATCH = "invalid_exact_evm_transfer_event_mismatch"
    TRANSACTION_STATE = "invalid_transaction_state"
    PERMIT2_SPENDER = "invalid_permit2_spender"
    PERMIT2_RECIPIENT_MISMATCH = "invalid_permit2_recipient_mismatch"
    PERMIT2_AMOUNT_MISMATCH = "permit2_amount_mismatch"
    PERMIT2_ASSET_MISMATCH = "permit2_token_mismatch"
    PERMIT2_NOT_YET_VALID = "permit2_not_yet_valid"
    PERMIT2_DEADLINE = "permit2_deadline_expired"
    PERMIT2_SIGNATURE = "invalid_permit2_signature"
    PERMIT2_NONCE = "permit2_invalid_nonce"
    PERMIT2_ALLOWANCE = "permit2_allowance_required"
    PERMIT2_BALANCE = "permit2_insufficient_balance"
    PAYLOAD_TYPE = "unsupported_payload_type"
    UPTO_SCHEME = "invalid_upto_evm_scheme"
    UPTO_NETWORK = "invalid_upto_evm_network_mismatch"
    UPTO_FACILITATOR = "upto_facilitator_mismatch"
    UPTO_EXCEEDED = "invalid_upto_evm_payload_settlement_exceeds_amount"
    UPTO_TRANSACTION = "invalid_upto_evm_transaction_failed"
    FACTORY = "eip6492_factory_not_allowed"
    DEPLOYMENT = "smart_wallet_deployment_failed"
    PENDING = "settlement_pending"
    VERIFY_ERROR = "unexpected_verify_error"
    SETTLE_ERROR = "unexpected_settle_error"


class RefusedError(FerrymanError):
    """A payment that the standard has a reason to refuse."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


_BY_FIELD: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "chain_id": Reason.INVALID_NETWORK,
        "asset": Reason.INVALID_REQUIREMENTS,
        "valid_after": Reason.VALID_AFTER,
        "valid_before": Reason.VALID_BEFORE,
        "deadline": Reason.VALID_BEFORE,
        "signature": Reason.SIGNATURE,
    }
)
"""Fields of our own request; any other is the payload's."""
_BY_ERROR: Final[Mapping[type[FerrymanError], Reason]] = MappingProxyType(
    {
        MalformedRequestError: Reason.INVALID_PAYLOAD,
        RequestTooLargeError: Reason.INVALID_PAYLOAD,
        UnsupportedMediaTypeError: Reason.INVALID_PAYLOAD,
        DeadlinePassedError: Reason.VALID_BEFORE,
        WrongSignerError: Reason.SIGNATURE,
        NonceUsedError: Reason.NONCE_USED,
        # The same authorization, offered for another resource: it is sold once.
        BodyDiffersError: Reason.NONCE_USED,
        InsufficientFundsError: Reason.BALANCE,
        AllowanceRequiredError: Reason.PERMIT2_ALLOWANCE,
        FactoryNotAllowedError: Reason.FACTORY,
        ContractMismatchError: Reason.NO_CONTRACT,
    }
)
_BY_END: Final[Mapping[str, Reason]] = MappingProxyType(
    {
        "deadline_passed": Reason.VALID_BEFORE,
        "nonce_used": Reason.NONCE_USED,
        "insufficient_funds": Reason.BALANCE,
        "allowance_required": Reason.PERMIT2_ALLOWANCE,
        "signature_invalid": Reason.SIGNATURE,
        "deployment_failed": Reason.DEPLOYMENT,
        "transfer_mismatch": Reason.TRANSFER_MISMATCH,
        "not_executed": Reason.TRANSFER_MISMATCH,
        "reverted": Reason.TRANSACTION_STATE,
    }
)
"""Reasons of FAILED."""

_OF_PERMIT2: Final[Mapping[Reason, Reason]] = MappingProxyType(
    {
        Reason.VALID_AFTER: Reason.PERMIT2_NOT_YET_VALID,
        Reason.VALID_BEFORE: Reason.PERMIT2_DEADLINE,
        Reason.SIGNATURE: Reason.PERMIT2_SIGNATURE,
        Reason.NONCE_USED: Reason.PERMIT2_NONCE,
    }
)
"""What the standard calls the same of a permit."""


_OF_UPTO: Final[Mapping[Reason, Reason]] = MappingProxyType(
    {
        **_OF_PERMIT2,
        Reason.NETWORK_MISMATCH: Reason.UPTO_NETWORK,
        Reason.BALANCE: Reason.PERMIT2_BALANCE,
        Reason.SIMULATION: Reason.UPTO_TRANSACTION,
        Reason.TRANSACTION_STATE: Reason.UPTO_TRANSACTION,
        Reason.TRANSFER_MISMATCH: Reason.UPTO_TRANSACTION,
    }
)
"""And of one up to a maximum."""


def of_upto(reason: Reason) -> Reason:
    """Say it as the standard does of the scheme `upto`."""
    return _OF_UPTO.get(reason, reason)


def of_permit2(reason: Reason) -> Reason:
    """Say it as the standard does where the payer signed for Permit2."""
    return _OF_PERMIT2.get(reason, reason)


def reason_of(error: FerrymanError, *, otherwise: Reason) -> Reason:
    """Give the standard's reason for a refusal of ours.

    Args:
        error: why it is refused.
        otherwise: what the standard calls trouble of the facilitator's own.

    """
    if isinstance(error, RefusedError):
        return error.reason
    if isinstance(error, TrialFailedError):
        return _BY_END.get(error.reason, Reason.SIMULATION)
    if isinstance(error, InvalidFieldsError):
        fields = (problem.field for problem in error.problems)
        return next((_BY_FIELD[field] for field in fields if field in _BY_FIELD), Reason.INVALID_PAYLOAD)
    return _BY_ERROR.get(type(error), otherwise)


def reason_of_end(reason: str | None) -> Reason:
    """Give the standard's reason for how a transaction failed."""
    return _BY_END.get(reason or "", Reason.SETTLE_ERROR)
