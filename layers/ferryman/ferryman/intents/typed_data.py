"""Typed data, as wallets take it to sign (EIP-712)."""

from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.eip712 import Eip712Domain

_DOMAIN_MEMBERS: Final[Mapping[str, str]] = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
}


def typed_data(
    domain: Eip712Domain,
    primary_type: str,
    members: Mapping[str, str],
    values: Mapping[str, int | str | bytes],
) -> dict[str, Any]:
    """Write what `eth_signTypedData_v4` takes.

    Args:
        domain: of the contract that it is signed for.
        primary_type: the message's name.
        members: name -> Solidity type, in the order they are signed.
        values: of the members.

    """
    told = domain.told()
    own = {name: type_ for name, type_ in _DOMAIN_MEMBERS.items() if name in told}
    return {
        "domain": told,
        "types": {"EIP712Domain": _listed(own), primary_type: _listed(members)},
        "primaryType": primary_type,
        "message": {name: _json(values[name]) for name in members},
    }


def _listed(members: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "type": type_} for name, type_ in members.items()]


def _json(value: int | str | bytes) -> str:
    """Numbers as decimal strings: they outgrow those of JavaScript."""
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
