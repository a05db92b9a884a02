"""What the conformance tests need to know of each kind to sign messages of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, TokenUnits
from tests.fakes.chain import FakeChain
from tests.support.forward_requests import forwarder_settings, signed_forward_request
from tests.support.meta_transactions import (
    SELECTOR,
    TARGET,
    relay_settings,
    signed_meta_transaction,
)
from tests.support.payments import (
    CHAIN_ID,
    DEADLINE,
    PAYER,
    TOKEN,
    address_of,
    chain_settings,
    signed_request,
)
from tests.support.permits import (
    permit_settings,
    signed_permit_transfer,
    signed_upto_transfer,
    upto_settings,
)
from tests.support.settlements import ASSET, settlement_settings, signed_settlement

Signed = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleKind:
    """How to make requests of one kind."""

    settings: ChainSettings
    signed: Signed
    """Gives a body signed by `by`, for a signer's `nonce`, until `deadline` (Unix seconds)."""
    changes: Mapping[str, object]
    """Fields of the body, each with a value that some other message has: signed fields, all of them."""
    quote: Mapping[str, object]
    """A body that asks for its fee."""
    fund: Callable[[FakeChain, LocalAccount], None] | None
    """Gives a signer what it needs for one message; None: it needs nothing."""
    deadline: str = "deadline"
    """The field of the body that is its deadline."""
    priority: str = "priority"
    """The field of the body that is its priority."""
    unsigned: Mapping[str, object] = field(default_factory=lambda: {"priority": "fast"})
    """A field of the body that is not signed, with another value."""
    names_signer: bool = True
    """Whether the signed message says whose it is; else two may sign the same, and the id says it."""
    reverts: Mapping[bytes, str]
    """What its contract reverts with for good, and our reason for each."""


def _fund_payments(chain: FakeChain, payer: LocalAccount) -> None:
    token = chain.settings.tokens[0]
    chain.lock(token, address_of(payer), TokenUnits(1_001_000))


def _fund_transfers(units: int) -> Callable[[FakeChain, LocalAccount], None]:
    return lambda chain, payer: chain.give(ASSET, address_of(payer), units)


def _fund_meta_transactions(chain: FakeChain, payer: LocalAccount) -> None:
    chain.give(ASSET, address_of(payer), 1_000_000)
    if chain.metatx:
        chain.metatx.allowed.add((Address(TARGET), SELECTOR))


def _error(text: str) -> bytes:
    """What `require` with a text reverts with."""
    return keccak(b"Error(string)")[:4] + encode(["string"], [text])


def _quote_of_transfer(kind: str) -> Mapping[str, object]:
    """Ask for the fee of a transfer out of the payer's own account."""
    return {
        "kind": kind,
        "chain_id": CHAIN_ID,
        "asset": ASSET,
        "from": PAYER.address,
        "priority": "fast",
    }


