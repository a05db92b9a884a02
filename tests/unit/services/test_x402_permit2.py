"""The facilitator, where the payer signs for Permit2: what is refused by which of the standard's reasons."""

from collections.abc import Callable
from typing import Final

import pytest

from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.market import NOTHING_SPENT, MemoryMarket, memory_market
from tests.support.payments import NOW_SECONDS, PAYEE, PAYER, STRANGER
from tests.support.permits import ASSET, asked_by_permit, permit_settings
from tests.support.settlements import settlement_settings
from tests.support.x402 import NETWORK, asked, by_version_1, changed, with_high_s

SIGNED: Final = "paymentPayload.payload"
PERMIT: Final = f"{SIGNED}.permit2Authorization"


@pytest.fixture
def market() -> MemoryMarket:
    """One on a chain whose token is settled by Permit2 alone."""
    return memory_market(permit_settings())


VECTORS: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "no signature": (lambda: changed(asked_by_permit(), f"{SIGNED}.signature", ...), "invalid_payload"),
    "no witness": (lambda: changed(asked_by_permit(), f"{PERMIT}.witness", ...), "invalid_payload"),
    "an amount in words": (
        lambda: changed(asked_by_permit(), f"{PERMIT}.permitted.amount", "1e6"),
        "invalid_payload",
    ),
    "a nonce in hex": (lambda: changed(asked_by_permit(), f"{PERMIT}.nonce", "0x07"), "invalid_payload"),
    "an authorization where a permit is required": (
        lambda: changed(asked(), "paymentRequirements.extra.assetTransferMethod", "permit2"),
        "invalid_payload",
    ),
    "another method": (
        lambda: changed(asked_by_permit(), "paymentRequirements.extra.assetTransferMethod", "erc7710"),
        "unsupported_scheme",
    ),
    "a method of another type": (
        lambda: changed(asked_by_permit(), "paymentRequirements.extra.assetTransferMethod", ["permit2"]),
        "unsupported_scheme",
    ),
    "version 1": (lambda: by_version_1(asked_by_permit()), "unsupported_scheme"),
    "another asset": (
        lambda: changed(asked_by_permit(), "paymentRequirements.asset", "0x" + "12" * 20),
        "invalid_payment_requirements",
    ),
    "another spender": (lambda: asked_by_permit(spender=STRANGER.address), "invalid_permit2_spender"),
    "another recipient": (
        lambda: changed(asked_by_permit(), "paymentRequirements.payTo", STRANGER.address),
        "invalid_permit2_recipient_mismatch",
    ),
    "too little": (
        lambda: changed(asked_by_permit(), "paymentRequirements.amount", "1000001"),
        "permit2_amount_mismatch",
    ),
    "too much": (
        lambda: changed(asked_by_permit(), "paymentRequirements.amount", "999999"),
        "permit2_amount_mismatch",
    ),
    "another token": (
        lambda: changed(asked_by_permit(), f"{PERMIT}.permitted.token", "0x" + "12" * 20),
        "permit2_token_mismatch",
    ),
    "an expired one": (lambda: asked_by_permit(deadline=NOW_SECONDS - 1), "permit2_deadline_expired"),
    "one that expires too soon": (
        lambda: asked_by_permit(deadline=NOW_SECONDS + 18),
        "permit2_deadline_expired",
    ),
    "one that never expires": (
        lambda: asked_by_permit(deadline=NOW_SECONDS + 10**7),
        "permit2_deadline_expired",
    ),
    "an early one": (lambda: asked_by_permit(validAfter=NOW_SECONDS + 1), "permit2_not_yet_valid"),
    "a stranger's signature": (
        lambda: changed(asked_by_permit(by=STRANGER), f"{PERMIT}.from", PAYER.address),
        "invalid_permit2_signature",
    ),
    "zeros": (
        lambda: changed(asked_by_permit(), f"{SIGNED}.signature", "0x" + "00" * 65),
        "invalid_permit2_signature",
    ),
    "high s": (lambda: with_high_s(asked_by_permit()), "invalid_permit2_signature"),
    "signed for another chain": (lambda: asked_by_permit(chain_id=1), "invalid_permit2_signature"),
    "signed for another Permit2": (
        lambda: asked_by_permit(permit2="0x" + "12" * 20),
        "invalid_permit2_signature",
    ),
    "a wallet that is not deployed": (
        lambda: changed(asked_by_permit(), f"{SIGNED}.signature", "0x" + "11" * 32 + "6492" * 16),
        "invalid_permit2_signature",
    ),
    "an unfunded payer": (
        lambda: asked_by_permit(by=STRANGER),
        "invalid_exact_evm_insufficient_balance",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_bad_permit_is_refused_with_the_standards_reason_and_costs_nothing(
    market: MemoryMarket, name: str
) -> None:
    """Verified or settled, by the same reason: no row, no signature, no transaction."""
    make, reason = VECTORS[name]

    market.check_refused(make(), reason)


def test_a_permit_is_settled_and_answered_when_it_is_confirmed(market: MemoryMarket) -> None:
    """With the transaction that was mined; afterwards it is valid no more."""
    answer = market.settle(asked_by_permit())

    (row,) = market.world.rows()
    assert (row.kind, row.status) == ("permit-transfer", Status.CONFIRMED)
    assert answer == {
        "success": True,
        "payer": PAYER.address,
        "transaction": row.hash,
        "network": NETWORK,
        "amount": "1000000",
    }
    assert market.chain.state.tokens.balances[ASSET.lower(), PAYEE.lower()] == 1_000_000
    assert market.verify(asked_by_permit())["invalidReason"] == "permit2_invalid_nonce"


def test_the_payer_chooses_where_the_seller_names_no_method(market: MemoryMarket) -> None:
    """By what was signed."""
    assert market.verify(changed(asked_by_permit(), "paymentRequirements.extra", {}))["isValid"]


def test_without_an_approval_the_payer_is_told_to_approve(market: MemoryMarket) -> None:
    """By the standard's word, and at no cost; with one it passes."""
    market.chain.state.tokens.approved[ASSET.lower(), PAYER.address.lower()] = 999_999

    refused = market.verify(asked_by_permit()), market.settle(asked_by_permit())
    market.chain.state.tokens.approved[ASSET.lower(), PAYER.address.lower()] = 1_000_000

    reason = "permit2_allowance_required"
    assert (refused[0]["invalidReason"], refused[1]["errorReason"]) == (reason, reason)
    assert market.spent == NOTHING_SPENT
    assert market.settle(asked_by_permit())["success"]


def test_a_permit_that_was_accepted_while_the_chain_was_away_ends_by_the_same_word(
    market: MemoryMarket,
) -> None:
    """Nobody could see then that Permit2 may take nothing."""
    market.chain.is_reachable = False
    market.settle(asked_by_permit())
    market.chain.state.tokens.approved[ASSET.lower(), PAYER.address.lower()] = 0
    market.chain.is_reachable = True

    answer = market.settle(asked_by_permit())

    (row,) = market.world.rows()
    assert (row.status, row.reason) == (Status.FAILED, "allowance_required")
    assert answer["errorReason"] == "permit2_allowance_required"
    assert market.spent == NOTHING_SPENT


def test_permits_and_authorizations_of_one_payer_do_not_exceed_its_balance_together() -> None:
    """They share the token's ledger."""
    settings = settlement_settings(permit2=permit_settings().permit2)
    market = memory_market(settings)
    market.others.is_working = False

    taken = market.settle(asked(value=6_000_000)), market.settle(asked_by_permit(amount=6_000_000))

    assert [answer["errorReason"] for answer in taken] == [
        "settlement_pending",
        "invalid_exact_evm_insufficient_balance",
    ]
    assert market.settle(asked_by_permit(amount=4_000_000))["errorReason"] == "settlement_pending"


def test_what_is_supported_names_the_network_of_permit2_in_version_2_only(market: MemoryMarket) -> None:
    """Version 1 has no such method."""
    assert market.facilitator.supported()["kinds"] == [
        {"x402Version": 2, "scheme": "exact", "network": NETWORK}
    ]


def test_one_transfer_is_not_counted_for_a_second_permit_that_its_payer_burns() -> None:
    """Same payee and amount, and a nonce that is used: only the call tells whose the transfer was."""
    market = memory_market(permit_settings(), patience_ms=Milliseconds(0))
    burnt, sold = asked_by_permit(nonce=1), asked_by_permit(nonce=2)
    market.settle_beside_burnt(burnt, sold)

    answers = market.settle(sold), market.settle(burnt)

    assert [answer["success"] for answer in answers] == [True, False]
    assert answers[1]["errorReason"] == "permit2_invalid_nonce"
    assert market.chain.state.tokens.balances[ASSET.lower(), PAYEE.lower()] == 1_000_000
