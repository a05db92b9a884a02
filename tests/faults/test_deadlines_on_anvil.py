"""The rule of deadlines on a real chain with the real contracts: accepted payments come before any claim."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from eth_typing import ChecksumAddress
from web3 import Web3

from ferryman.domain.errors import ChainUnreachableError, InsufficientFundsError
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds
from ferryman.ports import SendOutcome, SendResult
from tests.faults.real_chain import RealChain, RealWorld, request

HOUR_SECONDS = 3_600


@dataclass
class Endpoint:
    """Our way to the chain, which can be cut; the chain itself goes on."""

    port: Any
    is_away: bool = False

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Give the port's method, or one that finds nobody."""
        if not self.is_away:
            return getattr(self.port, method)  # type: ignore[no-any-return]
        return self._unsent if method == "send" else self._unreached

    def _unsent(self, envelopes: Any) -> tuple[SendResult, ...]:  # noqa: ANN401 (as the port)
        return tuple(SendResult(SendOutcome.POSSIBLY_SENT, "cut") for _ in envelopes)

    def _unreached(self, *_args: Any, **_named: Any) -> None:  # noqa: ANN401 (as the port)
        raise ChainUnreachableError(31337, "cut")  # type: ignore[arg-type]


@dataclass
class Race:
    """A payer who withdraws while a payment of his is on its way."""

    chain: RealChain
    real: RealWorld
    endpoint: Endpoint
    locked: int
    is_cached: bool

    @property
    def payer(self) -> ChecksumAddress:
        """The payer's address."""
        return Web3.to_checksum_address(self.real.payers[0].address)

    @property
    def now_seconds(self) -> int:
        """The time, of our clock and the chain's."""
        return self.real.clock.now() // 1000

    @property
    def latest_deadline(self) -> int:
        """The last that is accepted now."""
        settings = self.chain.settings
        return self.now_seconds + settings.grace_seconds - settings.withdrawal_margin_seconds

    def request_withdrawal(self, units: int) -> int:
        """Announce a withdrawal in the next block; give the second from which it can be claimed."""
        escrow, token = self.chain.contracts.escrow.functions, self.chain.contracts.usdc.address
        assert self.transact(escrow.requestWithdraw(token, units))
        _, claimable_at = escrow.pendingWithdrawal(token, self.payer).call()
        return int(claimable_at)

    def claimed_in_the_first_second(self, claimable_at: int) -> int:
        """Claim as soon as the contract lets the payer, and not before; give what was paid out."""
        token = self.chain.contracts.usdc
        claim = self.chain.contracts.escrow.functions.claim(token.address)
        before = token.functions.balanceOf(self.payer).call()
        self.jump_to(claimable_at - 2)
        assert not self.transact(claim), "a second too early"
        assert self.transact(claim)
        assert self.chain.web3.eth.get_block("latest")["timestamp"] == claimable_at
        return int(token.functions.balanceOf(self.payer).call()) - int(before)

    def transact(self, call: Any) -> bool:  # noqa: ANN401 (web3's functions)
        """Send a call of the payer, mined in a block of its own; give whether it succeeded."""
        sent = call.transact({"from": self.payer, "gas": 500_000})
        newest = int(self.chain.web3.eth.get_block("latest")["timestamp"])
        self.jump_to(max(self.now_seconds, newest) + 1)
        return bool(self.chain.web3.eth.get_transaction_receipt(sent)["status"])

    def jump_to(self, seconds: int) -> None:
        """Let time pass on the chain and for us, with one block at its end."""
        self.real.clock.jump_to(seconds)

    def pay(self, units: int, deadline: int) -> str:
        """Post a payment; give its status."""
        body = self.real.payers[0].pay(units, deadline=deadline)
        return str(self.real.world.post(body).transaction.status)


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """One anvil for all; what happens is undone."""
    with RealChain.running() as running:
        yield running


