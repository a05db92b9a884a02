"""Permit transfers on a real chain, whole or in part, with the real Permit2, signed by PyPI's x402."""

from collections.abc import Iterator
from typing import Any, Final, cast

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.contract.contract import ContractFunction
from x402.mechanisms.evm.exact.permit2_utils import create_permit2_payload
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.mechanisms.evm.upto import UptoEvmClientScheme, UptoEvmServerScheme
from x402.schemas import PaymentRequirements, SupportedKind

from ferryman.domain.transaction import Status
from local.accounts import operator
from local.contracts import PERMIT2
from tests.faults.real_chain import RealChain, request
from tests.faults.test_settlements_on_anvil import RealMarket, market_on
from tests.support.payments import PAYEE
from tests.support.x402 import URL

VALUE: Final = 1_000_000
USED: Final = "permit2_invalid_nonce"


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil with Permit2 at its own address."""
    with RealChain.running() as started:
        yield started


@pytest.fixture
def market(running: RealChain) -> Iterator[RealMarket]:
    """A facilitator for known sellers, whose payer has approved Permit2, with whatever a test does undone."""
    with running.rewound():
        market = market_on(running)
        market.facilitator = market.facilitator.of_known_sellers()
        sent(market, market.payer, running.contracts.usdc.functions.approve(PERMIT2, 2**256 - 1))
        yield market


def sent(market: RealMarket, by: LocalAccount, function: ContractFunction) -> str:
    """Have somebody call a contract; give the transaction's hash."""
    web3 = market.chain.web3
    transaction = function.build_transaction(
        {
            "from": by.address,
            "nonce": web3.eth.get_transaction_count(by.address),
            "gas": 300_000,
            "maxFeePerGas": Web3.to_wei(100, "gwei"),
            "maxPriorityFeePerGas": Web3.to_wei(2, "gwei"),
        }
    )
    name = web3.eth.send_raw_transaction(
        by.sign_transaction(cast("dict[str, Any]", transaction)).raw_transaction
    )
    request(web3, "anvil_mine", "0x1", "0x1")
    return Web3.to_hex(name)


def asked(market: RealMarket) -> dict[str, Any]:
    """Ask for a payment that PyPI's x402 has signed, as its own client does."""
    wanted = {
        "scheme": "exact",
        "network": f"eip155:{market.chain.settings.chain_id}",
        "asset": market.chain.contracts.usdc.address,
        "amount": str(VALUE),
        "payTo": PAYEE,
        "maxTimeoutSeconds": 300,
        "extra": {"assetTransferMethod": "permit2"},
    }
    signed = create_permit2_payload(
        EthAccountSigner(market.payer), PaymentRequirements.model_validate(wanted)
    )
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "resource": {"url": URL},
            "accepted": wanted,
            "payload": signed,
        },
        "paymentRequirements": wanted,
    }


def settling(market: RealMarket, body: dict[str, Any]) -> ContractFunction:
    """Give the proxy's call for a payment, as anybody can make it."""
    part = body["paymentPayload"]["payload"]
    one = part["permit2Authorization"]
    permitted = one["permitted"]["token"], int(one["permitted"]["amount"])
    function: ContractFunction = market.chain.contracts.permit2_proxy.functions.settle(
        (permitted, int(one["nonce"]), int(one["deadline"])),
        one["from"],
        (one["witness"]["to"], int(one["witness"]["validAfter"])),
        bytes.fromhex(part["signature"][2:]),
    )
    return function


def burning(market: RealMarket, body: dict[str, Any]) -> ContractFunction:
    """Give the payer's call that makes a permit void."""
    nonce = int(body["paymentPayload"]["payload"]["permit2Authorization"]["nonce"])
    function: ContractFunction = market.chain.contracts.permit2.functions.invalidateUnorderedNonces(
        nonce >> 8, 1 << (nonce & 0xFF)
    )
    return function


def test_what_others_packages_sign_is_settled_through_permit2(market: RealMarket) -> None:
    """The money is the payee's, by the transaction that the answer names; it is valid no more."""
    body, before = asked(market), market.paid()

    verified, answer = market.facilitator.verify(body), market.facilitator.settle(body)

    assert verified == {"isValid": True, "payer": market.payer.address}
    assert answer["success"], answer
    assert market.paid() == before + VALUE
    receipt = market.chain.web3.eth.get_transaction_receipt(answer["transaction"])
    assert (receipt["status"], market.row().status) == (1, Status.CONFIRMED)
    assert market.facilitator.verify(body)["invalidReason"] == USED


def test_without_an_approval_it_is_refused_at_no_cost(running: RealChain) -> None:
    """By the standard's word, which sends the payer to approve Permit2 once."""
    with running.rewound():
        market, spent = market_on(running), running.spent_nonces()
        body = asked(market)

        verified, settled = market.facilitator.verify(body), market.facilitator.settle(body)

        reason = "permit2_allowance_required"
        assert (verified["invalidReason"], settled["errorReason"]) == (reason, reason)
        assert (running.spent_nonces(), market.real.world.rows()) == (spent, ())


def test_what_a_stranger_settles_counts_for_the_seller(market: RealMarket) -> None:
    """After acceptance, before ours is sent: the payee has its money, by the transaction that is named."""
    body, before = asked(market), market.paid()
    market.others.is_working = False
    market.facilitator.settle(body)
    theirs = sent(market, operator(), settling(market, body))
    market.others.is_working = True

    answer = market.facilitator.settle(body)

    assert (answer["success"], answer["transaction"]) == (True, theirs)
    assert market.paid() == before + VALUE
    assert market.real.world.reserved() == 0


