"""Coverage: a wallet keeps what a nonce's dearest bytes may cost, and signs none that it cannot pay for."""

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.envelopes import opened
from ferryman.domain.errors import SignerUnavailableError
from ferryman.domain.nonces import NonceRow, Purpose, Wallet
from ferryman.domain.transaction import Status
from ferryman.domain.units import Milliseconds, WalletNonce, Wei
from ferryman.services.records import record_of
from ferryman.services.waiting import NO_FUNDS
from tests.fakes.settled import MemoryWorld, memory_world

GWEI = 10**9
GAS_LIMIT = 75_000
OFFERED = 2 * GWEI + 10**6
"""The first maximum fee, at a base fee of a gwei."""
KEPT = 2 * OFFERED * GAS_LIMIT
"""For one payment."""


def world(coin: int) -> MemoryWorld:
    """Build a world whose only wallet has so much coin, on a chain that takes money for gas."""
    memory = memory_world(wallets=1, batch_size=0)
    memory.chain.takes_gas_money = True
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(coin)
    return memory


def pay(memory: MemoryWorld, count: int = 1, *, seconds: int = 3_600) -> None:
    """Accept payments, and submit what can be."""
    for _ in range(count):
        memory.world.post(memory.payers[0].pay(1_000, deadline=memory.deadline(seconds)))
    while memory.world.deliver():
        pass


def look(memory: MemoryWorld, seconds: int) -> None:
    """Let time pass, with a look and a delivery every second."""
    for _ in range(seconds):
        memory.clock.sleep(Milliseconds(1_000))
        memory.world.follow(run_ms=1)
        while memory.world.deliver():
            pass


def books(memory: MemoryWorld) -> tuple[Wallet, list[NonceRow]]:
    """The wallet, and its nonces; what is kept for each is no less than its dearest bytes may cost."""
    (address,) = memory.signer.wallets()
    wallets = DynamoWallets(memory.world.tables)
    wallet = wallets.wallet(memory.world.settings.chain_id, address)
    assert wallet
    found = (
        wallets.nonce_row(wallet.chain_id, address, WalletNonce(nonce)) for nonce in range(wallet.next_nonce)
    )
    rows = [row for row in found if row]
    for row in rows:
        for attempt in row.attempts:
            assert opened(attempt.raw).gas_limit * attempt.max_fee_per_gas <= row.reserved_cost
    return wallet, rows


def fund(memory: MemoryWorld, coin: int) -> None:
    """Give the wallet coin."""
    (wallet,) = memory.signer.wallets()
    memory.chain.coins[wallet] = Wei(memory.chain.coins[wallet] + coin)


def check_all_paid(memory: MemoryWorld) -> None:
    """Each payment was carried out once, and nothing is kept any more."""
    assert {row.status for row in memory.world.rows()} == {Status.CONFIRMED}
    assert len(memory.chain.state.executed) == len(memory.world.rows())
    memory.world.check_events()
    memory.world.check_nonces()


def test_what_a_bump_needs_above_what_is_kept_is_kept_in_the_same_write() -> None:
    """While it is open it is committed, so that nothing else is bound on that coin."""
    memory = world(100 * KEPT)
    memory.chain.is_mining = False
    pay(memory, 2)
    memory.chain.base_fee = Wei(10 * GWEI)

    look(memory, 8)

    wallet, rows = books(memory)
    assert [row.reserved_cost for row in rows] == [GAS_LIMIT * (20 * GWEI + 10**6)] * 2
    assert wallet.committed == sum(row.reserved_cost for row in rows)
    memory.chain.is_mining = True
    memory.world.settle()
    check_all_paid(memory)


def test_a_bump_that_the_wallet_cannot_pay_for_offers_what_it_can() -> None:
    """Never bytes that nodes refuse for lack of funds; and nothing new is bound while it waits."""
    memory = world(KEPT + KEPT // 4)
    memory.chain.is_mining = False
    pay(memory)
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True
    look(memory, 30)
    memory.chain.base_fee = Wei(6 * GWEI)

    pay(memory)
    look(memory, 30)

    wallet, (row,) = books(memory)
    assert row.attempts[-1].max_fee_per_gas == (KEPT + KEPT // 4) // GAS_LIMIT
    assert wallet.needed_balance == GAS_LIMIT * (20 * GWEI + 10**6)
    assert [one.raw for one in memory.chain.mempool.values()] == [row.attempts[-1].raw]
    (waiting,) = [one for one in memory.world.rows() if one.status is Status.VALIDATED]
    assert record_of(waiting)["waiting_for"] == NO_FUNDS


def test_coin_or_a_calmer_market_lets_it_go_on() -> None:
    """By itself, and the wallet is used again once nothing of it is open."""
    for relief in ("coin", "market"):
        memory = world(KEPT)
        memory.chain.is_mining = False
        pay(memory)
        memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True
        look(memory, 60)
        memory.world.gauge()
        between, _ = books(memory)
        assert between.is_low

        if relief == "coin":
            fund(memory, 20 * KEPT)
        else:
            memory.chain.base_fee = Wei(GWEI)
        memory.world.settle()
        memory.world.gauge()

        check_all_paid(memory)
        wallet, _ = books(memory)
        assert (wallet.needed_balance, wallet.is_low) == (0, False)


def test_a_wallet_without_a_wei_to_spare_can_always_fill_its_nonce() -> None:
    """Less gas than the call that it replaces: what was kept pays for it up to seven times the price."""
    memory = world(KEPT)
    memory.chain.is_mining = False
    pay(memory, seconds=60)
    memory.chain.base_fee, memory.chain.is_mining = Wei(10 * GWEI), True

    look(memory, 90)

    _, (row,) = books(memory)
    assert row.attempts[-1].purpose is Purpose.FILL
    assert row.is_settled
    (paid,) = memory.world.rows()
    assert (paid.status, paid.reason) == (Status.FAILED, "deadline_passed")
    memory.world.check_nonces()


def test_a_fill_in_a_market_beyond_the_wallet_waits_at_the_most_it_can_pay_for() -> None:
    """Nodes have it, above all bytes before it, and it is mined when the market comes back."""
    memory = world(KEPT)
    memory.chain.is_mining = False
    pay(memory, seconds=60)
    memory.chain.base_fee, memory.chain.is_mining = Wei(100 * GWEI), True
    look(memory, 120)

    wallet, (row,) = books(memory)
    assert row.attempts[-1].purpose is Purpose.FILL
    assert row.attempts[-1].max_fee_per_gas == KEPT // 21_000
    assert [one.raw for one in memory.chain.mempool.values()] == [row.attempts[-1].raw]
    assert wallet.needed_balance
    memory.chain.base_fee = Wei(GWEI)
    memory.world.settle()
    memory.world.check_nonces()


def test_bytes_that_are_signed_late_in_a_dearer_market_offer_what_is_kept() -> None:
    """A run died between bind and signature, and meanwhile the price rose: the nonce is not stranded."""
    memory = world(KEPT)
    sign = memory.signer.sign

    def dying(*_args: object) -> None:
        memory.signer.sign = sign  # type: ignore[method-assign]
        msg = "the key service did not answer"
        raise SignerUnavailableError(msg)

    memory.signer.sign = dying  # type: ignore[method-assign, assignment]
    pay(memory)
    memory.chain.base_fee = Wei(10 * GWEI)
    look(memory, 10)

    _, (row,) = books(memory)
    assert [attempt.max_fee_per_gas for attempt in row.attempts] == [KEPT // GAS_LIMIT]
    memory.chain.base_fee = Wei(GWEI)
    memory.world.settle()
    check_all_paid(memory)
