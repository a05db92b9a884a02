"""The x402 facilitator: what is settled, and by which of the standard's reasons the rest is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import pytest

from ferryman.domain.errors import InvalidFieldsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.intents.x402.catalogue import ListedResource
from tests.fakes.market import NOTHING_SPENT, MemoryMarket, memory_market
from tests.support.payments import CHAIN_ID, DEADLINE, NOW_SECONDS, PAYEE, PAYER, STRANGER
from tests.support.settlements import ASSET, SETTLER, settlement_settings
from tests.support.x402 import (
    NETWORK,
    URL,
    asked,
    asked_of_old,
    changed,
    posing_as_old,
    requirements,
    with_high_s,
)

Body = dict[str, Any]
EXACT: Final = "invalid_exact_evm_"


@pytest.fixture
def market() -> MemoryMarket:
    """Give a facilitator and a payer with ten dollars."""
    return memory_market()


def with_both(path: str, value: object) -> Callable[[], Body]:
    """Change what is required and what the client repeats of it."""

    def make() -> Body:
        body = changed(asked(), f"paymentRequirements.{path}", value)
        return changed(body, f"paymentPayload.accepted.{path}", value)

    return make


VECTORS: Final[dict[str, tuple[Callable[[], object], str]]] = {
    "garbage": (lambda: {"x402Version": 2, "foo": [1, 2]}, "invalid_payment_requirements"),
    "empty": (dict, "invalid_x402_version"),
    "no object": (lambda: ["x402"], "invalid_x402_version"),
    "another version": (lambda: changed(asked(), "x402Version", 3), "invalid_x402_version"),
    "the version as text": (lambda: changed(asked(), "x402Version", "2"), "invalid_x402_version"),
    "the version as truth": (lambda: asked() | {"x402Version": True}, "invalid_x402_version"),
    "two versions": (lambda: changed(asked(), "paymentPayload.x402Version", 1), "invalid_x402_version"),
    "no payload": (lambda: changed(asked(), "paymentPayload", ...), "invalid_payload"),
    "no signature": (lambda: changed(asked(), "paymentPayload.payload.signature", ...), "invalid_payload"),
    "another scheme": (with_both("scheme", "upto"), "unsupported_scheme"),
    "permit2": (with_both("extra.assetTransferMethod", "permit2"), "unsupported_scheme"),
    "no network": (with_both("network", "solana:devnet"), "invalid_network"),
    "another chain": (with_both("network", "eip155:1"), "invalid_network"),
    "two networks": (lambda: changed(asked(), "paymentRequirements.network", "eip155:1"), "network_mismatch"),
    "another asset": (with_both("asset", "0x" + "12" * 20), "invalid_payment_requirements"),
    "no domain": (with_both("extra", {}), "missing_eip712_domain"),
    "another name": (with_both("extra.name", "USD Coin"), f"{EXACT}token_name_mismatch"),
    "another domain version": (with_both("extra.version", "1"), f"{EXACT}token_version_mismatch"),
    "another recipient": (with_both("payTo", "0x" + "14" * 20), f"{EXACT}payload_recipient_mismatch"),
    "too little": (with_both("amount", "1000001"), f"{EXACT}payload_authorization_value_mismatch"),
    "too much": (with_both("amount", "999999"), f"{EXACT}payload_authorization_value_mismatch"),
    "an amount in words": (with_both("amount", "one dollar"), "invalid_payment_requirements"),
    "a value in words": (
        lambda: changed(asked(), "paymentPayload.payload.authorization.value", "1e6"),
        "invalid_payload",
    ),
    "a short nonce": (
        lambda: changed(asked(), "paymentPayload.payload.authorization.nonce", "0x2c"),
        "invalid_payload",
    ),
    "an expired one": (
        lambda: asked(validBefore=NOW_SECONDS - 1),
        f"{EXACT}payload_authorization_valid_before",
    ),
    "one that expires too soon": (
        lambda: asked(validBefore=NOW_SECONDS + 18),
        f"{EXACT}payload_authorization_valid_before",
    ),
    "one that never expires": (
        lambda: asked(validBefore=2**256 - 1),
        f"{EXACT}payload_authorization_valid_before",
    ),
    "an early one": (lambda: asked(validAfter=NOW_SECONDS + 60), f"{EXACT}payload_authorization_valid_after"),
    "no signature of bytes": (
        lambda: changed(asked(), "paymentPayload.payload.signature", "0x"),
        f"{EXACT}payload_signature",
    ),
    "zeros": (
        lambda: changed(asked(), "paymentPayload.payload.signature", "0x" + "00" * 65),
        f"{EXACT}payload_signature",
    ),
    "high s": (lambda: with_high_s(asked()), f"{EXACT}payload_signature"),
    "a stranger's signature": (
        lambda: changed(asked(by=STRANGER), "paymentPayload.payload.authorization.from", PAYER.address),
        f"{EXACT}payload_signature",
    ),
    "signed for another chain": (lambda: asked(chain_id=1), f"{EXACT}payload_signature"),
    "signed for another token": (lambda: asked(asset="0x" + "12" * 20), f"{EXACT}payload_signature"),
    "signed by another name": (lambda: asked(name="USD Coin"), f"{EXACT}payload_signature"),
    "a wallet that is not deployed": (
        lambda: changed(asked(), "paymentPayload.payload.signature", "0x" + "11" * 32 + "6492" * 16),
        f"{EXACT}payload_signature",
    ),
    "an unfunded payer": (lambda: asked(by=STRANGER), f"{EXACT}insufficient_balance"),
}


@pytest.mark.parametrize("name", VECTORS)
def test_a_bad_payment_is_refused_with_the_standards_reason_and_costs_nothing(
    market: MemoryMarket, name: str
) -> None:
    """Verified or settled, by the same reason: no row, no signature, no transaction."""
    make, reason = VECTORS[name]

    market.check_refused(make(), reason)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "paymentRequirements is required."),
        ({"paymentRequirements": []}, "paymentRequirements must be a JSON object."),
        ({"paymentRequirements": {}}, "paymentPayload is required."),
        ({"paymentRequirements": {}, "paymentPayload": "0x"}, "paymentPayload must be a JSON object."),
    ],
)
def test_what_is_missing_is_named(market: MemoryMarket, body: dict[str, Any], message: str) -> None:
    """Whoever reads it knows which part of the body is meant."""
    assert market.verify({"x402Version": 2, **body})["invalidMessage"] == message


def test_the_schemes_that_are_named_are_those_that_are_settled(market: MemoryMarket) -> None:
    """Sellers without an API key are not told of a scheme that is refused to them."""
    body = with_both("scheme", "bogus")()

    assert market.verify(body)["invalidMessage"] == "The scheme must be exact."


def test_a_payment_is_settled_and_answered_when_it_is_confirmed(market: MemoryMarket) -> None:
    """With the transaction that was mined."""
    answer = market.settle(asked())

    (row,) = market.world.rows()
    assert row.status is Status.CONFIRMED
    assert answer == {
        "success": True,
        "payer": PAYER.address,
        "transaction": row.hash,
        "network": NETWORK,
        "amount": "1000000",
    }
    assert market.chain.state.tokens.balances[ASSET.lower(), PAYEE.lower()] == 1_000_000


def test_a_verification_stores_nothing_and_holds_nothing(market: MemoryMarket) -> None:
    """So it may be repeated, and settled afterwards."""
    answers = [market.verify(asked()) for _ in range(2)]

    assert answers == [{"isValid": True, "payer": PAYER.address}] * 2
    assert not market.world.rows()
    assert (market.world.reserved(), *market.spent) == (0, 0, 0)
    assert market.settle(asked())["success"]


def test_version_1_is_settled_as_well() -> None:
    """By its names for networks and amounts."""
    market = memory_market(posing_as_old(settlement_settings()))

    assert market.verify(asked_of_old()) == {"isValid": True, "payer": PAYER.address}
    answer = market.settle(asked_of_old())

    assert (answer["success"], answer["network"]) == (True, "base-sepolia")
    assert [kind["network"] for kind in market.facilitator.supported()["kinds"]] == [
        "eip155:84532",
        "base-sepolia",
    ]


@pytest.mark.parametrize("parity", [0, 1])
def test_a_signature_with_the_parity_itself_is_taken(market: MemoryMarket, parity: int) -> None:
    """As some hardware wallets write it."""
    for number in range(20):
        body = asked(nonce=bytes([number]) * 32)
        signature = body["paymentPayload"]["payload"]["signature"]
        if signature.endswith(f"{27 + parity:02x}"):
            break
    body = changed(body, "paymentPayload.payload.signature", signature[:-2] + f"{parity:02x}")

    assert market.settle(body)["success"]


def test_addresses_need_no_checksum(market: MemoryMarket) -> None:
    """The standard asks for none."""
    body = changed(asked(), "paymentRequirements.payTo", PAYEE.lower())
    body = changed(body, "paymentRequirements.asset", "0x" + ASSET[2:].upper())

    assert market.settle(body)["success"]


def test_what_is_supported_names_networks_and_the_accounts_that_send(market: MemoryMarket) -> None:
    """The accounts as soon as there are any."""
    before = market.facilitator.supported()
    market.settle(asked())
    after = market.facilitator.supported()

    kinds = [{"x402Version": 2, "scheme": "exact", "network": NETWORK}]
    assert before == {"kinds": kinds, "extensions": [], "signers": {"eip155:*": []}}
    assert after["signers"] == {"eip155:*": list(market.signer.wallets())}


@pytest.mark.parametrize("body", [None, [], {}, {"paymentPayload": {"payload": "?"}}], ids=repr)
def test_a_refusal_always_has_a_payer_if_only_null(market: MemoryMarket, body: object) -> None:
    """PyPI's x402 1.0 fails on an answer without the member."""
    assert market.facilitator.verify(body)["payer"] is None
    assert market.facilitator.settle(body)["payer"] is None


