"""What a seller asks: a payment that its client signed, and what the seller requires of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import AliasPath, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from ferryman.domain.chain import ChainSettings, TokenDomain
from ferryman.domain.units import Address, ChainId, Seconds
from ferryman.intents.x402.networks import chain_id_of
from ferryman.intents.x402.reasons import Reason, RefusedError

SCHEME: Final = "exact"
KIND: Final = "settlement"
"""The kind of intent that carries it out."""
VERSIONS: Final = (1, 2)
_METHOD: Final = "eip3009"
_DIGITS: Final = re.compile(r"[0-9]{1,78}")
_KEY_SIGNATURE_CHARACTERS: Final = 2 + 2 * 65
_SHOWN: Final = 60


class _Model(BaseModel):
    """A part of the standard's JSON; what else is in it is for others."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


_Part = TypeVar("_Part", bound=_Model)
_Text = Annotated[str, StringConstraints(max_length=2_000)]
_AddressText = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{40}$")]
_Seconds = Annotated[int, Field(ge=0, le=2**53 - 1)]


class _Requirements(_Model):
    """Version 2's; version 1 says two things by other names."""

    scheme: _Text
    network: _Text
    asset: _AddressText
    amount: _Text
    pay_to: Annotated[_AddressText, Field(alias="payTo")]
    max_timeout_seconds: Annotated[_Seconds, Field(alias="maxTimeoutSeconds")]
    extra: dict[str, Any] | None = None

    @property
    def named(self) -> str | None:
        """The resource, if the seller names it here."""
        return None


class _OldRequirements(_Requirements):
    amount: Annotated[_Text, Field(alias="maxAmountRequired")]
    resource: _Text

    @property
    def named(self) -> str | None:
        """The resource."""
        return self.resource


class _Authorization(_Model):
    payer: Annotated[_AddressText, Field(alias="from")]
    payee: Annotated[_AddressText, Field(alias="to")]
    value: _Text
    valid_after: Annotated[_Text, Field(alias="validAfter")]
    valid_before: Annotated[_Text, Field(alias="validBefore")]
    nonce: Annotated[str, StringConstraints(pattern=r"^0x[0-9a-fA-F]{64}$")]


class _Signed(_Model):
    signature: Annotated[str, StringConstraints(max_length=2 + 2 * 4_096)]
    authorization: _Authorization


class _Resource(_Model):
    url: _Text


class _OldPayload(_Model):
    """Version 1's."""

    scheme: _Text
    network: _Text
    payload: dict[str, Any]

    @property
    def named(self) -> str | None:
        """The resource, if the client repeats its name."""
        return None


