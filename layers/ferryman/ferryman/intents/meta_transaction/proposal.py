"""What a user is told to sign: the request and its payment, as wallets take them (EIP-712)."""

from typing import Any, Final

from ferryman.domain.eip712 import Eip712Domain
from ferryman.domain.pricing import Fee
from ferryman.domain.relaying import RelaySettings
from ferryman.domain.units import TokenUnits, decimal, rfc3339
from ferryman.intents.drafted import Draft, Proposal
from ferryman.intents.meta_transaction import relay
from ferryman.intents.meta_transaction.money import breakdown_of
from ferryman.intents.typed_data import typed_data

_VALID_AFTER: Final = 0


def written(
    draft: Draft,
    proposal: Proposal,
    *,
    ours: RelaySettings,
    domains: tuple[Eip712Domain, Eip712Domain],
) -> dict[str, Any]:
    """Write a proposal.

    Args:
        draft: what is wanted.
        proposal: what was worked out for it.
        ours: the chain's relay.
        domains: the EIP-712 domains of the relay, and of the token that is paid in.

    """
    message = message_to_sign(draft, proposal)
    relay_domain, fee_domain = domains
    members = dict(zip(relay.MEMBERS, message.members(), strict=True))
    return {
        "chain_id": draft.chain_id,
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
            "metaTransaction": typed_data(relay_domain, "MetaTransaction", relay.MEMBERS, members),
            "feeAuthorization": typed_data(
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


def _payment(message: relay.MetaTransaction, ours: RelaySettings) -> dict[str, int | str | bytes]:
    return {
        "from": message.user,
        "to": ours.address,
        "value": message.max_fee,
        "validAfter": _VALID_AFTER,
        "validBefore": message.deadline_seconds + 1,
        "nonce": message.hashed(),
    }
