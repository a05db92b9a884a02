"""What must hold of a deployment at every moment, and at the end."""

from collections import Counter

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.transaction import Status, Transaction
from ferryman.intents import KINDS
from ferryman.ports import Funds, Reservation
from tests.faults.messages import PROVEN, Left, key_of
from tests.faults.model.deployment import LOCKED, Deployment, Posted

MANY_STARTS = 4
"""Deaths and unwritten outcomes from which on a message may have been taken for poison."""


def check_ledgers(deployment: Deployment) -> None:
    """Invariant 4: what each ledger has reserved is what its open transactions hold, to the unit."""
    world = deployment.processes[0]
    (token,) = deployment.settings.tokens
    held = Counter(
        {
            Funds(chain_id=deployment.settings.chain_id, escrow=escrow, token=token, payer=payer.address): 0
            for payer in deployment.payers
            for escrow in (deployment.settings.escrow, token)
        }
    )
    for row in world.open_rows():
        if row.status is not Status.RECEIVED:
            reservation = KINDS[row.kind].reservation(row.payload)
            held[_funds_of(reservation)] += reservation.units
    for funds, units in held.items():
        assert world.store.ledger(funds).reserved == units
        assert units <= LOCKED or deployment.blocks_were_lost
    assert world.reserved() == world.held()


def check_end(deployment: Deployment) -> None:
    """All invariants of the design, once everything has come to rest."""
    world = deployment.processes[0]
    rows = {row.transaction_id: row for row in world.rows()}
    executed = Counter(deployment.chain.state.executed)
    for posted in deployment.posted:
        key = posted.message.key
        row = next((one for one in rows.values() if key_of(one.kind, one.payload) == key), None)
        assert row or posted.transaction_id is None, "lost"
        assert executed[key] == int(row is not None and row.status is Status.CONFIRMED), (key, row)
        if row and row.block_number is not None:
            assert row.block_hash == deployment.chain.hash_of(row.block_number), (
                "it rests on a block that is gone"
            )
        if row and row.status is Status.FAILED:
            check_reason(deployment, posted, row)
    assert sum(executed.values()) == sum(row.status is Status.CONFIRMED for row in rows.values())
    assert world.reserved() == world.held() == 0
    check_money(deployment)
    world.check_events()
    check_wallets(deployment)
    heard = deployment.listener.heard()
    for row in rows.values():
        assert heard[row.transaction_id] == list(range(1, row.sequence + 1)), "told late, twice or never"


def check_reason(deployment: Deployment, posted: Posted, row: Transaction) -> None:
    """Nothing fails but for a reason that its payer, its operator or its many deaths gave."""
    may = {"processing_failed"} if deployment.weather.troubles >= MANY_STARTS else set[str]()
    if row.deadline_seconds <= deployment.clock.now() // 1000:
        may |= {"deadline_passed", "reverted"}
    if posted.message.key in deployment.chain.refused:
        may |= {"rejected"}
    if deployment.contracts_were_paused or posted.message.key in deployment.chain.failing:
        may |= {"reverted"}
    if row.accepted_block is None or deployment.blocks_were_lost:
        may |= {"insufficient_funds"}
    assert row.reason in may, row


def check_wallets(deployment: Deployment) -> None:
    """No nonce is left out, and none was used that nobody bound, but by a stranger."""
    wallets = DynamoWallets(deployment.tables)
    for wallet in wallets.wallets(deployment.settings.chain_id):
        assert not wallets.open_nonces(wallet)
        assert wallet.lowest_open == wallet.next_nonce
        by_strangers = deployment.chain.count_of(wallet.address) - wallet.next_nonce
        assert by_strangers == 0 or (deployment.keys_were_lent and by_strangers > 0)


def check_money(deployment: Deployment) -> None:
    """Each payer paid for what was confirmed, and nothing else."""
    spent = Counter[tuple[str, Left]]()
    for row in deployment.processes[0].rows():
        if row.status is Status.CONFIRMED:
            kind = PROVEN[row.kind]
            spent[row.sender, kind.left] += kind.taken(row)
    for payer in deployment.payers:
        for left in {kind.left for kind in PROVEN.values()}:
            assert left(deployment.chain, payer.address) == LOCKED - spent[payer.address, left] >= 0


def _funds_of(reservation: Reservation) -> Funds:
    """Give the ledger that a reservation is of."""
    return Funds(
        chain_id=reservation.chain_id,
        escrow=reservation.escrow,
        token=reservation.token,
        payer=reservation.payer,
    )
