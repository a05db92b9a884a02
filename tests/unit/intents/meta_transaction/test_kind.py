"""Meta-transactions from the post to the end, over the chain in memory: what is refused, taken and paid."""

from dataclasses import dataclass
from typing import Any, Final

import pytest
from pydantic import ValidationError

from ferryman.adapters.dynamodb.statistics import DynamoStatistics
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ContractMismatchError,
    InsufficientFundsError,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TargetNotAllowedError,
    TrialFailedError,
)
from ferryman.domain.pricing import FeeTooLowError
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Milliseconds, TokenUnits
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.services.records import record_of
from tests.fakes.chain import GAS_USED, FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.relay import FakeRelay
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.meta_transactions import (
    SELECTOR,
    TARGET,
    UNITS_PER_NATIVE,
    relay_settings,
    signed_meta_transaction,
)
from tests.support.payments import DEADLINE, NOW_SECONDS, PAYER, STRANGER, chain_settings
from tests.support.settlements import ASSET, signed_settlement

BALANCE: Final = 1_500_000


@dataclass
class Ours:
    """A deployment with a relay, and a user with some tokens."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock

    @property
    def relay(self) -> FakeRelay:
        """The relay on the chain."""
        assert self.chain.metatx
        return self.chain.metatx

    def post(self, body: dict[str, Any]) -> Transaction:
        """Post a body; give the row."""
        return self.world.ingest("meta-transaction", body).transaction

    def refused(self, error: type[RequestError], body: dict[str, Any]) -> list[str]:
        """Post what must be refused and leave nothing behind; give the fields that it names."""
        with pytest.raises(error) as refused:
            self.post(body)
        assert not self.world.rows()
        assert self.world.reserved() == 0
        assert (self.signer.signatures, self.chain.sends) == (0, 0)
        return [problem.field for problem in refused.value.problems]

    def row(self) -> Transaction:
        """Give the only row."""
        (row,) = self.world.rows()
        return row

    def balance(self, holder: str) -> int:
        """What somebody has of the token."""
        return self.chain.state.tokens.balances.get((ASSET.lower(), holder.lower()), 0)


@pytest.fixture
def ours() -> Ours:
    """Build one."""
    return deployed()


def deployed(**relay: object) -> Ours:
    """Build one whose relay is configured so."""
    clock, signer = FakeClock(NOW_SECONDS * 1_000), FakeSigner([b"\x07" * 32])
    settings = relay_settings(relay=relay)
    chain = FakeChain(settings, clock)
    chain.give(ASSET, PAYER.address, BALANCE)
    one = Ours(World(settings, chain, signer, clock), chain, signer, clock)
    one.relay.allowed.add((Address(TARGET), SELECTOR))
    return one


# -- what is refused ----------------------------------------------------------------------------


def test_a_function_that_the_relay_does_not_call_is_refused(ours: Ours) -> None:
    """By target and selector; the relay's own list decides."""
    other = b"\xde\xad\xbe\xef" + bytes(64)

    assert ours.refused(TargetNotAllowedError, signed_meta_transaction(data=other)) == ["target"]


def test_a_call_that_the_target_refuses_now_is_refused(ours: Ours) -> None:
    """It would be paid for all the same."""
    ours.relay.target_reverts = True

    assert ours.refused(TrialFailedError, signed_meta_transaction()) == ["calldata"]


def test_an_authorization_that_another_signed_is_refused(ours: Ours) -> None:
    """The token is asked: it alone knows whom it takes a signature of."""
    body = signed_meta_transaction()
    theirs = signed_meta_transaction(by=STRANGER, user=PAYER.address)

    assert ours.refused(TrialFailedError, body | {"feeAuthorization": theirs["feeAuthorization"]}) == [
        "feeAuthorization"
    ]


def test_an_authorization_of_another_request_is_refused(ours: Ours) -> None:
    """Its nonce is the request's hash: one signature chain, or nothing."""
    body = signed_meta_transaction()
    other = signed_meta_transaction(nonce=8)

    assert ours.refused(TrialFailedError, body | {"feeAuthorization": other["feeAuthorization"]}) == [
        "feeAuthorization"
    ]


def test_a_cancelled_authorization_is_refused(ours: Ours) -> None:
    """That is how a user calls a request off."""
    body = signed_meta_transaction()
    settings = ours.chain.settings
    payload = META_TRANSACTION.parse(body, {settings.chain_id: settings}).payload
    state_read = META_TRANSACTION.state_reads(payload)[4]
    nonce = state_read.data[-32:]
    ours.chain.state.tokens.used.add((ASSET.lower(), PAYER.address.lower(), nonce))

    assert ours.refused(NonceUsedError, body) == ["feeAuthorization"]


