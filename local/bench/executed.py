"""What the chain says was paid: the only witness against paying twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from web3 import HTTPProvider, Web3

from ferryman.contracts import load
from local.description import StackDescription
from local.payments import SignedPayment


@dataclass(frozen=True)
class Executed:
    """How often the escrow executed each of some payments."""

    times: Counter[tuple[str, int]]
    """By payer and nonce."""

    def count(self, payments: Iterable[SignedPayment], times: int) -> int:
        """Count the payments that were executed so many times."""
        return sum(self.times[payer_and_nonce(payment)] == times for payment in payments)

    def count_twice(self) -> int:
        """Count the payments of anybody that were executed more than once."""
        return sum(times > 1 for times in self.times.values())


def executed_since(stack: StackDescription, block: int) -> Executed:
    """Read the escrow's PaymentExecuted logs after a block."""
    web3 = Web3(HTTPProvider(stack.rpc_url))
    escrow = web3.eth.contract(address=stack.contracts["PaymentEscrow"], abi=load("PaymentEscrow").abi)
    logs = escrow.events.PaymentExecuted().get_logs(from_block=block + 1)
    return Executed(Counter((str(log["args"]["from"]), int(log["args"]["nonce"])) for log in logs))


def head_of(stack: StackDescription) -> int:
    """Read the newest block's number."""
    return int(Web3(HTTPProvider(stack.rpc_url)).eth.block_number)


def payer_and_nonce(payment: SignedPayment) -> tuple[str, int]:
    """Name a payment as the chain does."""
    return payment.body["from"], int(payment.body["nonce"])
