"""Forward requests from the post to the end, over the chain in memory: refused, taken, and in what order."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pytest
from pydantic import ValidationError

from ferryman.domain.eip1559 import Eip1559Transaction
from ferryman.domain.errors import (
    ContractMismatchError,
    InvalidFieldsError,
    NonceOutOfOrderError,
    NonceUsedError,
    RequestError,
    StoreUnavailableError,
    TargetNotAllowedError,
    TrialFailedError,
    WrongSignerError,
)
from ferryman.domain.events import Step
from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.quotas import SenderLimitedError
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Gas, Milliseconds, TransactionId
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.ports import NonceMarker
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.forwarder import FakeForwarder
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.forward_requests import FORWARDER, forwarder_settings, signed_forward_request
from tests.support.meta_transactions import RELAY, SELECTOR, relay_settings
from tests.support.payments import NOW_SECONDS, PAYER, STRANGER, TOKEN, address_of, chain_settings

SOON: Final = NOW_SECONDS + 120


@dataclass
class Ours:
    """A deployment with a forwarder, and two wallets."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock

    @property
    def forwarder(self) -> FakeForwarder:
        """The forwarder on the chain."""
        assert self.chain.forwarding
        return self.chain.forwarding

    def post(self, body: dict[str, Any]) -> Transaction:
        """Post a body; give the row."""
        return self.world.ingest("forward-request", body).transaction

    def refused(self, error: type[RequestError], body: dict[str, Any]) -> list[str]:
        """Post what must be refused and leave nothing behind; give the fields that it names."""
        before = len(self.world.rows())
        with pytest.raises(error) as refused:
            self.post(body)
        assert len(self.world.rows()) == before
        return [problem.field for problem in refused.value.problems]

    def now(self, row: Transaction) -> Transaction:
        """Give a row as it is now."""
        (known,) = self.world.store.get_many([row.transaction_id])
        return known

    def end_of(self, *rows: Transaction) -> list[tuple[Status, str | None]]:
        """Let everything end; give how each did."""
        self.world.settle()
        self.world.check_events()
        self.world.check_nonces()
        assert self.world.reserved() == self.world.held() == 0
        return [(self.now(row).status, self.now(row).reason) for row in rows]

    def elsewhere(self, body: dict[str, Any]) -> None:
        """Have a stranger forward a request: anybody may."""
        settings = self.chain.settings
        payload = FORWARD_REQUEST.parse(body, {settings.chain_id: settings}).payload
        self.chain.relay(payload, kind="forward-request")


@pytest.fixture
def ours() -> Ours:
    """Build one."""
    return deployed()


def deployed(*, forwarder: dict[str, object] | None = None, **changes: Any) -> Ours:  # noqa: ANN401 (of the settings)
    """Build one that is configured so."""
    clock, signer = FakeClock(NOW_SECONDS * 1_000), FakeSigner([b"\x07" * 32, b"\x08" * 32])
    settings = forwarder_settings(forwarder=forwarder, **changes)
    chain = FakeChain(settings, clock)
    return Ours(World(settings, chain, signer, clock), chain, signer, clock)


DONE: Final = (Status.CONFIRMED, None)


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("value", "1"),
        ("gas", 500_001),
        ("gas", 0),
        ("data", "0x"),
        ("deadline", 2**48),
        ("nonce", "-1"),
        ("signature", "0x" + "1b" * 100),
    ],
)
def test_a_field_that_is_wrong_is_named(ours: Ours, field: str, value: object) -> None:
    """And nothing else is; no coin is ever sent along."""
    assert ours.refused(InvalidFieldsError, signed_forward_request() | {field: value}) == [field]


@pytest.mark.parametrize("call", [{"data": b"\xde\xad\xbe\xef" + bytes(64)}, {"to": FORWARDER}])
def test_what_is_not_on_the_list_is_refused(ours: Ours, call: dict[str, Any]) -> None:
    """By target and selector; the forwarder has no list, so ours is the only one."""
    assert ours.refused(TargetNotAllowedError, signed_forward_request(**call)) == ["to"]


