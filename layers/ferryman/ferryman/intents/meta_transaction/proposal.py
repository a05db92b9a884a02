"""What a user is told to sign: the request and its payment, as wallets take them (EIP-712)."""

from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import Eip712Domain
from ferryman.domain.pricing import Fee
from ferryman.domain.relaying import RelaySettings
from ferryman.domain.units import TokenUnits, decimal, rfc3339
from ferryman.intents.drafted import Draft, Proposal
from ferryman.intents.meta_transaction import relay
from ferryman.intents.meta_transaction.money import breakdown_of

_VALID_AFTER: Final = 0


def written(
    draft: Draft, proposal: Proposal, chain: ChainSettings, ours: RelaySettings, fee_domain: Eip712Domain
) -> dict[str, Any]:
    """Write a proposal.

    Args:
        draft: what is wanted.
        proposal: what was worked out for it.
        chain: its chain.
        ours: the chain's relay.
        fee_domain: the EIP-712 domain of the token that is paid in.

    """
    message = message_to_sign(draft, proposal)
    return {
        "chain_id": chain.chain_id,
        "kind": "meta-transaction",
        "relay": ours.address,
        "feeToken": ours.fee_token,
        "currency": ours.fee_currency,
        "gasEstimate": proposal.gas_estimate,
        "gasLimit": proposal.gas_limit,
        "gas": proposal.gas,
        "gasPrice": str(proposal.gas_price),
        "unitsPerNative": str(proposal.units_per_native),
        "cost": _cost(proposal.fee, ours),
        "maxFee": str(proposal.max_fee),
        "nonce": str(proposal.nonce),
        "deadline": proposal.deadline_seconds,
        "expires_at": rfc3339(proposal.expires_at),
        "typedData": {
            "metaTransaction": _typed_data(
                relay.domain(chain.chain_id, ours.address), "MetaTransaction", relay.MEMBERS, _named(message)
            ),
            "feeAuthorization": _typed_data(
                fee_domain, "ReceiveWithAuthorization", relay.RECEIVE_MEMBERS, _payment(message, ours)
            ),
        },
    }


def message_to_sign(draft: Draft, proposal: Proposal) -> relay.MetaTransaction:
    """Give the request that would be signed."""
    return relay.MetaTransaction(
        user=draft.signer,
        target=draft.call.to,
        data=draft.call.data[: -relay.ADDRESS_BYTES],
        gas_level=draft.tier.value,
        gas_limit=proposal.gas_limit,
        max_fee=proposal.max_fee,
        nonce=proposal.nonce,
        deadline_seconds=proposal.deadline_seconds,
    )


def _cost(fee: Fee, ours: RelaySettings) -> dict[str, Any]:
    base = TokenUnits(fee.gas + fee.l1)
    return {"amount": decimal(fee.total, ours.fee_decimals), "breakdown": breakdown_of(base, fee.total, ours)}


def _named(message: relay.MetaTransaction) -> dict[str, Any]:
    values = (_json(value) for value in message.members())
    return dict(zip(relay.MEMBERS, values, strict=True))


def _payment(message: relay.MetaTransaction, ours: RelaySettings) -> dict[str, Any]:
    return {
        "from": message.user,
        "to": ours.address,
        "value": str(message.max_fee),
        "validAfter": str(_VALID_AFTER),
        "validBefore": str(message.deadline_seconds + 1),
        "nonce": "0x" + message.hashed().hex(),
    }


def _json(value: int | str | bytes) -> str:
    """Numbers as decimal strings: they outgrow those of JavaScript."""
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _typed_data(
    domain: Eip712Domain, primary_type: str, members: Mapping[str, str], message: Mapping[str, Any]
) -> dict[str, Any]:
    """Write what `eth_signTypedData_v4` takes."""
    own = [
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
    ]
    return {
        "domain": domain.told(),
        "types": {
            "EIP712Domain": [{"name": name, "type": type_} for name, type_ in own],
            primary_type: [{"name": name, "type": type_} for name, type_ in members.items()],
        },
        "primaryType": primary_type,
        "message": message,
    }
