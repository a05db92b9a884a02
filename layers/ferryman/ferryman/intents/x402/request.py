"""What a seller asks: a payment that its client signed, and what the seller requires of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AliasPath, Field

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import ChainId, Seconds
from ferryman.intents.kind import SERVICE_PATH
from ferryman.intents.x402 import eip3009, permit2, upto
from ferryman.intents.x402.forms import SHOWN, Form, Requirements, Text, number, read
from ferryman.intents.x402.networks import chain_id_of
from ferryman.intents.x402.reasons import Reason, RefusedError

VERSIONS: Final = (1, 2)
_PERMIT2_PAYLOAD: Final = "permit2Authorization"


class Scheme(StrEnum):
    """How much is taken of what is signed for."""

    EXACT = "exact"
    """All of it."""
    UPTO = "upto"
    """As much as the seller says when it is settled; only in version 2, and by Permit2."""


SCHEMES: Final = frozenset(Scheme)
"""What is settled for sellers whom the operator knows."""
OPEN_SCHEMES: Final = SCHEMES - {Scheme.UPTO}
"""What is settled for whoever asks: the payer has signed all that is said."""


class Phase(StrEnum):
    """What a seller asks for."""

    VERIFY = "verify"
    SETTLE = "settle"


class Method(StrEnum):
    """How the asset is transferred: by whose contract, and so by what is signed."""

    EIP3009 = "eip3009"
    PERMIT2 = "permit2"


_BodyOf = Callable[[Mapping[str, Any], Requirements, ChainSettings], dict[str, object]]
_BY_METHOD: Final[Mapping[Method, tuple[str, _BodyOf]]] = MappingProxyType(
    {
        Method.EIP3009: (eip3009.KIND, eip3009.body_of),
        Method.PERMIT2: (permit2.KIND, permit2.body_of),
    }
)
"""The kind of intent that carries it out, and how its request is written."""
_UPTO: Final[Mapping[Phase, tuple[str, _BodyOf]]] = MappingProxyType(
    {
        Phase.VERIFY: (upto.KIND, upto.body_to_verify),
        Phase.SETTLE: (upto.KIND, upto.body_to_settle),
    }
)
"""The same of the other scheme."""


class _OldRequirements(Requirements):
    amount: Annotated[Text, Field(alias="maxAmountRequired")]
    resource: Text

    @property
    def named(self) -> str | None:
        """The resource."""
        return self.resource


class _Resource(Form):
    url: Text


class _OldPayload(Form):
    """Version 1's."""

    scheme: Text
    network: Text
    payload: dict[str, Any]

    @property
    def named(self) -> str | None:
        """The resource, if the client repeats its name."""
        return None


class _Payload(_OldPayload):
    """Version 2's: it repeats what was chosen, and names the resource."""

    scheme: Annotated[Text, Field(validation_alias=AliasPath("accepted", "scheme"))]
    network: Annotated[Text, Field(validation_alias=AliasPath("accepted", "network"))]
    resource: _Resource | None = None

    @property
    def named(self) -> str | None:
        """The resource, as the client repeats the seller's words."""
        return self.resource.url if self.resource else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A payment in our own terms."""

    kind: str
    """Of the intent that carries it out."""
    chain_id: ChainId
    network: str
    """As the seller called it."""
    amount: str
    """Units that the payee gets, as the seller says."""
    is_nothing: bool
    """Whether the seller took nothing, so that nothing is settled; `body` then is of a single unit."""
    body: Mapping[str, object]
    """That intent's request."""
    max_timeout_seconds: Seconds
    """How long the seller lets a payment take."""


def settles(chain: ChainSettings) -> bool:
    """Whether anything is settled on a chain, by whatever method."""
    return bool(chain.authorized_tokens or chain.permit2)


def scheme_of(body: object) -> Scheme | None:
    """Tell by which scheme a seller is to be paid, as far as that can be read; None: by no known one."""
    requirements = body.get("paymentRequirements") if isinstance(body, dict) else None
    scheme = requirements.get("scheme") if isinstance(requirements, dict) else None
    return Scheme(scheme) if isinstance(scheme, str) and scheme in tuple(Scheme) else None


def payer_of(body: object) -> str | None:
    """Give who is said to pay, as far as that can be read at all."""
    signed = _signed_part(body)
    name = _PERMIT2_PAYLOAD if method_of(body) is Method.PERMIT2 else "authorization"
    authorization = signed.get(name)
    payer = authorization.get("from") if isinstance(authorization, dict) else None
    return payer if isinstance(payer, str) and len(payer) <= SHOWN else None


def method_of(body: object) -> Method:
    """Tell how the payer signed, as far as that can be read at all."""
    return Method.PERMIT2 if _PERMIT2_PAYLOAD in _signed_part(body) else Method.EIP3009


def network_asked(body: object) -> str:
    """Give the network that is asked for, as far as that can be read at all."""
    requirements = body.get("paymentRequirements") if isinstance(body, dict) else None
    network = requirements.get("network") if isinstance(requirements, dict) else None
    return network if isinstance(network, str) and len(network) <= SHOWN else ""


