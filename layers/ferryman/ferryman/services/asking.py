"""Query parameters of the read side, as strictly parsed as any request."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, ChainId
from ferryman.services.reading import DEFAULT_PAGE, LARGEST_PAGE, ListRequest, position_of
from ferryman.services.topics import parsed_address

_LARGEST_SEQUENCE = 2**31 - 1
_LARGEST_CHAIN_ID = 2**53 - 1
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class NonceRequest:
    """Whose next nonce is asked for."""

    kind: str
    signer: Address
    chain_id: ChainId | None
    """None: of the only chain that has the kind's contract."""


def list_request(parameters: Mapping[str, str]) -> ListRequest:
    """Read the parameters of a list.

    Raises:
        InvalidFieldsError: one is missing, unknown or of the wrong form.

    """
    refuse_unknown_parameters(parameters, {"sender", "status", "limit", "cursor"})
    if "sender" not in parameters:
        raise InvalidFieldsError("A list is of one sender.", FieldProblem("sender", "is required"))
    sender = parsed_address("sender", parameters["sender"])
    cursor = parameters.get("cursor")
    return ListRequest(
        sender=sender,
        status=_status(parameters.get("status")),
        limit=number_parameter("limit", parameters.get("limit", str(DEFAULT_PAGE)), 1, LARGEST_PAGE),
        after=None if cursor is None else position_of(cursor, sender),
    )


def after_sequence(parameters: Mapping[str, str]) -> int:
    """Read the parameters of an event list: the sequence number it begins after.

    Raises:
        InvalidFieldsError: one is unknown or of the wrong form.

    """
    refuse_unknown_parameters(parameters, {"after"})
    return number_parameter("after", parameters.get("after", "0"), 0, _LARGEST_SEQUENCE)


def nonce_request(user: str, parameters: Mapping[str, str], kinds: Sequence[str]) -> NonceRequest:
    """Read a question for a nonce.

    Args:
        user: an address, as the path has it.
        parameters: of the query: `chain_id` and `kind`.
        kinds: that have such nonces; the first one is meant where none is named.

    Raises:
        InvalidFieldsError: one is unknown or of the wrong form.

    """
    refuse_unknown_parameters(parameters, {"chain_id", "kind"})
    signer, kind = parsed_address("user", user), parameters.get("kind", kinds[0])
    if kind not in kinds:
        problem = FieldProblem("kind", f"must be one of: {', '.join(kinds)}")
        raise InvalidFieldsError("That is no kind whose nonces are told.", problem)
    chain_id = None
    if "chain_id" in parameters:
        chain_id = ChainId(number_parameter("chain_id", parameters["chain_id"], 1, _LARGEST_CHAIN_ID))
    return NonceRequest(kind=kind, signer=signer, chain_id=chain_id)


def refuse_unknown_parameters(parameters: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse what the request does not know.

    Raises:
        InvalidFieldsError: it names each.

    """
    if unknown := sorted(parameters.keys() - set(known)):
        problems = (FieldProblem(name[:_SHOWN], "is not a parameter of this request") for name in unknown)
        raise InvalidFieldsError("Some parameters are unknown.", *problems)


def _status(text: str | None) -> Status | None:
    if text is None:
        return None
    if text not in set(Status):
        reason = f"must be one of {', '.join(Status)}"
        raise InvalidFieldsError("That is not a status.", FieldProblem("status", reason))
    return Status(text)


def number_parameter(name: str, text: str, lowest: int, highest: int) -> int:
    """Read a whole number within bounds, both included.

    Raises:
        InvalidFieldsError: it is none.

    """
    digits = len(str(highest))
    if text.isascii() and text.isdigit() and len(text) <= digits and lowest <= int(text) <= highest:
        return int(text)
    reason = f"must be a whole number from {lowest} to {highest}"
    raise InvalidFieldsError(f"{name} is out of range.", FieldProblem(name, reason))