@pytest.mark.parametrize("target", [FORWARDER, RELAY, TOKEN, chain_settings().escrow])
def test_our_own_contracts_and_tokens_cannot_be_on_the_list(target: str) -> None:
    """A forwarded call of a token that trusted it could move whatever its signer has."""
    relay = relay_settings().relay
    allowed = [{"target": target, "selectors": ["0x" + SELECTOR.hex()]}]

    with pytest.raises(ValidationError, match="must not name this chain's own contracts"):
        forwarder_settings(
            forwarder={"allowed": allowed},
            relay=relay,
            authorized_tokens=relay_settings().authorized_tokens,
        )


def test_more_gas_than_a_transaction_gets_cannot_be_promised() -> None:
    """The forwarder burns everything if a target could not have what was asked for."""
    with pytest.raises(ValidationError, match="gas_limit_cap"):
        forwarder_settings(forwarder={"most_gas": 900_000})


def test_a_call_that_the_target_refuses_now_is_refused(ours: Ours) -> None:
    """Nobody but the operator would pay for it."""
    ours.forwarder.target_reverts = True

    assert ours.refused(TrialFailedError, signed_forward_request()) == ["data"]


def test_a_target_that_does_not_trust_the_forwarder_is_a_slip_of_the_operators(ours: Ours) -> None:
    """It is on the list, and would take the forwarder itself for its caller."""
    ours.forwarder.is_trusted = False

    assert ours.refused(ContractMismatchError, signed_forward_request()) == []


def test_a_forwarder_of_another_name_is_not_ours(ours: Ours) -> None:
    """It would take no signature that we take."""
    ours.forwarder.settings = ours.forwarder.settings.model_copy(update={"name": "Another"})

    assert ours.refused(ContractMismatchError, signed_forward_request()) == []


def test_what_the_forwarder_does_not_verify_is_refused(ours: Ours) -> None:
    """Its clock is ahead of ours, say: what it says of its own next request counts."""
    body = signed_forward_request()
    ours.post(signed_forward_request(nonce=0, deadline=SOON))
    settings = ours.chain.settings
    payload = FORWARD_REQUEST.parse(body, {settings.chain_id: settings}).payload

    with pytest.raises(TrialFailedError, match="does not verify"):
        FORWARD_REQUEST.assess(payload, [bytes(32)] * 3)


def test_a_contract_wallet_is_not_asked(ours: Ours) -> None:
    """It would vouch, and the forwarder never asks it: the request would wait for its deadline."""
    ours.chain.contract_wallets.add(PAYER.address)
    body = signed_forward_request(by=STRANGER, **{"from": PAYER.address})

    assert ours.refused(WrongSignerError, body) == ["signature"]


def test_a_sender_has_a_budget_for_the_gas_that_it_asks_for() -> None:
    """Its requests are free: what they may cost us is what limits them."""
    one = deployed(sender_limits={"daily_gas_wei": 500_000 * 10**9})
    one.post(signed_forward_request(gas=200_000))

    assert one.refused(SenderLimitedError, signed_forward_request(gas=200_000, nonce=1)) == ["sender"]


# -- what is carried out ------------------------------------------------------------------------


def test_a_request_is_carried_out_with_all_the_gas_that_its_target_was_promised(ours: Ours) -> None:
    """63/64 of what is left reach a target, whatever the estimate says that it uses."""
    ours.chain.is_mining = False
    row = ours.post(signed_forward_request(gas=400_000))
    ours.world.deliver()
    (sent,) = ours.chain.mempool.values()
    ours.chain.is_mining = True

    assert Eip1559Transaction.of(sent.raw).gas_limit >= 400_000 * 64 // 63 + 21_000
    assert ours.end_of(row) == [DONE]
    assert ours.now(row).fee_taken is None


@pytest.mark.parametrize(("asked", "size"), [(1, 68), (63, 68), (64, 68), (500_000, 4_096)])
def test_a_transactions_gas_leaves_the_forwarder_what_it_looks_for(asked: int, size: int) -> None:
    """OpenZeppelin's `_checkForwardedGas`: after a call that used all of it a 63rd must be left."""
    limit = ForwarderSettings.transaction_gas(Gas(asked), call_bytes=size)

    at_the_call = limit - 21_000 - 16 * size - 60_000
    assert at_the_call - at_the_call // 64 >= asked
    assert at_the_call - asked >= asked // 63