def parsed(
    body: object,
    chains: Mapping[ChainId, ChainSettings],
    phase: Phase,
    schemes: frozenset[Scheme] = OPEN_SCHEMES,
) -> Asked:
    """Read the body of `POST /verify` or `POST /settle`, and compare what was signed with what is required.

    Args:
        body: of the request.
        chains: what is served.
        phase: which of the two it is.
        schemes: what is settled for whoever asks.

    Raises:
        RefusedError: it is malformed, of another scheme or network, or not what is required.

    """
    given = body if isinstance(body, dict) else {}
    version = given.get("x402Version")
    if type(version) is not int or version not in VERSIONS:
        raise RefusedError(Reason.INVALID_VERSION, "x402Version must be 1 or 2.")
    is_old = version == 1
    required = _part("paymentRequirements", given, Reason.INVALID_REQUIREMENTS)
    offered = _part("paymentPayload", given, Reason.INVALID_PAYLOAD)
    _check_version(offered, version)
    requirements = read(_OldRequirements if is_old else Requirements, required, Reason.INVALID_REQUIREMENTS)
    payload = read(_OldPayload if is_old else _Payload, offered, Reason.INVALID_PAYLOAD)
    _check_scheme(requirements.scheme, schemes)
    chain = _chain_of(requirements, payload, chains)
    method = _method_of(requirements, payload.payload, is_old=is_old)
    is_upto = requirements.scheme == Scheme.UPTO
    kind, body_of = _UPTO[phase] if is_upto else _BY_METHOD[method]
    resource = requirements.named or payload.named
    signed = body_of(payload.payload, requirements, chain)
    amount = number(requirements.amount, "amount", Reason.INVALID_REQUIREMENTS)
    return Asked(
        kind=kind,
        chain_id=chain.chain_id,
        network=requirements.network,
        amount=str(amount),
        is_nothing=is_upto and amount == 0,
        body=signed | ({"resource": resource} if resource else {}),
        max_timeout_seconds=Seconds(requirements.max_timeout_seconds),
    )


def _signed_part(body: object) -> Mapping[str, Any]:
    """Give what the payer signed, or nothing."""
    payment = body.get("paymentPayload") if isinstance(body, dict) else None
    signed = payment.get("payload") if isinstance(payment, dict) else None
    return signed if isinstance(signed, dict) else {}


def _part(name: str, body: Mapping[str, Any], reason: Reason) -> Mapping[str, Any]:
    part = body.get(name)
    if not isinstance(part, dict):
        raise RefusedError(reason, f"{name} {'is required' if part is None else 'must be a JSON object'}.")
    return part


def _check_version(offered: Mapping[str, Any], version: int) -> None:
    said = offered.get("x402Version", version)
    if type(said) is not int or said != version:
        raise RefusedError(Reason.INVALID_VERSION, "The payload is of another x402Version.")


def _check_scheme(scheme: str, schemes: frozenset[Scheme]) -> None:
    if scheme not in tuple(Scheme):
        taken = [one for one in Scheme if one in schemes]
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, f"The scheme must be {' or '.join(taken)}.")
    if scheme not in schemes:
        message = f"The scheme {scheme} is settled for sellers with an API key only, below {SERVICE_PATH}."
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, message)


def _chain_of(
    requirements: Requirements, payload: _OldPayload, chains: Mapping[ChainId, ChainSettings]
) -> ChainSettings:
    if payload.scheme != requirements.scheme:
        is_upto = requirements.scheme == Scheme.UPTO
        reason = Reason.UPTO_SCHEME if is_upto else Reason.UNSUPPORTED_SCHEME
        raise RefusedError(reason, "The payload is of another scheme.")
    if payload.network != requirements.network:
        raise RefusedError(Reason.NETWORK_MISMATCH, "The payload is for another network.")
    chain_id = chain_id_of(requirements.network)
    chain = chains.get(chain_id) if chain_id is not None else None
    if chain is None or not settles(chain):
        raise RefusedError(Reason.INVALID_NETWORK, "Nothing is settled on that network here.")
    return chain


def _method_of(requirements: Requirements, payload: Mapping[str, Any], *, is_old: bool) -> Method:
    """Take the seller's word for it; where the seller leaves it open, what the payer signed."""
    is_upto = requirements.scheme == Scheme.UPTO
    served: tuple[Method, ...] = (Method.PERMIT2,) if is_upto else tuple(Method)
    chosen = Method.PERMIT2 if is_upto or _PERMIT2_PAYLOAD in payload else Method.EIP3009
    required = requirements.told.get("assetTransferMethod", chosen.value)
    if required not in served:
        message = f"assetTransferMethod must be one of {', '.join(served)}."
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, message)
    if is_old and required != Method.EIP3009:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, "Version 1 has no Permit2; sign by EIP-3009.")
    return Method(required)
