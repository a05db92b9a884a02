"""The chain of the model: it checks what it is sent, and is heard through endpoints that mislead."""

from collections.abc import Sequence
from typing import Any

from ferryman.adapters.dynamodb.operations import Tables
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import WalletNonce
from ferryman.ports import Clock, SendResult
from tests.fakes.chain import FakeChain, SignedTransaction
from tests.fakes.witness import FakeWitness, hidden


class StrictChain(FakeChain):
    """A chain that takes no bytes that were not kept first."""

    def __init__(self, settings: ChainSettings, clock: Clock, *, endpoints: int) -> None:
        super().__init__(settings, clock)
        self.tables: Tables | None = None
        """Where the bytes of whatever is sent have to be."""
        self.endpoints = tuple(FakeWitness(self) for _ in range(endpoints))
        self.answering = 0
        """Which endpoint is asked, where one answer does."""

    def mislead(self, endpoint: int, *, blocks_behind: int, hides_receipts: bool) -> None:
        """Have one endpoint be behind, or without receipts; the others tell the truth."""
        self.be_honest()
        self.answering = endpoint % len(self.endpoints)
        liar = self.endpoints[self.answering]
        liar.lag = blocks_behind
        liar.receipt_lie = hidden if hides_receipts else None

    def be_honest(self) -> None:
        """Have all endpoints tell the truth."""
        for endpoint in self.endpoints:
            endpoint.lag, endpoint.receipt_lie, endpoint.is_reachable = 0, None, True

    def heal(self) -> None:
        """Be as a chain is on a good day."""
        self.is_reachable = self.is_mining = True
        self.is_paused = self.batches_revert = False
        self.be_honest()

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Take transactions; what it is sent must have been kept before."""
        for raw in envelopes:
            sent = SignedTransaction.decode(raw)
            assert self.tables
            wallets = DynamoWallets(self.tables)
            row = wallets.nonce_row(self.settings.chain_id, sent.sender, WalletNonce(sent.nonce))
            attempts = row.attempts if row else ()
            assert raw in [attempt.raw for attempt in attempts], "broadcast before it was kept"
        return super().send(envelopes)


class Routed:
    """The Chain port: whichever endpoint answers at the moment."""

    def __init__(self, chain: StrictChain) -> None:
        self._chain = chain

    def __getattr__(self, method: str) -> Any:  # noqa: ANN401 (a method of the port)
        return getattr(self._chain.endpoints[self._chain.answering], method)
