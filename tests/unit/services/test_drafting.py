"""Drafts and nonces: what a user is told to sign is taken, and costs what was said."""

from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    DeadlinePassedError,
    InvalidFieldsError,
    RequestError,
    TargetNotAllowedError,
    TrialFailedError,
)
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, ChainId
from ferryman.intents import SIGNED
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.services.chains import ChainAccess
from ferryman.services.drafting import Drafting
from ferryman.services.market import MarketBook
from ferryman.services.nonces import FreeNonces, NextNonces
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.forward_requests import forwarder_settings
from tests.support.meta_transactions import (
    CALLDATA,
    SELECTOR,
    TARGET,
    relay_settings,
    signed_meta_transaction,
)
from tests.support.payments import CHAIN_ID, NOW_SECONDS, PAYER, STRANGER
from tests.support.settlements import ASSET

BODY: Final[dict[str, Any]] = {
    "chain_id": CHAIN_ID,
    "target": TARGET,
    "calldata": "0x" + CALLDATA.hex(),
    "userAddress": PAYER.address,
}


@dataclass
class Office:
    """A deployment, and what proposes messages for it."""

    world: World
    chain: FakeChain
    drafting: Drafting

    def nonce(self, user: LocalAccount = PAYER) -> int:
        """Ask for a free nonce."""
        return int(self.drafting.nonce(Address(user.address))["nonce"])


@pytest.fixture
def office() -> Office:
    """Build one whose user has tokens, and whose relay calls the target."""
    clock = FakeClock(NOW_SECONDS * 1_000)
    chain = FakeChain(relay_settings(), clock)
    chain.give(ASSET, PAYER.address, 10**9)
    assert chain.metatx
    chain.metatx.allowed.add((Address(TARGET), SELECTOR))
    world = World(chain.settings, chain, FakeSigner([b"\x07" * 32]), clock)
    drafting = Drafting(
        kind=META_TRANSACTION,
        chains={chain.settings.chain_id: ChainAccess(chain.settings, chain)},
        book=MarketBook(DynamoMarkets(world.tables), clock),
        next_nonce=FreeNonces(META_TRANSACTION, DynamoAccounts(world.tables)),
        clock=clock,
    )
    return Office(world, chain, drafting)


def signed(typed_data: dict[str, Any], by: LocalAccount = PAYER) -> str:
    """Sign as a wallet does that is handed the typed data."""
    return "0x" + bytes(by.sign_message(encode_typed_data(full_message=typed_data)).signature).hex()


def post_of(quote: dict[str, Any]) -> dict[str, Any]:
    """Write the body of the post by what the quote says alone."""
    request, payment = quote["typedData"]["metaTransaction"], quote["typedData"]["feeAuthorization"]
    return BODY | {
        "gasLevel": request["message"]["gasLevel"],
        "gasLimit": quote["gasLimit"],
        "maxFee": quote["maxFee"],
        "nonce": quote["nonce"],
        "deadline": quote["deadline"],
        "signature": signed(request),
        "feeAuthorization": {
            "validAfter": payment["message"]["validAfter"],
            "validBefore": payment["message"]["validBefore"],
            "signature": signed(payment),
        },
    }


def forward_quote() -> dict[str, Any]:
    """Ask for a forward request."""
    clock = FakeClock(NOW_SECONDS * 1_000)
    chain = FakeChain(forwarder_settings(), clock)
    world = World(chain.settings, chain, FakeSigner([b"\x07" * 32]), clock)
    drafting = Drafting(
        kind=FORWARD_REQUEST,
        chains={chain.settings.chain_id: ChainAccess(chain.settings, chain)},
        book=MarketBook(DynamoMarkets(world.tables), clock),
        next_nonce=NextNonces(FORWARD_REQUEST.ordered, world.store),
        clock=clock,
    )
    body = {"chain_id": CHAIN_ID, "from": PAYER.address, "to": TARGET, "data": BODY["calldata"]}
    return drafting(body)


@pytest.mark.parametrize("level", ["slow", "normal", "fast"])
def test_what_is_proposed_is_taken_as_it_is_and_carried_out(office: Office, level: str) -> None:
    """A wallet signs both typed data, and nothing else is needed."""
    quote = office.drafting(BODY | {"gasLevel": level})

    accepted = office.world.ingest("meta-transaction", post_of(quote))
    office.world.settle()

    (row,) = office.world.rows()
    assert accepted.is_new
    assert (row.status, row.priority) == (Status.CONFIRMED, level)
    assert row.fee_taken
    assert row.fee_taken <= int(quote["maxFee"])


def as_numbers(body: dict[str, Any]) -> dict[str, Any]:
    """Write every number of a body as one."""
    return {
        name: as_numbers(value)
        if isinstance(value, dict)
        else int(value)
        if isinstance(value, str) and value.isdigit()
        else value
        for name, value in body.items()
    }


