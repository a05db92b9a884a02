"""One tree of errors.

`is_transient` alone decides what happens to the work that met the error: transient work waits
and is tried again, the rest is over. What an error means in HTTP is decided in `adapters/http`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from ferryman.domain.units import Address, BlockNumber, ChainId, TokenUnits, TransactionId, Wei


class FerrymanError(Exception):
    """Anything that goes wrong by our own rules."""

    is_transient: ClassVar[bool] = False


# -- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a request."""

    field: str
    reason: str


class RequestError(FerrymanError):
    """A request we refuse; nothing was stored and no gas was spent on it."""

    code: ClassVar[str]

    def __init__(self, detail: str, *problems: FieldProblem) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problems = problems


class MalformedRequestError(RequestError):
    """The body is not the JSON object it should be."""

    code = "malformed_request"


class RequestTooLargeError(RequestError):
    """The body is larger than any request needs to be."""

    code = "request_too_large"


class UnsupportedMediaTypeError(RequestError):
    """The body is not declared as JSON."""

    code = "unsupported_media_type"


class InvalidFieldsError(RequestError):
    """Fields are missing, unknown, out of range or of the wrong form."""

    code = "invalid_fields"


def chain_not_served(served: Iterable[ChainId]) -> InvalidFieldsError:
    """Refuse a chain, and name those that are served."""
    problem = FieldProblem("chain_id", f"is not served here; served: {', '.join(map(str, served))}")
    return InvalidFieldsError("This deployment does not serve that chain.", problem)


class WrongSignerError(RequestError):
    """The signature is well formed, but not by the account that pays."""

    code = "wrong_signer"


class NotFoundError(RequestError):
    """There is no such record or route."""

    code = "not_found"


class NotAuthenticatedError(RequestError):
    """What the caller carries proves nothing: it is missing, unknown, expired or revoked."""

    code = "not_authenticated"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__("Sign in, or send an API key.", FieldProblem(field, reason))


class SignInRefusedError(RequestError):
    """A sign-in message that is well formed, and proves nothing here and now."""

    code = "sign_in_refused"


class NotAllowedError(RequestError):
    """The caller is known, and may not do this."""

    code = "not_allowed"


class DeadlinePassedError(RequestError):
    """The message can no longer be executed in time."""

    code = "deadline_passed"


class NonceUsedError(RequestError):
    """The signer's nonce belongs to another message, is used on chain, or is being invalidated."""

    code = "nonce_used"


class NonceOutOfOrderError(RequestError):
    """The contract takes nonces in order, and nobody has posted what comes before this one."""

    code = "nonce_out_of_order"


class BodyDiffersError(RequestError):
    """The same message was accepted before, with another signature or priority."""

    code = "body_differs"


class InsufficientFundsError(RequestError):
    """The locked funds that are still free do not cover the payment."""

    code = "insufficient_funds"

    def __init__(self, *, free: TokenUnits, needed: TokenUnits, field: str) -> None:
        super().__init__(
            f"The message takes {needed} token units of its payer, and {free} are free.",
            FieldProblem(field, f"takes {needed} in all, but only {free} are free"),
        )
        self.free = free
        self.needed = needed


class AllowanceRequiredError(RequestError):
    """The payer's token does not let the contract take that much, which is to carry the message out."""

    code = "allowance_required"


class TrialFailedError(RequestError):
    """The chain was asked what the message would do now: its contract refuses it."""

    code = "trial_failed"

    def __init__(self, reason: str, *problems: FieldProblem) -> None:
        super().__init__(f"The contract refuses the message now: {reason}.", *problems)
        self.reason = reason


class TargetNotAllowedError(RequestError):
    """The contract that would make the call does not make such calls."""

    code = "target_not_allowed"


class FactoryNotAllowedError(RequestError):
    """The wallet would be deployed by a factory that the operator does not call (ERC-6492)."""

    code = "factory_not_allowed"


class NotRetriableError(RequestError):
    """The transaction is over for good, or nothing about it can be tried again."""

    code = "not_retriable"


class WalletBusyError(RequestError):
    """A relayer wallet has nonces open, or is in use at this moment."""

    code = "wallet_busy"


class AssuranceUnavailableError(RequestError):
    """The answer depends on the chain, and the chain cannot be read now."""

    code = "chain_unavailable"
    is_transient = True


