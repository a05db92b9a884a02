"""Quotes of forward requests: what is proposed is taken as it is, in its turn."""

from dataclasses import dataclass
from typing import Any, Final

import pytest
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ContractMismatchError,
    InvalidFieldsError,
    NonceOutOfOrderError,
    NonceUsedError,
    RequestError,
    TargetNotAllowedError,
    TrialFailedError,
)
from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Gas
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.services.chains import ChainAccess
from ferryman.services.drafting import Drafting
from ferryman.services.market import MarketBook
from ferryman.services.nonces import NextNonces
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.forward_requests import FORWARDER, forwarder_settings, signed_forward_request
from tests.support.meta_transactions import CALLDATA, TARGET
from tests.support.payments import CHAIN_ID, NOW_SECONDS, PAYER, STRANGER

BODY: Final[dict[str, Any]] = {
    "chain_id": CHAIN_ID,
    "from": PAYER.address,
    "to": TARGET,
    "data": "0x" + CALLDATA.hex(),
}


@dataclass
class Office:
    """A deployment with a forwarder, and what proposes requests for it."""

    world: World
    chain: FakeChain
    drafting: Drafting
    clock: FakeClock

    def nonce(self, user: LocalAccount = PAYER) -> int:
        """Ask which nonce to sign next."""
        return int(self.drafting.nonce(Address(user.address))["nonce"])

    def post(self, body: dict[str, Any]) -> Transaction:
        """Post a request; give the row."""
        return self.world.ingest("forward-request", body).transaction

    def refused(self, error: type[Exception], **changes: object) -> list[str]:
        """Ask for a draft that must be refused; give the fields that it names."""
        with pytest.raises(error) as caught:
            self.drafting(BODY | changes)
        assert isinstance(caught.value, RequestError)
        return [problem.field for problem in caught.value.problems]


def office_of(**forwarder: object) -> Office:
    """Build one whose forwarder is configured so."""
    clock = FakeClock(NOW_SECONDS * 1_000)
    chain = FakeChain(forwarder_settings(forwarder=forwarder), clock)
    world = World(chain.settings, chain, FakeSigner([b"\x07" * 32, b"\x08" * 32]), clock)
    drafting = Drafting(
        kind=FORWARD_REQUEST,
        chains={chain.settings.chain_id: ChainAccess(chain.settings, chain)},
        book=MarketBook(DynamoMarkets(world.tables), clock),
        next_nonce=NextNonces(FORWARD_REQUEST.ordered, world.store),
        clock=clock,
    )
    return Office(world, chain, drafting, clock)


@pytest.fixture
def office() -> Office:
    """Build one."""
    return office_of()


def post_of(quote: dict[str, Any]) -> dict[str, Any]:
    """Write the body of the post by what the quote says alone."""
    signed = PAYER.sign_message(encode_typed_data(full_message=quote["typed_data"]))
    return {
        "chain_id": quote["chain_id"],
        **quote["typed_data"]["message"],
        "signature": "0x" + bytes(signed.signature).hex(),
    }


def test_what_is_proposed_is_taken_as_it_is_and_carried_out(office: Office) -> None:
    """The members of the typed data are those of the post; one after the other, in order."""
    rows = [office.post(post_of(office.drafting(BODY))) for _ in range(3)]
    office.world.settle()

    ended = office.world.store.get_many([row.transaction_id for row in rows])
    assert [row.status for row in ended] == [Status.CONFIRMED] * 3
    assert [row.payload["nonce"] for row in ended] == ["0", "1", "2"]
    assert [row.payload["gas"] for row in ended] == [rows[0].payload["gas"]] * 3


def test_a_quote_says_what_it_will_take(office: Office) -> None:
    """The target's gas is what it uses and a quarter; the transaction's is what the post is planned with."""
    quote = office.drafting(BODY)
    row = office.post(post_of(quote))

    assert quote["forwarder"] == FORWARDER
    assert quote["gas_estimate"] < quote["gas"] * 2
    assert quote["deadline"] == NOW_SECONDS + 3_600
    settings = office.chain.settings
    assert quote["transaction_gas"] == FORWARD_REQUEST.schedule(row.payload, settings).gas


def test_what_a_user_chose_stays(office: Office) -> None:
    """Gas, nonce and deadline, in either form."""
    chosen = {"gas": 123_456, "nonce": "7", "deadline": NOW_SECONDS + 600}

    quotes = [office.drafting(BODY | chosen), office.drafting(BODY | {k: str(v) for k, v in chosen.items()})]

    assert [{name: quote[name] for name in chosen} for quote in quotes] == [chosen, chosen]


def test_a_deadline_is_proposed_that_the_operator_takes() -> None:
    """Where an hour is too far off, the farthest."""
    short = office_of(longest_seconds=60)

    quote = short.drafting(BODY)

    assert quote["deadline"] == NOW_SECONDS + 60
    assert short.post(post_of(quote)).status is Status.VALIDATED


