"""The faucet: once for each account, few for each address, and on test chains only."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Any

import pytest

from ferryman.adapters.dynamodb.allowances import DynamoAllowances
from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.http.answers import problem
from ferryman.domain.errors import InvalidFieldsError, NotAllowedError, NotFoundError, RequestError
from ferryman.domain.faucet import FaucetLimitedError
from ferryman.domain.quotas import Limit
from ferryman.domain.transaction import Status
from ferryman.domain.units import ChainId, Milliseconds, Seconds
from ferryman.intents.faucet.given import given
from ferryman.services.awaiting import Awaiting
from ferryman.services.chains import ChainAccess
from ferryman.services.faucet import Faucet
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.market import WorkingClock
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.faucets import ASKING, SOURCE, UNITS, faucet_settings
from tests.support.payments import CHAIN_ID, NOW_SECONDS, STRANGER, chain_settings
from tests.support.settlements import ASSET

Body = dict[str, Any]


@dataclass
class Ours:
    """A faucet over a world in memory, whose other functions work while it waits."""

    world: World
    chain: FakeChain
    signer: FakeSigner
    clock: FakeClock
    others: WorkingClock
    faucet: Faucet

    def ask(self, source: str = SOURCE, **changes: object) -> Body:
        """Ask as the handler does; give its answer."""
        body: Body = {"address": ASKING, "chain_id": CHAIN_ID, **changes}
        row, asked = self.faucet({name: one for name, one in body.items() if one}, source=source)
        return given(row, asked)

    def refused(self, error: type[RequestError], source: str = SOURCE, **changes: object) -> Body:
        """Ask for what must be refused, at no cost; give the answer to it."""
        before = len(self.world.rows()), self.signer.signatures, self.chain.sends
        with pytest.raises(error) as refusal:
            self.ask(source, **changes)
        assert (len(self.world.rows()), self.signer.signatures, self.chain.sends) == before
        return problem(refusal.value)

    def held(self, account: str = ASKING) -> int:
        """What an account has of the token."""
        return self.chain.state.tokens.balances.get((ASSET.lower(), account.lower()), 0)


def build(*, is_open: bool = True, patience_ms: int = 20_000, **faucet: object) -> Ours:
    """Build one."""
    settings, clock = faucet_settings(**faucet), FakeClock(NOW_SECONDS * 1000)
    chain, signer = FakeChain(settings, clock), FakeSigner([b"\x07" * 32])
    elsewhere = chain_settings(chain_id=8453)
    without = chain_settings(chain_id=84532)
    beside = [ChainAccess(one, FakeChain(one, clock)) for one in (elsewhere, without)]
    world = World(settings, chain, signer, clock, beside=beside)
    others = WorkingClock(world, clock)
    awaiting = Awaiting(
        store=world.store,
        chains=world.ingest.chains,
        clock=others,
        patience_ms=Milliseconds(patience_ms),
    )
    service = Faucet(
        is_open=is_open,
        ingest=world.ingest,
        awaiting=awaiting,
        store=world.store,
        allowances=DynamoAllowances(world.tables),
        clock=clock,
    )
    return Ours(world, chain, signer, clock, others, service)


@pytest.fixture
def ours() -> Ours:
    """Give one that is open."""
    return build()


def test_whoever_asks_has_it_when_the_answer_comes(ours: Ours) -> None:
    """The hash, what was given, and where to look: one transaction."""
    answer = ours.ask()

    (row,) = ours.world.rows()
    assert answer == {
        "success": True,
        "id": row.transaction_id,
        "transaction": {
            "txHash": row.hash,
            "explorerUrl": None,
            "status": "confirmed",
            "blockNumber": row.block_number,
        },
        "faucet": {"address": ASKING, "token": ASSET, "amount": "100.000000", "currency": "USDC"},
    }
    assert (row.status, str(row.sender), row.chain_id) == (Status.CONFIRMED, ASKING, CHAIN_ID)
    assert ours.held() == UNITS
    assert len(ours.chain.state.executed) == 1
    ours.world.check_events()


def test_out_of_what_the_wallet_has_if_the_token_makes_none() -> None:
    """A transfer, which takes from the wallet what the account gets."""
    ours = build(mint=False)
    (wallet,) = ours.signer.wallets()
    ours.chain.give(ASSET, wallet, UNITS)

    assert ours.ask()["success"] is True

    assert (ours.held(), ours.held(wallet)) == (UNITS, 0)


def test_an_empty_faucet_is_waited_for() -> None:
    """Pending with an id; filled, it gives, once."""
    ours = build(mint=False)

    answer = ours.ask()
    assert (answer["success"], answer["transaction"]["status"]) == (False, "pending")
    assert ours.chain.sends == 0
    (wallet,) = ours.signer.wallets()
    ours.chain.give(ASSET, wallet, 10 * UNITS)
    ours.world.settle()

    assert ours.held() == UNITS
    assert [row.transaction_id for row in ours.world.rows()] == [answer["id"]]


def test_the_same_account_is_told_when_it_may_ask_again(ours: Ours) -> None:
    """429 until the span ends; then it gets as much again."""
    ours.ask()
    ours.clock.sleep(Milliseconds(3_600_000))

    answer = ours.refused(FaucetLimitedError)
    wait = int(answer["headers"]["Retry-After"])
    ours.clock.sleep(Milliseconds((wait - 1) * 1000))
    ours.refused(FaucetLimitedError)
    ours.clock.sleep(Milliseconds(1000))
    ours.ask()

    assert answer["statusCode"] == 429
    assert f'"limit": "{Limit.FAUCET_ACCOUNT}"' in answer["body"]
    assert ours.held() == 2 * UNITS


class Together(DynamoAllowances):
    """Lets nobody on before so many are here: all have seen that the account has nothing yet."""

    def __init__(self, tables: Tables, parties: int) -> None:
        super().__init__(tables)
        self._parties = Barrier(parties, timeout=10)

    def take(self, chain_id: ChainId, source: str, window: int, *, most: int, ends_at: Seconds) -> bool:
        """Wait for the others, then count."""
        self._parties.wait()
        return super().take(chain_id, source, window, most=most, ends_at=ends_at)


def test_of_many_who_ask_for_one_account_at_once_one_is_answered(ours: Ours) -> None:
    """Its id is its idempotency, whoever is first."""
    ours.others.is_working = False
    faucet = replace(ours.faucet, allowances=Together(ours.world.tables, 10))

    def ask(_place: int) -> bool:
        try:
            faucet({"address": ASKING}, source=SOURCE)
        except FaucetLimitedError:
            return False
        return True

    with ThreadPoolExecutor(10) as executor:
        answered = list(executor.map(ask, range(10)))
    ours.world.settle()

    assert sum(answered) == 1
    assert ours.held() == UNITS
    assert len(ours.chain.state.executed) == 1


def test_one_address_may_ask_for_few_accounts() -> None:
    """By the gateway's word for where a request comes from; others are not hindered."""
    ours = build(per_source=2)
    accounts = ["0x" + f"{number:040x}" for number in range(1, 5)]

    for account in accounts[:2]:
        ours.ask(address=account)
    answer = ours.refused(FaucetLimitedError, address=accounts[2])
    ours.ask("198.51.100.7", address=accounts[3])

    assert answer["statusCode"] == 429
    assert f'"limit": "{Limit.FAUCET_SOURCE}"' in answer["body"]
    assert [ours.held(account) for account in accounts] == [UNITS, UNITS, 0, UNITS]