def test_requests_of_one_signer_are_mined_in_order_and_never_in_vain(ours: Ours) -> None:
    """Posted at once, with two wallets free: each waits until the one before it is mined."""
    rows = [ours.post(signed_forward_request(nonce=nonce)) for nonce in range(3)]

    assert ours.end_of(*rows) == [DONE] * 3

    blocks = [ours.now(row).block_number or 0 for row in rows]
    assert blocks == sorted(set(blocks))
    assert ours.chain.reverted == []
    assert [ours.now(row).failures for row in rows] == [0, 0, 0]


def test_a_request_goes_on_as_soon_as_the_one_before_it_is_mined(ours: Ours) -> None:
    """Many at once would else be looked at ever more rarely: the last of six after a minute and a half."""
    rows = [ours.post(signed_forward_request(nonce=nonce)) for nonce in range(6)]

    assert ours.end_of(*rows) == [DONE] * 6

    over = [ours.now(row).reached[Step.CONFIRMED.value] for row in rows]
    # The runs here are five seconds apart, those of a deployment are not.
    assert all(later - earlier <= 6_000 for earlier, later in pairwise(over))


class Forgetful:
    """A store that can be kept from telling who holds a nonce."""

    def __init__(self, store: Any) -> None:  # noqa: ANN401 (any port)
        self._store = store
        self.forgets = False

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any method)
        return getattr(self._store, name)

    def holder(self, marker: NonceMarker) -> TransactionId | None:
        """Refuse as DynamoDB does when it is away, if it is to."""
        if self.forgets:
            raise StoreUnavailableError("DynamoDB gave no answer: EndpointConnectionError")
        found: TransactionId | None = self._store.holder(marker)
        return found


def test_what_comes_next_cannot_hold_up_what_is_mined(ours: Ours) -> None:
    """Confirm goes on without calling it up, and says so: it is looked at when its own time comes."""
    store = Forgetful(ours.world.store)
    ours.world.wrap = lambda name, port: store if name == "store" else port
    ours.world.restart()
    rows = [ours.post(signed_forward_request(nonce=nonce)) for nonce in range(2)]

    for _ in range(5):
        ours.world.deliver()
        store.forgets = True
        ours.world.follow(run_ms=1_000)
        store.forgets = False
        ours.clock.sleep(Milliseconds(2_000))

    said = [
        values for _, message, values in ours.world.log.lines if message == "what comes next is not called up"
    ]
    assert [values["transaction_id"] for values in said] == [row.transaction_id for row in rows]
    assert ours.end_of(*rows) == [DONE, DONE]


def test_a_request_waits_for_the_one_before_it_as_long_as_that_takes(ours: Ours) -> None:
    """No block is mined for a while: the second one holds no nonce, and costs nothing."""
    ours.chain.is_mining = False
    first, second = (ours.post(signed_forward_request(nonce=nonce)) for nonce in range(2))
    for _ in range(30):
        ours.world.deliver()
        ours.world.follow(run_ms=1_000)
        ours.clock.sleep(Milliseconds(2_000))

    waiting = ours.now(second)
    ours.chain.is_mining = True

    assert (ours.now(first).status, waiting.status) == (Status.PENDING, Status.VALIDATED)
    assert waiting.last_error == "what its sender signed before it is not mined yet"
    assert waiting.failures == 0
    assert ours.end_of(first, second) == [DONE, DONE]


def test_a_gap_is_refused_until_it_is_filled(ours: Ours) -> None:
    """So that nothing waits for what nobody has posted."""
    second = signed_forward_request(nonce=1)

    assert ours.refused(NonceOutOfOrderError, second) == ["nonce"]
    first = ours.post(signed_forward_request(nonce=0))

    assert ours.end_of(first, ours.post(second)) == [DONE, DONE]