@pytest.mark.parametrize(
    ("used", "most", "asked"), [(40_000, 500_000, 50_000), (40_000, 45_000, 45_000), (60_000, 45_000, 60_000)]
)
def test_gas_is_what_is_used_and_a_quarter_within_what_may_be_had(used: int, most: int, asked: int) -> None:
    """What would not fit even without the margin is asked for all the same, and refused."""
    allowed = [{"target": TARGET, "selectors": ["0x" + CALLDATA[:4].hex()]}]
    ours = ForwarderSettings.model_validate(
        {"address": FORWARDER, "name": "A", "allowed": allowed, "most_gas": most}
    )
    call = b"\x01" * 4 + bytes(60)
    estimate = Gas(21_000 + 4 * 16 + 60 * 4 + used)

    assert ours.asked_gas(estimate, call=call) == asked


def test_a_draft_that_would_be_refused_is_refused(office: Office) -> None:
    """With the same words: nobody signs in vain."""
    assert office.chain.forwarding

    assert office.refused(TargetNotAllowedError, data="0xdeadbeef") == ["to"]
    assert office.refused(InvalidFieldsError, gas=500_001) == ["gas"]
    assert office.refused(InvalidFieldsError, chain_id=CHAIN_ID + 1) == ["chain_id"]
    assert office.refused(InvalidFieldsError, value="1") == ["value"]
    office.chain.forwarding.target_reverts = True
    assert office.refused(TrialFailedError) == ["data"]
    office.chain.forwarding.is_trusted = False
    assert office.refused(ContractMismatchError) == []


def test_a_target_that_needs_more_gas_than_there_is_is_not_proposed() -> None:
    """The post would be refused."""
    assert office_of(most_gas=20_000).refused(InvalidFieldsError) == ["gas"]


def test_nothing_is_proposed_while_the_chain_is_away(office: Office) -> None:
    """503: it may be asked again."""
    office.chain.is_reachable = False

    with pytest.raises(AssuranceUnavailableError):
        office.drafting(BODY)
    with pytest.raises(AssuranceUnavailableError):
        office.nonce()


# -- nonces -------------------------------------------------------------------------------------


def test_a_nonce_follows_what_is_mined_and_what_is_open(office: Office) -> None:
    """By the chain, and by what is accepted; another signer has its own."""
    before = office.nonce()
    office.post(signed_forward_request(nonce=0))
    one_open = office.nonce()
    office.world.settle()
    one_mined = office.nonce()
    office.post(signed_forward_request(nonce=1, deadline=office.clock.now() // 1_000 + 600))

    assert (before, one_open, one_mined, office.nonce(), office.nonce(STRANGER)) == (0, 1, 1, 2, 0)


def test_two_who_ask_at_once_are_told_the_same_and_one_is_refused(office: Office) -> None:
    """Nothing is held by asking; the second one asks again, and signs anew."""
    first, second = office.drafting(BODY), office.drafting(BODY | {"gas": 90_000})
    office.post(post_of(first))

    with pytest.raises(NonceUsedError) as refused:
        office.post(post_of(second))

    assert first["nonce"] == second["nonce"] == "0"
    assert [problem.field for problem in refused.value.problems] == ["nonce"]
    assert office.post(post_of(office.drafting(BODY | {"gas": 90_000}))).payload["nonce"] == "1"


def test_a_nonce_that_failed_comes_first_also_before_one_that_waits_for_it(office: Office) -> None:
    """What was signed after it goes on once somebody has used it."""
    office.post(signed_forward_request(nonce=0, deadline=NOW_SECONDS + 60))
    waiting = office.post(signed_forward_request(nonce=1))
    assert office.chain.forwarding
    office.chain.forwarding.target_reverts = True
    office.world.settle(rounds=24)
    office.chain.forwarding.target_reverts = False

    quote = office.drafting(BODY)
    again = office.post(post_of(quote))
    office.world.settle()

    assert quote["nonce"] == "0"
    ended = office.world.store.get_many([again.transaction_id, waiting.transaction_id])
    assert [row.status for row in ended] == [Status.CONFIRMED] * 2


def test_nobody_is_told_to_sign_more_than_may_wait() -> None:
    """The post would be refused; once one is mined there is room."""
    full = office_of(most_ahead=1)
    full.chain.is_mining = False
    for _ in range(2):
        full.post(post_of(full.drafting(BODY)))

    with pytest.raises(NonceOutOfOrderError):
        full.nonce()
    assert full.refused(NonceOutOfOrderError) == ["nonce"]
    full.chain.is_mining = True
    full.world.settle()

    assert full.nonce() == 2