class ContractMismatchError(RequestError):
    """The contract on chain is not the one this deployment is configured for."""

    code = "contract_mismatch"


# -- the transaction --------------------------------------------------------------------------


class IllegalTransitionError(FerrymanError):
    """A step that the transition table does not have."""

    def __init__(self, status: str | None, step: str) -> None:
        super().__init__(f"no step {step} from {status}")
        self.status = status
        self.step = step


class FeeCapExceededError(FerrymanError):
    """The market asks more per gas than the operator pays; it may fall again."""

    is_transient = True

    def __init__(self, *, asked: Wei, cap: Wei) -> None:
        super().__init__(f"the market asks {asked} wei per gas, the cap is {cap}")
        self.asked = asked
        self.cap = cap


# -- the chain --------------------------------------------------------------------------------


class ChainUnreachableError(FerrymanError):
    """No endpoint of the chain gave an answer."""

    is_transient = True

    def __init__(self, chain_id: ChainId, cause: str) -> None:
        super().__init__(f"chain {chain_id} is unreachable: {cause}")
        self.chain_id = chain_id
        self.cause = cause


class EndpointsParameterError(FerrymanError):
    """A chain's RPC addresses are not stored where they should be, or not as they should be."""

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"parameter {parameter} {problem}")
        self.parameter = parameter
        self.problem = problem


class ChainSettingsError(FerrymanError):
    """A chain's settings are not stored where they should be, or not as they should be."""

    def __init__(self, parameter: str, problem: str) -> None:
        super().__init__(f"parameter {parameter} {problem}")
        self.parameter = parameter
        self.problem = problem


class TooManyLogsError(FerrymanError):
    """An endpoint will not give the logs of so many blocks at once; ask for fewer."""

    is_transient = True

    def __init__(self, *, first: BlockNumber, last: BlockNumber) -> None:
        super().__init__(f"blocks {first} to {last} are too many at once")
        self.first = first
        self.last = last


class ChainMovedError(FerrymanError):
    """Blocks changed places while they were read; look again."""

    is_transient = True


# -- stores and keys --------------------------------------------------------------------------


class StoreUnavailableError(FerrymanError):
    """A table or queue did not take or give what we asked, or may have without telling us."""

    is_transient = True


class NotHealthyError(FerrymanError):
    """Something answers, and not as it should."""

    is_transient = True


class StaleRowError(FerrymanError):
    """Somebody else changed the row since it was read; read it again."""

    is_transient = True


class StaleRowsError(FerrymanError):
    """Some rows of a write changed since they were read; the others may be written without them."""

    is_transient = True

    def __init__(self, transaction_ids: frozenset[TransactionId]) -> None:
        super().__init__(f"{len(transaction_ids)} rows changed since they were read")
        self.transaction_ids = transaction_ids


class TransactionExistsError(FerrymanError):
    """The message was accepted before."""

    def __init__(self, transaction_id: TransactionId) -> None:
        super().__init__(f"{transaction_id} is stored already")
        self.transaction_id = transaction_id


class NonceTakenError(FerrymanError):
    """The signer's nonce is held by another accepted message."""

    def __init__(self, transaction_id: TransactionId) -> None:
        super().__init__(f"the nonce is held by {transaction_id}")
        self.transaction_id = transaction_id


class LedgerRefusedError(FerrymanError):
    """The reservation would exceed the room the caller read."""

    def __init__(self, *, reserved: TokenUnits, settled_block: BlockNumber) -> None:
        super().__init__(f"{reserved} token units are reserved already")
        self.reserved = reserved
        self.settled_block = settled_block


class LedgerMovedError(FerrymanError):
    """A payment settled after the block the caller read; read the chain again."""

    is_transient = True

    def __init__(self, *, settled_block: BlockNumber) -> None:
        super().__init__(f"the ledger is settled up to block {settled_block}")
        self.settled_block = settled_block


class SignerUnavailableError(FerrymanError):
    """The key service did not sign."""

    is_transient = True


class SignatureMismatchError(FerrymanError):
    """The key service signed with another key than the wallet's."""

    def __init__(self, wallet: Address) -> None:
        super().__init__(f"the signature does not recover to wallet {wallet}")
        self.wallet = wallet


class SubscriberGoneError(FerrymanError):
    """The WebSocket connection no longer exists."""
