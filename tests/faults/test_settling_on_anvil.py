"""Many processes that settle at the same moment, on a real chain with blocks of its own pace."""

from collections import Counter
from typing import Final

from local.bench.settling import Settling
from tests.faults.real_chain import WALLET_KEYS, RealChain, request
from tests.faults.test_settlements_on_anvil import market_on

PROCESSES: Final = 4
EACH: Final = 25
VALUE: Final = 10_000


def test_four_processes_settle_twenty_five_each_through_one_wallet_at_once() -> None:
    """Everybody is told success by a transaction that paid; no nonce is left out, nobody is paid twice."""
    keys = WALLET_KEYS[:1]
    with RealChain.running(payers=PROCESSES + 1, wallet_keys=keys) as chain:
        market = market_on(chain)
        payers, before = market.payers(), market.paid()
        bodies = [
            market.asked(number, value=VALUE, by=payers[number % PROCESSES])
            for number in range(PROCESSES * EACH)
        ]
        settling = Settling.over(chain, keys, {"submit": PROCESSES, "confirm": PROCESSES})
        request(chain.web3, "evm_setIntervalMining", 1)

        answers, _ = settling.settle(bodies, at_once=PROCESSES * EACH)

        told = Counter(str(answer.body["payer"]) for answer in answers if answer.body["success"])
        assert told == Counter({payer.address: EACH for payer in payers})
        assert market.paid() == before + PROCESSES * EACH * VALUE
        assert chain.spent_nonces() == len(settling.receipts(answers)), (
            "a transaction that nobody was told of"
        )
        settling.workers[0].world.check_nonces()
