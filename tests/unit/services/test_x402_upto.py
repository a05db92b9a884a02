"""The facilitator of the scheme `upto`: the payer signs a maximum, and the seller says what it took."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from ferryman.adapters.http.openapi.x402 import X402Support
from ferryman.domain.permit2 import CANONICAL_PROXY
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from tests.fakes.market import FUNDS, NOTHING_SPENT, MemoryMarket, memory_market
from tests.support.payments import NOW_SECONDS, PAYEE, PAYER, STRANGER
from tests.support.permits import ASSET, SETTLER, asked_by_permit, asked_up_to, permit_settings, upto_settings
from tests.support.settlements import settlement_settings
from tests.support.x402 import NETWORK, asked, by_version_1, changed, requirements

SIGNED: Final = "paymentPayload.payload"
PERMIT: Final = f"{SIGNED}.permit2Authorization"
MAXIMUM: Final = 5_000_000
TAKEN: Final = 2_350_000


@pytest.fixture
def market() -> MemoryMarket:
    """One on a chain whose token is settled by Permit2, also up to a maximum, as a known seller sees it."""
    return memory_market(upto_settings()).of_known_sellers()


def paid(market: MemoryMarket) -> int:
    """What the payee has."""
    return market.chain.state.tokens.balances.get((ASSET.lower(), PAYEE.lower()), 0)


def of_a_key() -> Any:  # noqa: ANN401 (JSON)
    """Offer an EIP-3009 authorization."""
    wanted = requirements({"value": MAXIMUM, "to": PAYEE}, scheme="upto", extra={})
    return asked(required=wanted)


VECTORS: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "no signature": (lambda: changed(asked_up_to(), f"{SIGNED}.signature", ...), "invalid_payload"),
    "no facilitator": (
        lambda: changed(asked_up_to(), f"{PERMIT}.witness.facilitator", ...),
        "invalid_payload",
    ),
    "a maximum in words": (
        lambda: changed(asked_up_to(), f"{PERMIT}.permitted.amount", "5e6"),
        "invalid_payload",
    ),
    "an amount in words": (
        lambda: changed(asked_up_to(), "paymentRequirements.amount", "some"),
        "invalid_payment_requirements",
    ),
    "a negative amount": (
        lambda: changed(asked_up_to(), "paymentRequirements.amount", "-1"),
        "invalid_payment_requirements",
    ),
    "an authorization where a permit is required": (of_a_key, "unsupported_payload_type"),
    "another method": (
        lambda: changed(asked_up_to(), "paymentRequirements.extra.assetTransferMethod", "eip3009"),
        "unsupported_scheme",
    ),
    "version 1": (lambda: by_version_1(asked_up_to()), "unsupported_scheme"),
    "another scheme of the client's": (
        lambda: changed(asked_up_to(), "paymentPayload.accepted.scheme", "exact"),
        "invalid_upto_evm_scheme",
    ),
    "another scheme of the seller's": (
        lambda: changed(asked_up_to(), "paymentRequirements.scheme", "exact"),
        "unsupported_scheme",
    ),
    "another network": (
        lambda: changed(asked_up_to(), "paymentPayload.accepted.network", "eip155:1"),
        "invalid_upto_evm_network_mismatch",
    ),
    "another asset": (
        lambda: changed(asked_up_to(), "paymentRequirements.asset", "0x" + "12" * 20),
        "invalid_payment_requirements",
    ),
    "the exact proxy": (lambda: asked_up_to(spender=CANONICAL_PROXY), "invalid_permit2_spender"),
    "another recipient": (
        lambda: changed(asked_up_to(), "paymentRequirements.payTo", STRANGER.address),
        "invalid_permit2_recipient_mismatch",
    ),
    "the settler as the recipient": (lambda: asked_up_to(to=SETTLER), "invalid_payload"),
    "another facilitator": (
        lambda: asked_up_to(facilitator=STRANGER.address),
        "upto_facilitator_mismatch",
    ),
    "another token": (
        lambda: changed(asked_up_to(), f"{PERMIT}.permitted.token", "0x" + "12" * 20),
        "permit2_token_mismatch",
    ),
    "an expired one": (lambda: asked_up_to(deadline=NOW_SECONDS - 1), "permit2_deadline_expired"),
    "one that expires too soon": (
        lambda: asked_up_to(deadline=NOW_SECONDS + 18),
        "permit2_deadline_expired",
    ),
    "an early one": (lambda: asked_up_to(validAfter=NOW_SECONDS + 1), "permit2_not_yet_valid"),
    "a stranger's signature": (
        lambda: changed(asked_up_to(by=STRANGER), f"{PERMIT}.from", PAYER.address),
        "invalid_permit2_signature",
    ),
    "signed for the exact proxy's witness": (
        lambda: changed(
            asked_up_to(),
            f"{SIGNED}.signature",
            asked_by_permit(amount=MAXIMUM)["paymentPayload"]["payload"]["signature"],
        ),
        "invalid_permit2_signature",
    ),
    "signed for another chain": (lambda: asked_up_to(chain_id=1), "invalid_permit2_signature"),
    "an unfunded payer": (lambda: asked_up_to(by=STRANGER), "permit2_insufficient_balance"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_bad_maximum_is_refused_with_the_standards_reason_and_costs_nothing(
    market: MemoryMarket, name: str
) -> None:
    """Verified or settled, by the same reason: no row, no signature, no transaction."""
    make, reason = VECTORS[name]

    market.check_refused(make(), reason)


@pytest.mark.parametrize("taken", [0, 1, MAXIMUM])
def test_how_much_is_taken_is_said_by_nobody_but_a_known_seller(taken: int) -> None:
    """Not by the payer, who would pay a unit: refused at no cost, and the seller takes its part later."""
    everybody = memory_market(upto_settings())

    verified, settled = everybody.verify(asked_up_to()), everybody.settle(asked_up_to(taken=taken))

    assert (verified["isValid"], verified["invalidReason"]) == (False, "unsupported_scheme")
    assert (settled["success"], settled["errorReason"]) == (False, "unsupported_scheme")
    assert "/service" in settled["errorMessage"]
    assert (everybody.spent, everybody.world.rows(), everybody.world.reserved()) == (NOTHING_SPENT, (), 0)
    assert everybody.of_known_sellers().settle(asked_up_to(taken=TAKEN))["success"]
    assert paid(everybody) == TAKEN


@pytest.mark.parametrize("required", [MAXIMUM - 1, MAXIMUM + 1, 0])
def test_only_the_maximum_that_is_required_is_verified(market: MemoryMarket, required: int) -> None:
    """A payer that signs less has not paid, and one that signs more did not see the price."""
    verified = market.verify(asked_up_to(taken=required))

    assert (verified["isValid"], verified["invalidReason"]) == (False, "permit2_amount_mismatch")


def test_more_than_the_maximum_is_not_settled_and_costs_nothing(market: MemoryMarket) -> None:
    """By a single unit, and by the standard's own word."""
    settled = market.settle(asked_up_to(taken=MAXIMUM + 1))

    assert settled["errorReason"] == "invalid_upto_evm_payload_settlement_exceeds_amount"
    assert (settled["success"], market.spent, market.world.rows()) == (False, NOTHING_SPENT, ())