def test_what_can_be_bought_is_listed_a_page_at_a_time(market: MemoryMarket) -> None:
    """As the operator wrote it, by type if that is asked for."""
    wanted = requirements({"value": 1, "to": PAYEE})
    listed = [
        ListedResource(resource=f"{URL}/{n}", type=("http", "mcp")[n % 2], accepts=(wanted,), lastUpdated=n)
        for n in range(5)
    ]
    seller = replace(market.facilitator, catalogue=listed)

    page = seller.resources({"type": "http", "limit": "2", "offset": "1"})

    assert [(one["resource"], one["type"]) for one in page["items"]] == [
        (f"{URL}/2", "http"),
        (f"{URL}/4", "http"),
    ]
    assert page["pagination"] == {"limit": 2, "offset": 1, "total": 3}
    assert page["items"][0]["accepts"] == (wanted,)
    assert market.facilitator.resources({})["items"] == []


@pytest.mark.parametrize(("name", "value"), [("limit", "101"), ("offset", "-1"), ("page", "2")])
def test_a_list_is_asked_for_in_the_standards_words(market: MemoryMarket, name: str, value: str) -> None:
    """Others are refused by name."""
    with pytest.raises(InvalidFieldsError) as refused:
        market.facilitator.resources({name: value})

    assert [problem.field for problem in refused.value.problems] == [name]