class _Payload(_OldPayload):
    """Version 2's: it repeats what was chosen, and names the resource."""

    scheme: Annotated[_Text, Field(validation_alias=AliasPath("accepted", "scheme"))]
    network: Annotated[_Text, Field(validation_alias=AliasPath("accepted", "network"))]
    resource: _Resource | None = None

    @property
    def named(self) -> str | None:
        """The resource, as the client repeats the seller's words."""
        return self.resource.url if self.resource else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A payment in our own terms."""

    chain_id: ChainId
    network: str
    """As the seller called it."""
    body: Mapping[str, object]
    """Of the intent that carries it out."""
    max_timeout_seconds: Seconds
    """How long the seller lets a payment take."""


def payer_of(body: object) -> str | None:
    """Give who is said to pay, as far as that can be read at all."""
    found: object = body
    for name in ("paymentPayload", "payload", "authorization", "from"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) and len(found) <= _SHOWN else None


def network_asked(body: object) -> str:
    """Give the network that is asked for, as far as that can be read at all."""
    requirements = body.get("paymentRequirements") if isinstance(body, dict) else None
    network = requirements.get("network") if isinstance(requirements, dict) else None
    return network if isinstance(network, str) and len(network) <= _SHOWN else ""


def parsed(body: object, chains: Mapping[ChainId, ChainSettings]) -> Asked:
    """Read the body of `POST /verify` and `POST /settle`, and compare what was signed with what is required.

    Raises:
        RefusedError: it is malformed, of another scheme or network, or not what is required.

    """
    given = body if isinstance(body, dict) else {}
    version = given.get("x402Version")
    if type(version) is not int or version not in VERSIONS:
        raise RefusedError(Reason.INVALID_VERSION, "x402Version must be 1 or 2.")
    is_old, required, offered = version == 1, given.get("paymentRequirements"), given.get("paymentPayload")
    _check_version(offered, version)
    requirements = _read(_OldRequirements if is_old else _Requirements, required, Reason.INVALID_REQUIREMENTS)
    payload = _read(_OldPayload if is_old else _Payload, offered, Reason.INVALID_PAYLOAD)
    chain = _chain_of(requirements, payload, chains)
    _check_domain(requirements, _domain_of(requirements, chain))
    signed = _signed(payload.payload)
    resource = requirements.named or payload.named
    _compare(signed.authorization, requirements)
    return Asked(
        chain_id=chain.chain_id,
        network=requirements.network,
        body=_body(chain.chain_id, requirements, signed, resource),
        max_timeout_seconds=Seconds(requirements.max_timeout_seconds),
    )


def _check_version(offered: object, version: object) -> None:
    said = offered.get("x402Version", version) if isinstance(offered, dict) else version
    if type(said) is not int or said != version:
        raise RefusedError(Reason.INVALID_VERSION, "The payload is of another x402Version.")


def _read(model: type[_Part], value: object, reason: Reason) -> _Part:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:_SHOWN]
        raise RefusedError(reason, f"{field}: {first['msg']}") from error


def _chain_of(
    requirements: _Requirements, payload: _OldPayload, chains: Mapping[ChainId, ChainSettings]
) -> ChainSettings:
    if {requirements.scheme, payload.scheme} != {SCHEME}:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, f"The scheme must be {SCHEME}.")
    if payload.network != requirements.network:
        raise RefusedError(Reason.NETWORK_MISMATCH, "The payload is for another network.")
    chain_id = chain_id_of(requirements.network)
    chain = chains.get(chain_id) if chain_id is not None else None
    if chain is None or not chain.authorized_tokens:
        raise RefusedError(Reason.INVALID_NETWORK, "Nothing is settled on that network here.")
    return chain


def _domain_of(requirements: _Requirements, chain: ChainSettings) -> TokenDomain:
    assets = {address.lower(): domain for address, domain in chain.authorized_tokens.items()}
    domain = assets.get(requirements.asset.lower())
    if domain is None:
        settled = ", ".join(chain.authorized_tokens)
        raise RefusedError(Reason.INVALID_REQUIREMENTS, f"That asset is not settled; settled: {settled}.")
    return domain


def _check_domain(requirements: _Requirements, domain: TokenDomain) -> None:
    """Compare the domain that the seller told its clients with ours, which is the token's."""
    extra = requirements.extra or {}
    if extra.get("assetTransferMethod", _METHOD) != _METHOD:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, f"assetTransferMethod must be {_METHOD}.")
    if "name" not in extra or "version" not in extra:
        raise RefusedError(Reason.MISSING_DOMAIN, "extra must have the token's name and version.")
    if extra["name"] != domain.name:
        raise RefusedError(Reason.NAME_MISMATCH, f"The token signs by the name {domain.name}.")
    if extra["version"] != domain.version:
        raise RefusedError(Reason.VERSION_MISMATCH, f"The token signs by the version {domain.version}.")


def _signed(payload: Mapping[str, Any]) -> _Signed:
    if "authorization" not in payload and "permit2Authorization" in payload:
        raise RefusedError(Reason.UNSUPPORTED_SCHEME, "Permit2 is not served; sign by EIP-3009.")
    return _read(_Signed, payload, Reason.INVALID_PAYLOAD)


def _compare(authorization: _Authorization, requirements: _Requirements) -> None:
    """`exact` means exactly that: the right payee gets the right amount."""
    amount = _number(requirements.amount, "amount", Reason.INVALID_REQUIREMENTS)
    value = _number(authorization.value, "value", Reason.INVALID_PAYLOAD)
    if authorization.payee.lower() != requirements.pay_to.lower():
        raise RefusedError(Reason.RECIPIENT_MISMATCH, "It pays somebody else than payTo.")
    if value != amount:
        raise RefusedError(Reason.VALUE_MISMATCH, f"It pays {value}, and {amount} is required.")


def _number(text: str, field: str, reason: Reason) -> int:
    if not _DIGITS.fullmatch(text):
        raise RefusedError(reason, f"{field} must be a whole decimal number, as a string.")
    return int(text)


def _body(
    chain_id: ChainId, requirements: _Requirements, signed: _Signed, resource: str | None
) -> dict[str, object]:
    """Write it as our own request: with addresses in lower case, since the standard asks for no checksums."""
    one = signed.authorization
    body: dict[str, object] = {
        "chain_id": chain_id,
        "asset": Address(requirements.asset.lower()),
        "from": one.payer.lower(),
        "to": one.payee.lower(),
        "value": str(_number(one.value, "value", Reason.INVALID_PAYLOAD)),
        "valid_after": _number(one.valid_after, "validAfter", Reason.INVALID_PAYLOAD),
        "valid_before": _number(one.valid_before, "validBefore", Reason.INVALID_PAYLOAD),
        "nonce": one.nonce.lower(),
        "signature": _with_usual_v(signed.signature),
    }
    return body | ({"resource": resource} if resource else {})


def _with_usual_v(signature: str) -> str:
    """Write 27 or 28 where a wallet gave the parity itself, as some hardware does."""
    parity = {"00": "1b", "01": "1c"}.get(signature[-2:])
    return signature[:-2] + parity if parity and len(signature) == _KEY_SIGNATURE_CHARACTERS else signature