@pytest.fixture(params=["read from the chain", "cached"])
def race(chain: RealChain, request: pytest.FixtureRequest) -> Iterator[Race]:
    """Give a race in which acceptance rests on the chain, or on what watch has seen before the withdrawal."""
    with chain.rewound():
        endpoints: list[Endpoint] = []

        def wrap(name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
            if name == "chain":
                endpoints.append(Endpoint(port))
                return endpoints[-1]
            return port

        real = chain.world(wrap)
        is_cached = request.param == "cached"
        one = Race(chain, real, endpoints[-1], chain.locked(real.payers[0].address), is_cached)
        impersonate(chain, one.payer)
        if is_cached:
            one.request_withdrawal(1)
            assert one.transact(chain.contracts.escrow.functions.cancelWithdraw(chain.settings.tokens[0]))
            for _ in range(4):
                real.world.watch_once()
        yield one


def impersonate(chain: RealChain, payer: str) -> None:
    """Let anvil sign for the payer."""
    request(chain.web3, "anvil_impersonateAccount", payer)


def judged(race: Race) -> bool:
    """Whether any acceptance rested on the cache."""
    return any(named.get("outcome") == "judged" for _, _, named in race.real.world.metrics.added)


def test_a_withdrawal_requested_right_before_is_not_promised_to_anybody(race: Race) -> None:
    """Seen at the head, it lowers what is accepted; unseen by the cache, it cannot be claimed in time."""
    claimable_at = race.request_withdrawal(race.locked)
    deadline = race.latest_deadline

    if not race.is_cached:
        with pytest.raises(InsufficientFundsError):
            race.pay(1, deadline)
        return
    race.pay(race.locked, deadline)

    assert judged(race)
    assert deadline < claimable_at
    race.real.world.settle()
    assert [row.status for row in race.real.world.rows()] == [Status.CONFIRMED]
    assert race.claimed_in_the_first_second(claimable_at) == 0


@pytest.mark.parametrize("away_seconds", [0, HOUR_SECONDS])
def test_a_withdrawal_requested_right_after_finds_nothing_left(race: Race, away_seconds: int) -> None:
    """Also if our endpoint is away for an hour from then on; the claim comes in the first second it can."""
    status = race.pay(race.locked, race.latest_deadline)
    claimable_at = race.request_withdrawal(race.locked)
    race.endpoint.is_away = bool(away_seconds)
    race.real.world.deliver()
    race.jump_to(race.now_seconds + away_seconds + 1)
    race.endpoint.is_away = False
    race.real.world.settle()

    assert status == Status.VALIDATED
    assert judged(race) == race.is_cached
    assert [row.status for row in race.real.world.rows()] == [Status.CONFIRMED]
    assert race.claimed_in_the_first_second(claimable_at) == 0


def test_a_payment_that_waits_until_its_last_minute_still_comes_first(race: Race) -> None:
    """Our endpoint is away for nearly all of the grace period; even then the claim is later."""
    deadline = race.latest_deadline
    race.pay(race.locked, deadline)
    claimable_at = race.request_withdrawal(race.locked)
    race.endpoint.is_away = True
    race.real.world.deliver()
    race.jump_to(deadline - 60)
    race.endpoint.is_away = False
    race.real.world.settle()

    assert [row.status for row in race.real.world.rows()] == [Status.CONFIRMED]
    assert race.claimed_in_the_first_second(claimable_at) == 0


def test_accepted_while_the_chain_is_away_it_is_assured_by_what_the_chain_says_later(race: Race) -> None:
    """A withdrawal requested in that hour is found by the reading that assures: no promise, no gas."""
    race.endpoint.is_away = True
    race.real.clock.sleep(Milliseconds(4_000))
    status = race.pay(race.locked, race.latest_deadline)
    race.request_withdrawal(race.locked)
    race.jump_to(race.now_seconds + HOUR_SECONDS)
    race.endpoint.is_away = False
    race.real.world.settle()

    assert status == Status.RECEIVED
    assert [(row.status, row.reason) for row in race.real.world.rows()] == [
        (Status.FAILED, "insufficient_funds")
    ]
