"""AWS's units of one settlement by x402, and of one meta-transaction: counted as those of a payment."""

from hashlib import sha256
from typing import Final

from ferryman.adapters.dynamodb.items import transaction_item
from ferryman.domain.units import Address, Milliseconds, TransactionId
from ferryman.intents import KINDS
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.x402.request import Phase, parsed
from local.accounts import dev_accounts
from local.bench.payment_units import Counted, PaymentUnits, count_intents, request_id, units_table
from local.bench.report import ResultTable
from local.bench.units import item_bytes
from local.errors import LocalStackError
from local.progress import step
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.fakes.market import facilitator_over, memory_market
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World
from tests.support.meta_transactions import SELECTOR, TARGET, relay_settings, signed_meta_transaction
from tests.support.payments import NOW_SECONDS, PAYEE, PAYER
from tests.support.settlements import ASSET, SETTLER, settlement_settings
from tests.support.x402 import asked

_PAYERS: Final = 21
"""With the payee, who is one of the accounts and pays nobody."""
_FUNDS: Final = 10**12
_WALLET: Final = b"\x07" * 32
NOTE = (
    "As for payments, over tables in memory. A settlement is one `POST /settle` up to its row; while its "
    "caller waits, each look at the row is a read unit more, one to four a block. A meta-transaction has "
    "two signatures and a call of two arguments in its row, {row_bytes:,} bytes in the end: above a "
    "kilobyte each write of it costs two units more. It goes alone: the relay carries out one at a time."
)


def count_settlements(count: int, *, together: int) -> PaymentUnits:
    """Count what settlements cost that come `together` at a time."""
    market = memory_market(settlement_settings(settler=SETTLER))
    payers = [one for one in dev_accounts(_PAYERS) if str(one.address) != PAYEE]
    for payer in payers:
        market.chain.give(ASSET, Address(payer.address), _FUNDS)
    market.clock.sleep(Milliseconds(20_000))
    settings = {market.chain.settings.chain_id: market.chain.settings}
    counted = Counted.of(market.world, market.chain, market.signer)
    facilitator = facilitator_over(market.world, market.clock, Milliseconds(0))

    def post(position: int) -> TransactionId:
        nonce = sha256(position.to_bytes(8)).digest()
        body = asked(nonce=nonce, value=10_000, by=payers[position % len(payers)])
        facilitator.settle(body, correlation_id=request_id(position))
        payment = parsed(body, settings, Phase.SETTLE)
        return KINDS[payment.kind].parse(payment.body, settings).transaction_id

    return count_intents(counted, post, count, together)


def count_meta_transactions(count: int) -> tuple[PaymentUnits, int]:
    """Count what meta-transactions cost that come one at a time; give the bytes of a row as well."""
    clock = FakeClock(NOW_SECONDS * 1_000 - 20_000)
    chain, signer = FakeChain(relay_settings(), clock), FakeSigner([_WALLET])
    chain.give(ASSET, PAYER.address, _FUNDS)
    if chain.metatx is None:
        raise LocalStackError("the chain in memory has no relay")
    chain.metatx.allowed.add((Address(TARGET), SELECTOR))
    clock.sleep(Milliseconds(20_000))
    counted = Counted.of(World(chain.settings, chain, signer, clock), chain, signer)

    def post(position: int) -> TransactionId:
        nonce = int.from_bytes(sha256(position.to_bytes(8)).digest())
        accepted = counted.world.ingest(
            META_TRANSACTION.name, signed_meta_transaction(nonce=nonce), correlation_id=request_id(position)
        )
        return accepted.transaction.transaction_id

    units = count_intents(counted, post, count, 1)
    (row,) = counted.world.store.get_many([post(0)])
    return units, item_bytes(transaction_item(row))


def measure_settlement_units(count: int = 60) -> list[ResultTable]:
    """Count settlements that come alone and in crowds, and meta-transactions."""
    with step("Counting AWS's units of settlements"):
        columns = {
            f"settlement, {together} at once": count_settlements(count, together=together)
            for together in (1, 20, 40)
        }
        columns["meta-transaction"], row_bytes = count_meta_transactions(count)
    title = "AWS's units of settlements and meta-transactions"
    return [units_table(title, "each", columns, NOTE.format(row_bytes=row_bytes))]