# -- once and no more ---------------------------------------------------------------------------


def test_a_repeat_inside_the_sellers_patience_gives_the_first_answer(market: MemoryMarket) -> None:
    """A server that lost the answer, or got `settlement_pending`, posts the same again."""
    first = market.settle(asked())
    market.clock.sleep(Milliseconds(30_000))

    again = market.settle(asked())

    assert again == first
    assert len(market.chain.state.executed) == 1


def test_a_repeat_after_the_sellers_patience_is_refused(market: MemoryMarket) -> None:
    """The payment was sold long ago."""
    market.settle(asked())
    market.clock.sleep(Milliseconds(61_000))

    again = market.settle(asked())

    assert (again["success"], again["errorReason"]) == (False, f"{EXACT}nonce_already_used")
    assert len(market.chain.state.executed) == 1


def test_a_payment_for_one_resource_buys_no_other(market: MemoryMarket) -> None:
    """Else it would be sold twice."""
    market.settle(asked())
    spent = market.spent

    other = market.settle(asked(url="https://api.example.com/forecast"))

    assert (other["success"], other["errorReason"]) == (False, f"{EXACT}nonce_already_used")
    assert market.spent == spent


def test_a_payment_for_one_resource_buys_none_that_is_not_named(market: MemoryMarket) -> None:
    """Else it would be sold twice, by whoever leaves the name out."""
    market.settle(asked())
    spent = market.spent
    unnamed = asked()
    del unnamed["paymentPayload"]["resource"]

    other = market.settle(unnamed)

    assert (other["success"], other["errorReason"]) == (False, f"{EXACT}nonce_already_used")
    assert market.spent == spent


@pytest.mark.parametrize("is_mined", [False, True])
def test_a_settled_payment_is_no_longer_valid(market: MemoryMarket, *, is_mined: bool) -> None:
    """Neither when it is mined nor while it is on its way."""
    market.others.is_working = is_mined
    market.settle(asked())

    verified = market.verify(asked())

    assert (verified["isValid"], verified["invalidReason"]) == (False, f"{EXACT}nonce_already_used")


def test_another_authorization_of_the_same_nonce_is_refused(market: MemoryMarket) -> None:
    """The chain would take one of them."""
    market.settle(asked())

    other = market.settle(asked(validBefore=DEADLINE - 1))

    assert other["errorReason"] == f"{EXACT}nonce_already_used"


def test_payments_that_together_exceed_the_balance_are_not_all_taken(market: MemoryMarket) -> None:
    """What is on its way counts, though the chain does not show it yet."""
    market.others.is_working = False
    taken = [market.settle(asked(nonce=bytes([n]) * 32, value=4_000_000))["errorReason"] for n in range(3)]

    assert taken == ["settlement_pending", "settlement_pending", f"{EXACT}insufficient_balance"]
    assert market.verify(asked(nonce=b"\x09" * 32, value=4_000_000))["invalidReason"] == (
        f"{EXACT}insufficient_balance"
    )


# -- waiting ------------------------------------------------------------------------------------