def test_no_more_wait_than_are_configured() -> None:
    """Each is looked at again and again."""
    one = deployed(forwarder={"most_ahead": 2})
    one.chain.is_mining = False
    rows = [one.post(signed_forward_request(nonce=nonce)) for nonce in range(3)]

    assert one.refused(NonceOutOfOrderError, signed_forward_request(nonce=3)) == ["nonce"]
    one.chain.is_mining = True
    one.world.settle()

    assert one.end_of(*rows, one.post(signed_forward_request(nonce=3))) == [DONE] * 4


def test_requests_that_were_taken_while_the_chain_was_away_wait_for_each_other(ours: Ours) -> None:
    """Nothing could be checked then; one without the one before it waits till its deadline, at no cost."""
    ours.chain.is_reachable = False
    rows = [ours.post(signed_forward_request(nonce=nonce, deadline=SOON)) for nonce in (0, 1, 7)]
    ours.chain.is_reachable = True

    assert ours.end_of(*rows) == [DONE, DONE, (Status.FAILED, "deadline_passed")]
    assert ours.chain.reverted == []


# -- what fails ---------------------------------------------------------------------------------


def test_a_target_that_reverts_is_waited_for_and_holds_up_what_comes_after(ours: Ours) -> None:
    """Its nonce is not used, so nothing after it can be carried out; nothing is sent meanwhile."""
    rows = [ours.post(signed_forward_request(nonce=nonce, deadline=SOON + nonce)) for nonce in range(2)]
    ours.forwarder.target_reverts = True

    assert ours.end_of(*rows) == [(Status.FAILED, "deadline_passed")] * 2
    assert ours.chain.sends == 0


def test_a_nonce_that_failed_can_be_signed_for_again(ours: Ours) -> None:
    """The chain takes no other one: else the signer could never go on."""
    failed = ours.post(signed_forward_request(deadline=SOON))
    ours.forwarder.target_reverts = True
    ours.end_of(failed)
    ours.forwarder.target_reverts = False
    deadline = ours.clock.now() // 1_000 + 600

    again = ours.post(signed_forward_request(deadline=deadline))
    assert ours.refused(NonceUsedError, signed_forward_request(deadline=deadline + 1)) == ["nonce"]
    following = ours.post(signed_forward_request(nonce=1, deadline=deadline))

    assert ours.end_of(failed, again, following) == [(Status.FAILED, "deadline_passed"), DONE, DONE]
    assert ours.post(signed_forward_request(deadline=SOON)) == ours.now(failed)


def test_what_follows_a_request_that_failed_is_refused(ours: Ours) -> None:
    """It would wait for nobody."""
    failed = ours.post(signed_forward_request(deadline=SOON))
    ours.forwarder.target_reverts = True
    ours.end_of(failed)
    ours.forwarder.target_reverts = False
    deadline = ours.clock.now() // 1_000 + 600

    assert ours.refused(NonceOutOfOrderError, signed_forward_request(nonce=1, deadline=deadline)) == ["nonce"]


def test_a_request_that_reverts_on_chain_is_tried_once_more_and_no_more_often(ours: Ours) -> None:
    """A target that changes its mind between simulation and block costs two transactions at most."""
    row = ours.post(signed_forward_request())
    for _ in range(2):
        ours.chain.is_mining = False
        ours.world.deliver()
        ours.forwarder.target_reverts = True
        ours.chain.mine()
        ours.forwarder.target_reverts = False
        ours.chain.is_mining = True
        ours.world.follow(run_ms=1_000)
        ours.clock.sleep(Milliseconds(2_000))
        ours.world.follow(run_ms=1_000)

    assert ours.end_of(row) == [(Status.FAILED, "reverted")]
    assert len(ours.chain.reverted) == 2


# -- who else may send it -----------------------------------------------------------------------


@pytest.mark.parametrize("is_bound", [False, True])
def test_a_request_that_a_stranger_forwards_counts_as_carried_out(ours: Ours, *, is_bound: bool) -> None:
    """Anybody may; it is what was asked for, by another transaction."""
    body = signed_forward_request()
    row = ours.post(body)
    if is_bound:
        ours.chain.is_mining = False
        ours.world.deliver()
    ours.elsewhere(body)
    ours.chain.is_mining = True

    assert ours.end_of(row) == [DONE]
    assert Step.RECOVERED.value in ours.now(row).reached
    assert ours.now(row).wallet is None or is_bound


