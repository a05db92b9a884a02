"""The chain of the model: it checks what it is sent, and is heard through endpoints that mislead."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, BlockHash, BlockNumber, WalletNonce, Wei
from ferryman.intents import eip3009, permit2
from ferryman.intents.forward_request import forwarder
from ferryman.intents.meta_transaction import relay
from ferryman.intents.payment import escrow
from ferryman.intents.settlement import settler
from ferryman.ports import Clock, Refusal, Reverted, SendOutcome, SendResult, TransactionReceipt
from tests.fakes.calls import FORWARDED, MessageKey, is_gift, keys_of
from tests.fakes.chain import FakeChain, SignedTransaction
from tests.fakes.witness import FakeWitness, hidden

CALM_BASE_FEE: Final = Wei(10**9)

_USED: Final = {
    selector: Reverted(keccak(error)[:4] + bytes(64), "execution reverted: a lie")
    for error, selectors in {
        b"PaymentNonceUsed(address,uint256)": (escrow.EXECUTE_PAYMENT, escrow.EXECUTE_PAYMENTS),
        b"ERC3009UsedAuthorization(address,bytes32)": (eip3009.TRANSFER, settler.SETTLE),
        b"InvalidNonce()": (permit2.SETTLE, permit2.UPTO_SETTLE),
        b"MetaTxNonceUsed(address,uint256)": (relay.EXECUTE,),
        b"ERC2771ForwarderInvalidSigner(address,address)": (forwarder.EXECUTE,),
    }.items()
    for selector in selectors
}
"""What each contract says to a message that it has seen."""


class Lie(StrEnum):
    """What an endpoint says that is not so."""

    NO_RECEIPTS = "it has no receipts"
    OTHER_RESULTS = "what succeeded has reverted, and the reverse"
    OTHER_BLOCKS = "transactions are in other blocks"
    HIGH_COUNTS = "wallets have sent more than they have"
    LOW_COUNTS = "wallets have sent less than they have"
    ALL_REVERTS = "every message was carried out before"
    NOTHING_SENT = "it has taken what it drops"
    NOTHING_TAKEN = "no transaction is valid"
    NO_FUNDS = "nobody has anything"


OF_ANY: Final = (Lie.NO_RECEIPTS, Lie.NOTHING_SENT, Lie.LOW_COUNTS)
"""Lies of the only endpoint that there is which no message is lost by."""


class StrictChain(FakeChain):
    """A chain that takes no bytes that were not kept first."""

    def __init__(self, settings: ChainSettings, clock: Clock, *, endpoints: int) -> None:
        super().__init__(settings, clock)
        self.tables: Tables | None = None
        """Where the bytes of whatever is sent have to be."""
        self.endpoints = tuple(FakeWitness(self) for _ in range(endpoints))
        self.answering = 0
        """Which endpoint is asked, where one answer does."""

    def mislead(self, endpoint: int, lie: Lie | None, *, blocks_behind: int) -> None:
        """Have one endpoint be behind and tell a lie; the others tell the truth."""
        self.be_honest()
        self.answering = endpoint % len(self.endpoints)
        liar = self.endpoints[self.answering]
        liar.lag = blocks_behind
        match lie:
            case Lie.NO_RECEIPTS:
                liar.receipt_lie = hidden
            case Lie.OTHER_RESULTS:
                liar.receipt_lie = _turned_round
            case Lie.OTHER_BLOCKS:
                liar.receipt_lie = _elsewhere
            case Lie.HIGH_COUNTS:
                liar.counts = {wallet: WalletNonce(count + 3) for wallet, count in self._counts.items()}
            case Lie.LOW_COUNTS:
                liar.counts = {wallet: WalletNonce(count - 1) for wallet, count in self._counts.items()}
            case Lie.ALL_REVERTS:
                # No contract says that a gift was given before.
                liar.verdict = lambda call: None if is_gift(call.data) else _USED.get(call.data[:4])
            case Lie.NOTHING_SENT:
                liar.answer_to_sends = SendResult(SendOutcome.SENT)
            case Lie.NOTHING_TAKEN:
                liar.answer_to_sends = SendResult(SendOutcome.PERMANENT, "a lie", Refusal.PERMANENT)
            case Lie.NO_FUNDS:
                liar.is_blank = True

    def be_honest(self) -> None:
        """Have all endpoints tell the truth."""
        self.endpoints = tuple(FakeWitness(self) for _ in self.endpoints)

    def heal(self) -> None:
        """Be as a chain is on a good day."""
        assert self.forwarding
        self.forwarding.target_reverts = False
        self.is_reachable = self.is_mining = True
        self.is_paused = self.batches_revert = False
        self.base_fee = CALM_BASE_FEE
        self.coins.clear()
        self.strangers = {
            (wallet, nonce) for wallet, nonce in self.strangers if nonce < self.count_of(wallet)
        }
        self.be_honest()

    def count_of_forwards(self, signer: Address) -> int:
        """How many requests of a signer the forwarder has executed."""
        return self.state.forwarder.nonces.get(signer, 0)

    def reverted_of(self, wallets: Collection[Address]) -> list[MessageKey]:
        """Give the messages whose transactions of these wallets reverted."""
        sent = (self._sent[name] for name in self.reverted)
        return [key for one in sent if one.sender in wallets for key in keys_of(one.data)]

    def hash_of(self, number: BlockNumber) -> BlockHash:
        """Give the hash of a block of the chain as it is now."""
        return self._block_hash(number)

    def count_of(self, wallet: Address) -> int:
        """How many transactions of a wallet are mined, whether anybody can ask or not."""
        return self._counts.get(wallet, 0)

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Take transactions; what it is sent must have been kept before."""
        for raw in envelopes:
            sent = SignedTransaction.decode(raw)
            assert self.tables
            wallets = DynamoWallets(self.tables)
            row = wallets.nonce_row(self.settings.chain_id, sent.sender, WalletNonce(sent.nonce))
            attempts = row.attempts if row else ()
            assert raw in [attempt.raw for attempt in attempts], "broadcast before it was kept"
            assert not sent.data or leaves_enough(sent), "the forwarder would burn all of its gas"
        return tuple(self._paid_for(raw) for raw in envelopes)

    def _paid_for(self, raw: bytes) -> SendResult:
        """Take a transaction of a wallet that has anything left."""
        if self.is_reachable and self.coins.get(SignedTransaction.decode(raw).sender) == 0:
            text = "insufficient funds for gas * price + value"
            return SendResult(SendOutcome.REJECTED, text, Refusal.FUNDS)
        (result,) = super().send([raw])
        return result


