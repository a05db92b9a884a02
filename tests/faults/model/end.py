"""What must hold of a deployment at every moment, and at the end."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.events import Step
from ferryman.domain.transaction import Status, Transaction
from ferryman.intents import KINDS
from ferryman.ports import Funds, Reservation
from tests.faults.messages import PROVEN, Left, key_of
from tests.faults.model.deployment import LOCKED, Deployment, Posted

MANY_STARTS = 4
"""Deaths and unwritten outcomes from which on a message may have been taken for poison."""
LONGEST_TURN_MS: Final = 120_000
"""In good weather: from a request's turn until it is mined, with runs that are 13 s apart."""


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
    ours = sum(count for key, count in executed.items() if key not in deployment.doubles)
    assert ours == sum(row.status is Status.CONFIRMED for row in rows.values())
    assert world.reserved() == world.held() == 0
    check_money(deployment)
    check_turns(deployment)
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
    if KINDS[row.kind].ordered:
        may |= reasons_of_turns(deployment, row)
    assert row.reason in may, row


def reasons_of_turns(deployment: Deployment, row: Transaction) -> set[str]:
    """What a request that takes turns may fail for besides: its signer's doing, or its target's."""
    may = set[str]()
    if is_double(deployment, row):
        may |= {"nonce_used"}
    if row.accepted_block is None:
        may |= {"trial_failed", "nonce_used"}
    if deployment.targets_were_broken:
        may |= {"reverted", "retries_exhausted"}
    if deployment.blocks_were_turned:
        may |= {"reverted"}
    return may


def is_double(deployment: Deployment, row: Transaction) -> bool:
    """Whether its signer signed its nonce twice."""
    marker = KINDS[row.kind].marker(row.payload)
    rows = (one for one in deployment.processes[0].rows() if KINDS[one.kind].ordered)
    signed_again = sum(KINDS[one.kind].marker(one.payload) == marker for one in rows) > 1
    return signed_again or any(signer == row.sender.lower() for signer, _ in deployment.doubles)


def check_turns(deployment: Deployment) -> None:
    """What is signed in order has its turn, and nothing is spent on what has not."""
    rows = [row for row in deployment.processes[0].rows() if KINDS[row.kind].ordered]
    for row in rows:
        if row.status is Status.FAILED and row.reason == "deadline_passed":
            check_not_stranded(deployment, row, rows)
    chain = deployment.chain
    is_calm = not (deployment.blocks_were_turned or deployment.targets_were_broken or chain.by_others)
    ours = {key_of(row.kind, row.payload) for row in rows if not is_late(deployment, row)} - chain.failing
    if is_calm:
        assert ours.isdisjoint(chain.reverted_of(deployment.signer.wallets())), "gas was spent out of turn"


def check_not_stranded(deployment: Deployment, row: Transaction, rows: Sequence[Transaction]) -> None:
    """It was not its turn, or not for long, when its deadline passed."""
    nonce, mined = int(row.payload["nonce"]), deployment.chain.count_of_forwards(row.sender)
    before = [one for one in rows if one.sender == row.sender and int(one.payload["nonce"]) == nonce - 1]
    # Somebody else may have carried it out.
    over_at = [
        one.reached.get(Step.CONFIRMED) or one.reached[Step.RECOVERED]
        for one in before
        if one.status is Status.CONFIRMED
    ]
    if mined != nonce or (nonce and not over_at) or key_of(row.kind, row.payload) in deployment.chain.refused:
        return
    assert deployment.healed_at is not None
    its_turn_at = max(deployment.healed_at, *over_at, 0)
    assert row.deadline_seconds * 1_000 - its_turn_at < LONGEST_TURN_MS, ("stranded", row)


def is_late(deployment: Deployment, row: Transaction) -> bool:
    """Whether its deadline has passed by now: what was sent just before it may revert."""
    return row.deadline_seconds <= deployment.clock.now() // 1000


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
        if row.status is Status.CONFIRMED and row.kind in PROVEN:
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