def test_another_request_of_the_same_nonce_is_not_taken_for_ours(ours: Ours) -> None:
    """The forwarder's log names the nonce only: the calldata shows whose signature was used."""
    row = ours.post(signed_forward_request())
    ours.elsewhere(signed_forward_request(gas=90_000))

    assert ours.end_of(row) == [(Status.FAILED, "nonce_used")]
    assert ours.refused(NonceUsedError, signed_forward_request(gas=80_000)) == ["nonce"]


# -- reorgs -------------------------------------------------------------------------------------


def test_a_reorg_that_turns_the_order_round_loses_nothing() -> None:
    """The second is mined first and reverts; it is simulated anew, and mined after the first."""
    ours = deployed(window=1, window_most=1)
    first = ours.post(signed_forward_request())
    ours.world.deliver()
    ours.chain.mine()
    second = ours.post(signed_forward_request(nonce=1))
    assert ours.end_of(first, second) == [DONE, DONE]
    # One wallet's nonces would keep the order.
    assert ours.now(first).wallet != ours.now(second).wallet
    depth = ours.chain.head().number - (ours.now(first).block_number or 0) + 1

    ours.chain.reorg(depth)
    kept = {key: sent for key, sent in ours.chain.mempool.items() if key[0] == ours.now(second).wallet}
    ours.chain.mempool = kept
    ours.chain.mine()
    assert len(ours.chain.reverted) == 1

    for _ in range(20):
        ours.clock.sleep(Milliseconds(2_000))
        ours.world.follow(run_ms=3_000)
        while ours.world.deliver():
            pass
    assert ours.end_of(first, second) == [DONE, DONE]
    blocks = [ours.now(row).block_number or 0 for row in (first, second)]
    assert blocks == sorted(blocks)
    assert ours.chain.state.forwarder.nonces[address_of(PAYER)] == 2


def reverted_after_a_reorg(ours: Ours, row: Transaction) -> None:
    """Have a reorg undo the block of a request, and another take it too early."""
    depth = ours.chain.head().number - (ours.now(row).block_number or 0) + 1
    reverted = len(ours.chain.reverted)
    ours.chain.reorg(depth)
    ours.forwarder.target_reverts = True
    ours.chain.mine()
    ours.forwarder.target_reverts = False
    assert len(ours.chain.reverted) == reverted + 1
    ours.clock.sleep(Milliseconds(5_000))
    ours.world.follow(run_ms=1_000)


@pytest.mark.parametrize("confirmations", [1, 3])
def test_each_reorg_may_put_a_request_too_early_once(confirmations: int) -> None:
    """That it was tried once more after the one before says nothing of this one."""
    ours = deployed(required_confirmations=confirmations)
    row = ours.post(signed_forward_request())
    assert ours.end_of(row) == [DONE]

    for _ in range(3):
        reverted_after_a_reorg(ours, row)
        assert ours.end_of(row) == [DONE]

    assert len(ours.chain.reverted) == 3


def test_what_a_stranger_forwarded_and_the_chain_lost_may_be_put_too_early_as_well() -> None:
    """That it went back to get a nonce of ours was no try."""
    ours = deployed()
    body = signed_forward_request()
    row = ours.post(body)
    ours.elsewhere(body)
    ours.clock.sleep(Milliseconds(2_000))
    assert ours.end_of(row) == [DONE]
    assert ours.signer.signatures == 0
    ours.chain.replace(ours.chain.head().number - (ours.now(row).block_number or 0) + 1, keeps_mempool=False)
    ours.clock.sleep(Milliseconds(61_000))
    ours.world.follow(run_ms=3_000)

    ours.chain.is_mining = False
    ours.world.deliver()
    ours.forwarder.target_reverts = True
    ours.chain.mine()
    ours.forwarder.target_reverts = False
    ours.chain.is_mining = True

    assert ours.end_of(row) == [DONE]
    assert len(ours.chain.reverted) == 1
    assert Step.RETURNED.value in ours.now(row).reached