@pytest.mark.parametrize("taken", [1, TAKEN, MAXIMUM])
def test_what_the_seller_took_is_settled_and_no_more(market: MemoryMarket, taken: int) -> None:
    """Verified by the maximum, and settled by the amount; afterwards it is valid no more."""
    assert market.verify(asked_up_to()) == {"isValid": True, "payer": PAYER.address}

    answer = market.settle(asked_up_to(taken=taken))

    (row,) = market.world.rows()
    assert (row.kind, row.status) == ("upto-transfer", Status.CONFIRMED)
    assert answer == {
        "success": True,
        "payer": PAYER.address,
        "transaction": row.hash,
        "network": NETWORK,
        "amount": str(taken),
    }
    assert (paid(market), market.world.reserved()) == (taken, 0)
    assert market.verify(asked_up_to())["invalidReason"] == "permit2_invalid_nonce"


def test_the_amount_that_is_accepted_first_is_final(market: MemoryMarket) -> None:
    """The same again is answered again; another amount of the same permit is refused, and moves nothing."""
    market.others.is_working = False
    market.settle(asked_up_to(taken=TAKEN))
    early = [market.settle(asked_up_to(taken=taken)) for taken in (TAKEN + 1, 0)]
    market.others.is_working = True

    first, again = market.settle(asked_up_to(taken=TAKEN)), market.settle(asked_up_to(taken=TAKEN))
    late = [market.settle(asked_up_to(taken=taken)) for taken in (TAKEN - 1, 0)]

    assert first["success"]
    assert again == first
    assert [answer["errorReason"] for answer in early + late] == ["permit2_invalid_nonce"] * 4
    assert (paid(market), len(market.world.rows())) == (TAKEN, 1)