def test_every_number_of_typed_data_is_taken_as_it_is_written_there_and_as_a_number(office: Office) -> None:
    """Of every kind that is proposed: whoever hands the message on need not know which is which."""
    quote = office.drafting(BODY)
    request = quote["typedData"]["metaTransaction"]["message"]
    renamed = {"user": "userAddress", "data": "calldata"}
    metatx = post_of(quote) | {renamed.get(name, name): value for name, value in request.items()}
    forward = {
        "chain_id": CHAIN_ID,
        **forward_quote()["typed_data"]["message"],
        "signature": "0x" + "1b" * 65,
    }
    bodies = {"meta-transaction": metatx, "forward-request": forward}
    settings = forwarder_settings(**office.chain.settings.model_dump(include={"relay", "authorized_tokens"}))

    for name, body in bodies.items():
        texts, numbers = (SIGNED[name].parse(one, {CHAIN_ID: settings}) for one in (body, as_numbers(body)))
        assert body != as_numbers(body)
        assert texts == numbers
    assert bodies.keys() == {name for name, kind in SIGNED.items() if hasattr(kind, "draft_model")}


def test_the_cost_is_gas_at_its_price_and_one_percent(office: Office) -> None:
    """The parts add up, in the token's own unit."""
    quote = office.drafting(BODY)

    cost = quote["cost"]
    base, percent = (float(cost["breakdown"][name]) for name in ("baseGasCost", "facilitatorFee"))
    assert float(cost["amount"]) == pytest.approx(base + percent)
    assert percent == pytest.approx(base / 100, rel=1e-3)
    in_coin = quote["gas"] * int(quote["gasPrice"]) / 10**18
    assert base == pytest.approx(in_coin * int(quote["unitsPerNative"]) / 10**6, rel=1e-3)


def test_what_a_user_chose_stays(office: Office) -> None:
    """Gas, nonce and deadline."""
    chosen = {"gasLimit": 123_456, "nonce": "77", "deadline": NOW_SECONDS + 600}

    quote = office.drafting(BODY | chosen)

    assert {name: quote[name] for name in chosen} == chosen
    assert quote["typedData"]["metaTransaction"]["message"]["nonce"] == "77"


def test_a_draft_that_would_be_refused_is_refused(office: Office) -> None:
    """With the same words: nobody signs in vain."""
    assert office.chain.metatx

    def refused(error: type[RequestError], **changes: object) -> list[str]:
        with pytest.raises(error) as caught:
            office.drafting(BODY | changes)
        return [problem.field for problem in caught.value.problems]

    assert refused(TargetNotAllowedError, calldata="0xdeadbeef") == ["target"]
    assert refused(InvalidFieldsError, gasLimit=500_001) == ["gasLimit"]
    assert refused(InvalidFieldsError, chain_id=CHAIN_ID + 1) == ["chain_id"]
    assert refused(InvalidFieldsError, tip="1") == ["tip"]
    assert refused(DeadlinePassedError, deadline=5) == ["deadline"]
    assert refused(DeadlinePassedError, deadline=0) == ["deadline"]
    assert refused(InvalidFieldsError, deadline=99_999_999_999) == ["deadline"]
    office.chain.metatx.target_reverts = True
    assert refused(TrialFailedError) == ["calldata"]


def test_nothing_is_proposed_while_the_chain_is_away(office: Office) -> None:
    """503: it may be asked again."""
    office.chain.is_reachable = False

    with pytest.raises(AssuranceUnavailableError):
        office.drafting(BODY)
    with pytest.raises(AssuranceUnavailableError):
        office.nonce()


# -- nonces -------------------------------------------------------------------------------------


def test_nonces_count_from_zero_past_what_is_open_and_what_is_used(office: Office) -> None:
    """By the chain, and by what is accepted and not mined yet."""
    first = office.nonce()
    office.world.ingest("meta-transaction", signed_meta_transaction(nonce=0))
    second = office.nonce()
    office.world.settle()
    office.world.ingest("meta-transaction", signed_meta_transaction(nonce=1))
    office.world.ingest("meta-transaction", signed_meta_transaction(nonce=3))

    assert (first, second, office.nonce(), office.nonce(STRANGER)) == (0, 1, 2, 0)


def test_somebody_with_many_open_gets_any_nonce(office: Office) -> None:
    """They have no order, so a number at random is as good."""
    for nonce in range(16):
        office.world.ingest("meta-transaction", signed_meta_transaction(nonce=nonce, maxFee=600_000))

    nonces = {office.nonce(), office.nonce()}

    assert len(nonces) == 2
    assert all(nonce >= 16 for nonce in nonces)


def test_a_question_for_a_nonce_is_of_a_chain_that_has_the_contract(office: Office) -> None:
    """Which is known, where only one has it."""
    with pytest.raises(InvalidFieldsError) as caught:
        office.drafting.nonce(Address(PAYER.address), ChainId(1))

    assert [problem.field for problem in caught.value.problems] == ["chain_id"]
    assert office.drafting.nonce(Address(PAYER.address), ChainId(CHAIN_ID)) == {
        "user": PAYER.address,
        "chain_id": CHAIN_ID,
        "kind": "meta-transaction",
        "nonce": "0",
    }