def test_one_transfer_is_not_counted_for_a_second_permit_that_its_payer_burns(market: RealMarket) -> None:
    """Same payee and amount: no log says whose nonce a transfer was, so the call has to."""
    sold, burnt, before = asked(market), asked(market), market.paid()
    market.others.is_working = False
    market.facilitator.settle(burnt)
    market.facilitator.settle(sold)
    sent(market, operator(), settling(market, sold))
    sent(market, market.payer, burning(market, burnt))
    market.others.is_working = True

    answers = [market.facilitator.settle(body) for body in (sold, burnt)]

    assert [answer["success"] for answer in answers] == [True, False]
    assert answers[1]["errorReason"] == USED
    assert market.paid() == before + VALUE


def test_what_cannot_be_taken_any_more_fails_without_gas(market: RealMarket) -> None:
    """The payer makes the permit void between acceptance and ours."""
    body, before = asked(market), market.paid()
    market.others.is_working = False
    market.facilitator.settle(body)
    sent(market, market.payer, burning(market, body))
    spent = market.chain.spent_nonces()
    market.others.is_working = True

    answer = market.facilitator.settle(body)

    assert (answer["success"], answer["errorReason"]) == (False, USED)
    assert (market.paid(), market.chain.spent_nonces()) == (before, spent)


# -- up to a maximum ----------------------------------------------------------------------------


def asked_up_to(market: RealMarket) -> dict[str, Any]:
    """Ask for a maximum, as PyPI's server names it and PyPI's client signs it."""
    network = f"eip155:{market.chain.settings.chain_id}"
    (kind,) = (one for one in market.facilitator.supported()["kinds"] if one["scheme"] == "upto")
    named = PaymentRequirements.model_validate(
        {
            "scheme": "upto",
            "network": network,
            "asset": market.chain.contracts.usdc.address,
            "amount": str(VALUE),
            "payTo": PAYEE,
            "maxTimeoutSeconds": 300,
            "extra": {},
        }
    )
    server = UptoEvmServerScheme()  # type: ignore[no-untyped-call]
    wanted = server.enhance_payment_requirements(named, SupportedKind.model_validate(kind), [])
    signed = UptoEvmClientScheme(EthAccountSigner(market.payer)).create_payment_payload(wanted)
    told = wanted.model_dump(by_alias=True, exclude_none=True)
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "resource": {"url": URL},
            "accepted": told,
            "payload": signed,
        },
        "paymentRequirements": told,
    }


def taking(body: dict[str, Any], units: int) -> dict[str, Any]:
    """Say how much of it was taken."""
    return body | {"paymentRequirements": body["paymentRequirements"] | {"amount": str(units)}}


def test_a_part_of_what_others_packages_sign_is_settled_through_our_settler(market: RealMarket) -> None:
    """Verified by the maximum, settled by what was taken, once; what is left stays the payer's."""
    body, before = asked_up_to(market), market.paid()

    verified = market.facilitator.verify(body)
    nothing = market.facilitator.settle(taking(body, 0))
    answer, again = (market.facilitator.settle(taking(body, VALUE // 3)) for _ in range(2))

    assert verified == {"isValid": True, "payer": market.payer.address}
    assert (nothing["success"], nothing["transaction"], nothing["amount"]) == (True, "", "0")
    assert answer["success"], answer
    assert again == answer
    assert (market.paid(), answer["amount"]) == (before + VALUE // 3, str(VALUE // 3))
    receipt = market.chain.web3.eth.get_transaction_receipt(answer["transaction"])
    assert (receipt["status"], receipt["to"]) == (1, market.chain.contracts.upto_settler.address)
    assert market.facilitator.verify(body)["invalidReason"] == USED
    assert market.facilitator.settle(taking(body, VALUE // 2))["errorReason"] == USED


def test_it_waits_until_our_wallets_may_settle(market: RealMarket) -> None:
    """The operator has forgotten the role, and remembers: nothing is spent meanwhile, and nothing fails."""
    settler, before = market.chain.contracts.upto_settler.functions, market.paid()
    role, wallets = settler.RELAYER_ROLE().call(), market.chain.signer.wallets()
    body = taking(asked_up_to(market), VALUE)
    for wallet in wallets:
        sent(market, operator(), settler.revokeRole(role, wallet))
    spent = market.chain.spent_nonces()

    early = market.facilitator.settle(body)
    unspent = market.chain.spent_nonces() == spent
    for wallet in wallets:
        sent(market, operator(), settler.grantRole(role, wallet))
    late = market.facilitator.settle(body)

    assert (early["errorReason"], unspent) == ("settlement_pending", True)
    assert (late["success"], market.paid()) == (True, before + VALUE)


def test_what_its_payer_has_voided_fails_without_gas(market: RealMarket) -> None:
    """Between acceptance and ours; nobody else can settle what is signed for us."""
    body, before = asked_up_to(market), market.paid()
    market.others.is_working = False
    market.facilitator.settle(taking(body, VALUE))
    sent(market, market.payer, burning(market, body))
    spent = market.chain.spent_nonces()
    market.others.is_working = True

    answer = market.facilitator.settle(taking(body, VALUE))

    assert (answer["success"], answer["errorReason"]) == (False, USED)
    assert (market.paid(), market.chain.spent_nonces()) == (before, spent)