@pytest.mark.parametrize(
    ("members", "payment", "field"),
    [
        ({"gasLimit": 500_001}, {}, "gasLimit"),
        ({}, {"validBefore": DEADLINE}, "feeAuthorization"),
        ({}, {"validAfter": NOW_SECONDS}, "feeAuthorization.validAfter"),
        ({"data": b"\x01\x02\x03"}, {}, "calldata"),
    ],
)
def test_what_could_never_be_carried_out_is_refused(
    ours: Ours, members: dict[str, Any], payment: dict[str, Any], field: str
) -> None:
    """Too much gas, a payment that ends before its request or begins later, a call without a function."""
    body = signed_meta_transaction(payment=payment, **members)

    assert ours.refused(InvalidFieldsError, body) == [field]


def test_a_fee_that_does_not_cover_the_gas_is_refused(ours: Ours) -> None:
    """What is signed for has to cover all of the gas that the user asks for, at the market."""
    assert ours.refused(FeeTooLowError, signed_meta_transaction(maxFee=1_000)) == ["maxFee"]


def test_a_user_who_has_less_than_the_most_it_may_cost_is_refused(ours: Ours) -> None:
    """402: the authorization is of all of that."""
    assert ours.refused(InsufficientFundsError, signed_meta_transaction(maxFee=BALANCE + 1)) == ["maxFee"]


def test_a_chain_without_a_relay_takes_none() -> None:
    """And says which chains do."""
    settings = chain_settings()

    with pytest.raises(InvalidFieldsError) as refused:
        META_TRANSACTION.parse(signed_meta_transaction(), {settings.chain_id: settings})

    assert [problem.field for problem in refused.value.problems] == ["chain_id"]
    assert META_TRANSACTION.signing(settings) is None


def test_a_token_that_signs_otherwise_than_configured_is_our_mistake() -> None:
    """Every authorization would be refused by the token: say so at once."""
    one = deployed()
    name = one.chain.settings.authorized_tokens[Address(ASSET)].model_copy(update={"name": "Other"})
    one.chain.settings = one.chain.settings.model_copy(update={"authorized_tokens": {ASSET: name}})

    with pytest.raises(ContractMismatchError):
        one.post(signed_meta_transaction())


# -- what is taken ------------------------------------------------------------------------------