_OTHER_ACCOUNTS: Final = {"asset": "0x" + "12" * 20, "from": "0x" + "13" * 20, "to": "0x" + "14" * 20}
_REVERTS_OF_PERMIT2: Final = {
    keccak(b"InvalidNonce()")[:4]: "nonce_used",
    keccak(b"SignatureExpired(uint256)")[:4] + bytes(32): "deadline_passed",
    keccak(b"InvalidSigner()")[:4]: "signature_invalid",
    keccak(b"InvalidContractSignature()")[:4]: "signature_invalid",
}
SAMPLE_KINDS: Final[Mapping[str, SampleKind]] = {
    "payment": SampleKind(
        settings=chain_settings(),
        signed=signed_request,
        changes={
            "token": "0x" + "12" * 20,
            "from": "0x" + "13" * 20,
            "to": "0x" + "14" * 20,
            "amount": "1000001",
            "fee": "1001",
            "nonce": "8",
            "deadline": 1_893_452_401,
        },
        quote={
            "kind": "payment",
            "chain_id": CHAIN_ID,
            "token": TOKEN,
            "from": PAYER.address,
            "priority": "fast",
        },
        fund=_fund_payments,
        reverts={
            keccak(b"PaymentExpired(uint256)")[:4] + bytes(32): "deadline_passed",
            keccak(b"PaymentNonceUsed(address,uint256)")[:4] + bytes(64): "nonce_used",
        },
    ),
    "settlement": SampleKind(
        settings=settlement_settings(),
        signed=lambda *, by, deadline: signed_settlement(by=by, validBefore=deadline),
        changes={
            **_OTHER_ACCOUNTS,
            "value": "1000001",
            "valid_after": 1,
            "valid_before": 1_893_452_401,
            "nonce": "0x" + "2d" * 32,
        },
        quote=_quote_of_transfer("settlement"),
        fund=_fund_transfers(1_000_000),
        deadline="valid_before",
        reverts={
            keccak(b"ERC3009UsedAuthorization(address,bytes32)")[:4] + bytes(64): "nonce_used",
            _error("FiatTokenV2: authorization is expired"): "deadline_passed",
            _error("ERC20: transfer amount exceeds balance"): "insufficient_funds",
            _error("FiatTokenV2: invalid signature"): "signature_invalid",
        },
    ),
    "permit-transfer": SampleKind(
        settings=permit_settings(),
        signed=signed_permit_transfer,
        changes={
            **_OTHER_ACCOUNTS,
            "amount": "1000001",
            "valid_after": 1,
            "deadline": 1_893_452_401,
            "nonce": "8",
        },
        quote=_quote_of_transfer("permit-transfer"),
        fund=_fund_transfers(1_000_000),
        names_signer=False,
        reverts=_REVERTS_OF_PERMIT2,
    ),
    "upto-transfer": SampleKind(
        settings=upto_settings(),
        signed=signed_upto_transfer,
        changes={
            **_OTHER_ACCOUNTS,
            "maximum": "5000001",
            "valid_after": 1,
            "deadline": 1_893_452_401,
            "nonce": "8",
        },
        unsigned={"amount": "2350001"},
        quote=_quote_of_transfer("upto-transfer"),
        fund=_fund_transfers(2_350_000),
        names_signer=False,
        reverts=_REVERTS_OF_PERMIT2,
    ),
    "forward-request": SampleKind(
        settings=forwarder_settings(),
        signed=signed_forward_request,
        changes={
            "from": "0x" + "13" * 20,
            "to": "0x" + "12" * 20,
            "value": "1",
            "gas": 100_001,
            "nonce": "1",
            "deadline": DEADLINE - 1,
            "data": "0x" + SELECTOR.hex() + "13" * 64,
        },
        quote={
            "kind": "forward-request",
            "chain_id": CHAIN_ID,
            "gas": 100_000,
            "from": PAYER.address,
            "priority": "fast",
        },
        fund=None,
        reverts={
            keccak(b"ERC2771ForwarderExpiredRequest(uint48)")[:4] + bytes(32): "deadline_passed",
        },
    ),
    "meta-transaction": SampleKind(
        settings=relay_settings(),
        signed=signed_meta_transaction,
        changes={
            "target": "0x" + "12" * 20,
            "calldata": "0x" + SELECTOR.hex() + "13" * 64,
            "gasLevel": "fast",
            "userAddress": "0x" + "14" * 20,
            "gasLimit": 100_001,
            "maxFee": "1000001",
            "nonce": "8",
            "deadline": DEADLINE - 1,
        },
        quote={
            "kind": "meta-transaction",
            "chain_id": CHAIN_ID,
            "gasLimit": 100_000,
            "userAddress": PAYER.address,
            "gasLevel": "fast",
        },
        fund=_fund_meta_transactions,
        priority="gasLevel",
        unsigned={
            "feeAuthorization": {"validAfter": 0, "validBefore": DEADLINE + 2, "signature": "0x" + "1b" * 65}
        },
        reverts={
            keccak(b"MetaTxNonceUsed(address,uint256)")[:4] + bytes(64): "nonce_used",
            keccak(b"MetaTxExpired(uint256)")[:4] + bytes(32): "deadline_passed",
            _error("FiatTokenV2: invalid signature"): "signature_invalid",
        },
    ),
}
"""By the kind's name: a new kind adds one entry here, and inherits the tests."""