def test_nothing_taken_is_a_success_without_a_transaction(market: MemoryMarket) -> None:
    """As the standard says; asked again it is the same, and the permit stays as good as it was."""
    answers = [market.settle(asked_up_to(taken=0)) for _ in range(2)]

    nothing = {"success": True, "payer": PAYER.address, "transaction": "", "network": NETWORK, "amount": "0"}
    assert answers == [nothing, nothing]
    assert (market.spent, market.world.rows(), market.world.reserved()) == (NOTHING_SPENT, (), 0)
    assert market.settle(asked_up_to(taken=TAKEN))["success"]


def test_an_exact_payment_of_nothing_is_none() -> None:
    """Only the scheme `upto` knows such a thing."""
    market = memory_market(settlement_settings())

    answer = market.settle(asked(value=0))

    assert (answer["success"], answer["errorReason"]) == (False, "invalid_payload")


def test_a_payer_owes_what_was_taken_and_is_held_to_no_more(market: MemoryMarket) -> None:
    """It has spent elsewhere since the verification: the amount fits, and the maximum would not."""
    tokens = market.chain.state.tokens
    tokens.balances[ASSET.lower(), PAYER.address.lower()] = TAKEN
    tokens.approved[ASSET.lower(), PAYER.address.lower()] = TAKEN
    market.clock.sleep(Milliseconds(20_000))

    verified, settled = market.verify(asked_up_to()), market.settle(asked_up_to(taken=TAKEN))

    assert verified["invalidReason"] == "permit2_allowance_required"
    assert settled["success"]


def test_maximums_and_permits_of_one_payer_do_not_exceed_its_balance_together(market: MemoryMarket) -> None:
    """They share the token's ledger; what is held is what is taken."""
    market.others.is_working = False
    left = FUNDS - TAKEN

    taken = [
        market.settle(asked_up_to(taken=TAKEN, nonce=1)),
        market.settle(asked_by_permit(amount=left + 1, nonce=2)),
        market.settle(asked_by_permit(amount=left, nonce=3)),
    ]

    assert [answer["errorReason"] for answer in taken] == [
        "settlement_pending",
        "invalid_exact_evm_insufficient_balance",
        "settlement_pending",
    ]


def test_a_nonce_is_spent_by_whichever_permit_comes_first(market: MemoryMarket) -> None:
    """Permit2 has one map of nonces for each payer, whoever the spender is."""
    market.settle(asked_up_to(taken=TAKEN, nonce=7))

    assert market.settle(asked_by_permit(nonce=7))["errorReason"] == "permit2_invalid_nonce"


def test_what_is_supported_names_the_settler_for_payers_to_sign_for(market: MemoryMarket) -> None:
    """In version 2, and to known sellers; where there is none the scheme is not named, and not served."""
    exact = {"x402Version": 2, "scheme": "exact", "network": NETWORK}
    upto = {"x402Version": 2, "scheme": "upto", "network": NETWORK, "extra": {"facilitatorAddress": SETTLER}}
    everybody = memory_market(upto_settings())
    without = memory_market(permit_settings()).of_known_sellers()

    assert market.facilitator.supported()["kinds"] == [exact, upto]
    assert X402Support.model_validate(market.facilitator.supported())
    assert everybody.facilitator.supported()["kinds"] == [exact]
    assert without.facilitator.supported()["kinds"] == [exact]
    assert without.verify(asked_up_to())["invalidReason"] == "unsupported_scheme"


def test_a_transfer_of_the_same_amount_is_not_counted_for_a_permit_that_its_payer_burns() -> None:
    """Two of one payee and amount, and both nonces used: only the call tells whose the transfer was."""
    market = memory_market(upto_settings(), patience_ms=Milliseconds(0)).of_known_sellers()
    burnt, sold = asked_up_to(taken=TAKEN, nonce=1), asked_up_to(taken=TAKEN, nonce=2)
    market.settle_beside_burnt(burnt, sold)

    answers = market.settle(sold), market.settle(burnt)

    assert [answer["success"] for answer in answers] == [True, False]
    assert answers[1]["errorReason"] == "permit2_invalid_nonce"
    assert paid(market) == TAKEN