def test_what_takes_too_long_is_pending_and_its_repeat_tells_the_end(market: MemoryMarket) -> None:
    """Before the gateway gives up, with the hash once there is one."""
    market.others.is_working = False
    began = market.clock.now()
    unsent = market.settle(asked())
    took = market.clock.now() - began
    market.world.deliver()
    sent = market.settle(asked())
    market.others.is_working = True
    done = market.settle(asked())

    assert (unsent["success"], unsent["errorReason"], unsent["transaction"]) == (
        False,
        "settlement_pending",
        "",
    )
    assert took == 20_000
    assert sent["errorReason"] == "settlement_pending"
    assert done["success"]
    assert sent["transaction"] == done["transaction"] != ""
    assert len(market.chain.state.executed) == 1


def test_trouble_of_our_own_is_said_as_such(market: MemoryMarket) -> None:
    """The chain is away: nobody can say whether the payment is good."""
    market.chain.is_reachable = False

    verified = market.verify(asked())

    assert (verified["isValid"], verified["invalidReason"]) == (False, "unexpected_verify_error")


def test_a_payer_who_spends_the_money_first_fails_at_no_cost(market: MemoryMarket) -> None:
    """Its own transfer is mined between acceptance and ours: the seller hears it, and no gas is spent."""
    body = asked()
    market.others.is_working = False
    market.settle(body)
    market.chain.state.tokens.balances[ASSET.lower(), PAYER.address.lower()] = 0
    market.others.is_working = True

    answer = market.settle(body)

    assert (answer["success"], answer["errorReason"]) == (False, f"{EXACT}insufficient_balance")
    assert market.spent == NOTHING_SPENT
    assert market.world.reserved() == 0


def test_the_same_requirements_are_compared_whatever_else_the_seller_says(market: MemoryMarket) -> None:
    """Descriptions, schemas and extensions are for others."""
    body = asked()
    body["paymentPayload"]["extensions"] = {"bazaar": {"info": {}, "schema": {}}}
    wanted = requirements({"value": 1_000_000, "to": PAYEE}, outputSchema={"type": "object"})

    answer = market.settle(changed(body, "paymentRequirements", wanted))

    assert answer["success"]
    assert (31337, answer["network"]) == (CHAIN_ID, NETWORK)


# -- many at once -------------------------------------------------------------------------------


def test_many_at_once_share_a_transaction_and_each_hears_of_its_own() -> None:
    """One that the batch leaves out goes alone."""
    market = memory_market(settlement_settings(settler=SETTLER), patience_ms=Milliseconds(0))
    bodies = [asked(nonce=bytes([number]) * 32) for number in range(8)]
    market.chain.left_out.add((PAYER.address.lower(), int.from_bytes(bytes([5]) * 32)))

    for body in bodies:
        market.settle(body)
    market.world.settle()

    answers = [market.settle(body) for body in bodies]
    hashes = [answer["transaction"] for answer in answers]
    assert all(answer["success"] for answer in answers)
    assert len(set(hashes)) == 2
    assert hashes.count(hashes[5]) == 1
    assert len(market.chain.state.executed) == 8
    assert market.world.reserved() == market.world.held() == 0


def test_four_processes_settle_twenty_five_each_through_one_wallet() -> None:
    """All hundred are paid, once each, with no gap in the wallet's nonces."""
    settings = settlement_settings(settler=SETTLER)
    market = memory_market(settings, funds=200_000_000, patience_ms=Milliseconds(0))
    bodies = [asked(nonce=bytes([number]) * 32) for number in range(100)]

    def settle_every_fourth(first: int) -> None:
        process = market.of_another_process()
        for body in bodies[first::4]:
            process.settle(body)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(settle_every_fourth, range(4)))
    market.world.settle()

    answers = [market.settle(body) for body in bodies]
    assert sum(answer["success"] for answer in answers) == 100
    assert len(market.chain.state.executed) == len(set(market.chain.state.executed)) == 100
    market.world.check_nonces()


def test_one_payment_offered_to_two_sellers_at_once_is_sold_once() -> None:
    """Both have verified it; one is paid and serves, the other hears why not."""
    market = memory_market(patience_ms=Milliseconds(0))
    sellers = [market, market.of_another_process()]
    bodies = [asked(url=f"https://{name}.example.com") for name in ("one", "two")]
    assert all(market.verify(body)["isValid"] for body in bodies)

    with ThreadPoolExecutor(2) as threads:
        first = list(threads.map(MemoryMarket.settle, sellers, bodies))
    market.world.settle()
    then = [seller.settle(body) for seller, body in zip(sellers, bodies, strict=True)]

    assert sorted(answer["errorReason"] for answer in first) == [
        f"{EXACT}nonce_already_used",
        "settlement_pending",
    ]
    assert sorted(answer["success"] for answer in then) == [False, True]
    assert len(market.chain.state.executed) == 1