def test_what_the_relay_keeps_is_the_fee_and_the_rest_comes_back(ours: Ours) -> None:
    """Gas at its price and one percent, in the token; the record says so."""
    ours.post(signed_meta_transaction())
    assert ours.world.reserved() == 1_000_000

    ours.world.settle()

    fee = -(-GAS_USED * 10**9 * UNITS_PER_NATIVE * 101 // (10**18 * 100))
    row = ours.row()
    assert (row.status, row.fee_taken) == (Status.CONFIRMED, fee)
    assert ours.balance(PAYER.address) == BALANCE - fee
    assert ours.balance(ours.relay.settings.address) == fee
    assert row.margin == TokenUnits(fee - GAS_USED * 10**9 * UNITS_PER_NATIVE // 10**18)
    assert ours.world.reserved() == ours.world.held() == 0
    ours.world.check_events()


def test_a_target_that_fails_in_the_block_is_paid_for_and_the_record_says_so(ours: Ours) -> None:
    """The transaction did not revert, and yet what the user asked for did not happen."""
    ours.post(signed_meta_transaction())
    ours.relay.target_reverts = True

    ours.world.settle()

    row = ours.row()
    assert (row.status, row.reason) == (Status.FAILED, "call_reverted")
    assert row.fee_taken
    assert ours.balance(PAYER.address) == BALANCE - row.fee_taken
    assert ours.world.reserved() == ours.world.held() == 0


def test_the_price_is_the_one_of_its_acceptance(ours: Ours) -> None:
    """Whatever is configured meanwhile; and the same request is still the same record."""
    body = signed_meta_transaction()
    first = ours.post(body)
    assert ours.chain.settings.relay
    dearer = ours.chain.settings.relay.model_copy(update={"units_per_native": 2 * UNITS_PER_NATIVE})
    settings = ours.chain.settings.model_copy(update={"relay": dearer})
    later = World(
        settings, ours.chain, ours.signer, ours.clock, tables=ours.world.tables, queue=ours.world.queue
    )

    again = later.ingest("meta-transaction", body)
    later.settle()

    fee = -(-GAS_USED * 10**9 * UNITS_PER_NATIVE * 101 // (10**18 * 100))
    assert (again.is_new, again.transaction.transaction_id) == (False, first.transaction_id)
    assert ours.row().fee_taken == fee


def test_a_settlement_and_a_meta_transaction_cannot_spend_the_same_tokens(ours: Ours) -> None:
    """Both hold what they may take in one ledger."""
    ours.world.ingest("settlement", signed_settlement())

    with pytest.raises(InsufficientFundsError) as refused:
        ours.post(signed_meta_transaction())

    assert refused.value.free == BALANCE - 1_000_000


def test_what_was_received_while_the_chain_was_away_is_judged_later(ours: Ours) -> None:
    """Accepted without assurance, then carried out."""
    ours.chain.is_reachable = False
    ours.post(signed_meta_transaction())
    assert ours.row().status is Status.RECEIVED

    ours.chain.is_reachable = True
    ours.world.settle()

    assert ours.row().status is Status.CONFIRMED


@pytest.mark.parametrize("trouble", ["target", "call", "payment"])
def test_what_was_received_and_is_refused_later_ends_with_the_reason(ours: Ours, trouble: str) -> None:
    """At no cost: no gas, and no signature of ours."""
    body = signed_meta_transaction()
    if trouble == "payment":
        body["feeAuthorization"]["signature"] = "0x" + "1b" * 65
    ours.chain.is_reachable = False
    ours.post(body)

    ours.chain.is_reachable = True
    ours.relay.target_reverts = trouble == "call"
    if trouble == "target":
        ours.relay.allowed.clear()
    ours.clock.sleep(Milliseconds(20_000))
    ours.world.settle(rounds=5)

    reason = "target_not_allowed" if trouble == "target" else "trial_failed"
    assert (ours.row().status, ours.row().reason) == (Status.FAILED, reason)
    assert (ours.signer.signatures, ours.chain.sends) == (0, 0)


def test_the_record_tells_what_was_sent_and_no_signature(ours: Ours) -> None:
    """Nested as it came; a signature is nobody's business before it is mined."""
    body = signed_meta_transaction()

    told = record_of(ours.post(body))["intent"]

    assert told["feeAuthorization"] == {"validAfter": NOW_SECONDS - 600, "validBefore": DEADLINE + 1}
    assert told["calldata"] == body["calldata"]
    assert "signature" not in str(told)


def test_what_the_relay_has_earned_is_measured(ours: Ours) -> None:
    """Until a collector takes it."""
    ours.post(signed_meta_transaction())
    ours.world.settle()

    ours.world.gauge()

    gauges = DynamoStatistics(ours.world.tables).gauges(ours.chain.settings.chain_id)
    assert gauges
    assert gauges.earned == {ASSET: ours.row().fee_taken}
    assert gauges.gas_price_wei == 10**9 + 10**6


# -- the price of the coin ----------------------------------------------------------------------

FEED: Final = {
    "address": "0x" + "fe" * 20,
    "max_age_seconds": 3_600,
    "least_units": 500 * 10**6,
    "most_units": 5_000 * 10**6,
}


def fed(price: int, *, age_seconds: int = 60) -> Ours:
    """Build a deployment whose price is an aggregator's, with eight decimal places."""
    one = deployed(units_per_native=0, price_feed=FEED)
    one.relay.feed = (price, NOW_SECONDS - age_seconds)
    return one


def test_a_feed_tells_the_price_that_is_fixed_at_acceptance() -> None:
    """What it says later changes nothing."""
    one = fed(3_000 * 10**8)
    one.post(signed_meta_transaction())
    one.relay.feed = (4_000 * 10**8, NOW_SECONDS)

    one.world.settle()

    row = one.row()
    assert row.payload["token_per_native"] == str(3_000 * 10**6)
    assert row.fee_taken == -(-GAS_USED * 10**9 * 3_000 * 10**6 * 101 // (10**18 * 100))


@pytest.mark.parametrize(
    ("price", "age_seconds"), [(3_000, 3_601), (499, 60), (5_001, 60), (0, 60), (-3_000, 60)]
)
def test_a_price_that_is_old_or_unbelievable_is_not_used(price: int, age_seconds: int) -> None:
    """503, and nothing is stored: an operator is told by that the feed is in trouble."""
    one = fed(price * 10**8, age_seconds=age_seconds)

    assert one.refused(AssuranceUnavailableError, signed_meta_transaction()) == []


def test_the_fee_that_is_asked_for_follows_the_feed() -> None:
    """As the market does: quotes that are open are honoured, then the new price counts."""
    one = fed(1_000 * 10**8)
    gas = 100_000 + 180_000
    asked = -(-gas * (10**9 + 10**6) * 1_000 * 10**6 // 10**18)
    body = signed_meta_transaction(maxFee=-(-asked * 101 // 100))

    with pytest.raises(FeeTooLowError):
        one.post(signed_meta_transaction(nonce=8, maxFee=asked))
    one.post(body)
    one.relay.feed = (2_000 * 10**8, NOW_SECONDS)
    one.clock.sleep(Milliseconds(120_000))

    with pytest.raises(FeeTooLowError):
        one.post(signed_meta_transaction(nonce=9, maxFee=int(body["maxFee"])))


def test_a_relay_has_one_price() -> None:
    """Configured or fed, and not neither."""
    for relay in ({"units_per_native": 0}, {"price_feed": FEED}):
        with pytest.raises(ValidationError):
            relay_settings(relay=relay)
    with pytest.raises(ValidationError):
        relay_settings(relay={"units_per_native": 0, "price_feed": FEED | {"least_units": 10**12}})
    with pytest.raises(ValidationError):
        relay_settings(relay={"fee_token": "0x" + "12" * 20})
