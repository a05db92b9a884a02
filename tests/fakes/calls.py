"""Calldata as a contract reads it: whose messages a call carries, and each of them by itself."""

from typing import Any, Final

from eth_utils.address import to_checksum_address

from ferryman.domain.eip1559 import Call
from ferryman.domain.units import Address, Seconds, TokenUnits
from ferryman.intents import eip3009, permit2
from ferryman.intents.faucet import kind as faucet
from ferryman.intents.forward_request import forwarder
from ferryman.intents.meta_transaction import relay
from ferryman.intents.payment import escrow
from ferryman.intents.settlement import deploying, settler
from tests.fakes.calldata import decode

PAYMENT: Final = "(address,address,address,uint256,uint256,uint256,uint256)"
REQUEST: Final = "(address,address,bytes,string,uint256,uint256,uint256,uint256)"
FORWARDED: Final = "(address,address,uint256,uint256,uint48,bytes,bytes)"
AUTHORIZATION: Final = ["address", "address", "uint256", "uint256", "uint256", "bytes32"]
PERMIT: Final = ["((address,uint256),uint256,uint256)", "address", "(address,uint256)", "bytes"]
UPTO_PERMIT: Final = [PERMIT[0], "uint256", "address", "(address,address,uint256)", "bytes"]
DEPLOYED: Final = ["address", "(address,bytes)", f"({','.join(AUTHORIZATION)},bytes)"]
_LEGS: Final = f"({','.join(AUTHORIZATION)},uint8,bytes32,bytes32)[]"

MessageKey = tuple[str, int]
"""Who signed a message, in lower case, and with which nonce: what its contract knows it by.

A gift has no nonce, and no contract knows it again: to whom, and how much. A forward request's nonce may be
signed for again, if it failed: who signed, and the first word of the signature.
"""


def keys_of(data: bytes) -> list[MessageKey]:
    """Give the keys of the messages that a call carries, in order; none of any other call."""
    if data[:4] in {escrow.EXECUTE_PAYMENT, escrow.EXECUTE_PAYMENTS}:
        return [(payment[1], payment[5]) for payment, _ in _payments_of(data)]
    if data[:4] == settler.SETTLE:
        return [(leg[0], int.from_bytes(leg[5])) for leg in legs_of(data)[1]]
    key = _only_key(data)
    return [key] if key else []


def _only_key(data: bytes) -> MessageKey | None:
    """Read calldata that carries one message at the most."""
    selector, given = data[:4], data[4:]
    if is_transfer(data):
        payer, nonce = decode(AUTHORIZATION, given[:192])[0::5]
        return payer, int.from_bytes(nonce)
    if is_gift(data):
        to, units = decode(["address", "uint256"], given)
        return to, units
    if form := {permit2.SETTLE: PERMIT, permit2.UPTO_SETTLE: UPTO_PERMIT}.get(selector):
        (_permitted, nonce, _deadline), *_, payer, _witness, _signature = decode(form, given)
        return payer, nonce
    if selector == deploying.SETTLE:
        *_, members = decode(DEPLOYED, given)
        return members[0], int.from_bytes(members[5])
    return _key_of_a_request(selector, given)


def _key_of_a_request(selector: bytes, given: bytes) -> MessageKey | None:
    if selector == relay.EXECUTE:
        (request,) = decode([REQUEST], given)
        return request[0], request[6]
    if selector == forwarder.EXECUTE:
        (request,) = decode([FORWARDED], given)
        return forwarded_key(request[0], request[6])
    return None


def forwarded_key(signer: str, signature: bytes) -> MessageKey:
    """Give the key of a forward request."""
    return signer.lower(), int.from_bytes(signature[:32])


def alone(call: Call, key: MessageKey) -> Call:
    """Give the call that carries one message of another call, and nothing else."""
    keys = keys_of(call.data)
    place = keys.index(key)
    if len(keys) == 1:
        return call
    if call.data[:4] == escrow.EXECUTE_PAYMENTS:
        (asset, payer, payee, amount, fee, nonce, deadline), signature = _payments_of(call.data)[place]
        payment = escrow.Payment(
            token=_checksummed(asset),
            payer=_checksummed(payer),
            payee=_checksummed(payee),
            amount=TokenUnits(amount),
            fee=TokenUnits(fee),
            nonce=nonce,
            deadline_seconds=Seconds(deadline),
        )
        return Call(call.to, escrow.execute_payment(payment, signature))
    asset, legs = legs_of(call.data)
    payer, payee, value, valid_after, valid_before, nonce, v, r, s = legs[place]
    authorization = eip3009.Authorization(
        payer=_checksummed(payer),
        payee=_checksummed(payee),
        value=TokenUnits(value),
        valid_after=Seconds(valid_after),
        valid_before=Seconds(valid_before),
        nonce=nonce,
    )
    return Call(_checksummed(asset), eip3009.transfer_with_authorization(authorization, r + s + bytes([v])))


def is_transfer(data: bytes) -> bool:
    """Whether calldata is a signed transfer, for a token."""
    return data[:4] in {eip3009.TRANSFER, eip3009.TRANSFER_BY_BYTES}


def is_gift(data: bytes) -> bool:
    """Whether calldata gives tokens that nobody signed for."""
    return data[:4] in {faucet.MINT, faucet.TRANSFER}


def legs_of(data: bytes) -> tuple[str, tuple[tuple[Any, ...], ...]]:
    """Read calldata of the BatchSettler: the token, and the legs of keys."""
    asset, _gas, legs, _of_contracts = decode(["address", "uint256", _LEGS, "bytes[]"], data[4:])
    return asset, legs


def _payments_of(data: bytes) -> list[tuple[tuple[Any, ...], bytes]]:
    """Read calldata of the escrow: payments, each with its signature."""
    if data[:4] == escrow.EXECUTE_PAYMENT:
        return [decode([PAYMENT, "bytes"], data[4:])]
    payments, signatures = decode([f"{PAYMENT}[]", "bytes[]"], data[4:])
    return list(zip(payments, signatures, strict=True))


def _checksummed(address: str) -> Address:
    return Address(to_checksum_address(address))