def test_an_account_that_has_had_its_part_costs_its_address_nothing() -> None:
    """Else whoever asks twice would use up what is left for others behind the same address."""
    ours = build(per_source=2)
    ours.ask()
    for _ in range(5):
        ours.refused(FaucetLimitedError)

    assert ours.ask(address=STRANGER.address)["success"] is True


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"chain_id": 8453}, NotAllowedError, "chain_id"),
        ({"chain_id": 84532}, NotFoundError, "chain_id"),
        ({"chain_id": 11155111}, NotFoundError, "chain_id"),
        ({"address": "0x12"}, InvalidFieldsError, "address"),
        ({"address": None}, InvalidFieldsError, "address"),
        ({"address": "0x" + "00" * 20}, InvalidFieldsError, "address"),
        ({"address": ASSET}, InvalidFieldsError, "address"),
        ({"amount": "1"}, InvalidFieldsError, "amount"),
    ],
    ids=["no test chain", "no faucet", "not served", "short", "nobody", "zero", "the token", "more"],
)
def test_what_cannot_be_given_is_refused_by_its_field(
    ours: Ours, changes: Body, error: type[RequestError], field: str
) -> None:
    """403, 404 or 422, and nothing is stored, signed or sent."""
    assert f'"field": "{field}"' in ours.refused(error, **changes)["body"]


def test_the_chain_may_be_left_out_where_one_has_a_faucet(ours: Ours) -> None:
    """As the requirement's clients do, which know one chain."""
    assert ours.ask(chain_id=None)["success"] is True


def test_a_deployment_gives_nothing_unless_it_is_told_to() -> None:
    """Whatever its chains are configured for."""
    assert build(is_open=False).refused(NotFoundError)["statusCode"] == 404


def test_a_faucet_gives_again_what_a_reorg_took(ours: Ours) -> None:
    """By the same nonce: no contract would stop a second transaction."""
    ours.clock.sleep(Milliseconds(5_000))
    block = ours.ask()["transaction"]["blockNumber"]

    ours.chain.replace(ours.chain.head().number - block + 2, keeps_mempool=False)
    assert ours.held() == 0
    for _ in range(3):
        ours.world.settle()
        ours.clock.sleep(Milliseconds(2_000))

    (row,) = ours.world.rows()
    assert (row.status, ours.signer.signatures) == (Status.CONFIRMED, 1)
    assert ours.held() == UNITS


def test_while_the_chain_is_away_a_grant_is_kept_and_given_later(ours: Ours) -> None:
    """RECEIVED, and pending for whoever asked; once more in the span nobody is let in."""
    ours.chain.is_reachable = False
    answer = ours.ask()
    ours.refused(FaucetLimitedError)
    ours.chain.is_reachable = True
    for _ in range(3):
        ours.world.settle()
        ours.clock.sleep(Milliseconds(30_000))

    (row,) = ours.world.rows()
    assert (answer["transaction"]["status"], row.status) == ("pending", Status.CONFIRMED)
    assert ours.held() == UNITS


def test_a_grant_whose_nonce_a_stranger_used_is_given_once(ours: Ours) -> None:
    """No contract stops a second one, so it is bound again only when the stranger's block is final."""
    ours.ask(address=STRANGER.address)
    ours.others.is_working, ours.chain.final_lag, ours.chain.is_mining = False, 60, False
    name = ours.ask()["id"]
    ours.world.deliver()
    ours.chain.strangers.add((ours.signer.wallets()[0], 1))
    ours.chain.is_mining = True

    ours.clock.sleep(Milliseconds(1_000))
    ours.world.follow(run_ms=12_000)
    assert [row.nonce for row in ours.world.rows() if row.transaction_id == name] == [1]
    ours.clock.sleep(Milliseconds(1_000))
    ours.world.follow(run_ms=60_000)
    ours.world.settle()

    (row,) = (row for row in ours.world.rows() if row.transaction_id == name)
    assert (row.status, row.nonce) == (Status.CONFIRMED, 2)
    assert ours.held() == UNITS