def leaves_enough(sent: SignedTransaction) -> bool:
    """Whether a target gets all it was promised, and after that a 63rd is left (OpenZeppelin's check)."""
    if sent.data[:4] != forwarder.EXECUTE:
        return True
    (request,) = decode([FORWARDED], sent.data[4:])
    asked: int = request[3]
    at_the_call = sent.gas_limit - 21_000 - 16 * len(sent.data) - 60_000
    return at_the_call - at_the_call // 64 >= asked and at_the_call - asked >= asked // 63


class Routed:
    """The Chain port: whichever endpoint answers at the moment."""

    def __init__(self, chain: StrictChain) -> None:
        self._chain = chain

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (a method of the port)
        return getattr(self._chain.endpoints[self._chain.answering], method)

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Send to all, as the pool does: one that takes it is enough, and only all refuse for good."""
        answers = [endpoint.send(envelopes) for endpoint in self._chain.endpoints]
        return tuple(
            min(said, key=lambda one: _OUTCOMES.index(one.outcome)) for said in zip(*answers, strict=True)
        )


_OUTCOMES: Final = tuple(SendOutcome)
"""The best first."""


def _turned_round(receipt: TransactionReceipt) -> TransactionReceipt:
    return replace(receipt, succeeded=not receipt.succeeded, logs=())


def _elsewhere(receipt: TransactionReceipt) -> TransactionReceipt:
    return replace(receipt, block_hash=BlockHash("0x" + "e1" * 32))
