"""Strangers: whoever else has a wallet's key may use up nonces that we have bound."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import NonceRow
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, BlockNumber, WalletNonce
from ferryman.intents.kind import IntentKind
from ferryman.ports import Block, Chain, Log, Metrics, TransactionStore
from ferryman.services.agreement import hear_each
from ferryman.services.finality import Finality
from ferryman.services.outcomes import is_carried
from ferryman.services.positions import Position
from ferryman.services.recording import Recording

_LOOKS: Final = 3
"""How often nothing of ours is found before that is believed: an index may lag behind its chain."""

NonceKey = tuple[Address, WalletNonce]


@dataclass(slots=True, kw_only=True)
class Strangers:
    """What one run knows of nonces that the chain has passed without any of our transactions.

    Absence is not proof. Such a nonce is given up when over several looks no receipt of any of its attempts
    was found, and each witness says for itself: the wallet's count had passed the nonce by a block that is
    deep enough, and there is no receipt. Its intents are then bound again.
    """

    kinds: Mapping[str, IntentKind]
    settings: ChainSettings
    chain: Chain
    store: TransactionStore
    recording: Recording
    finality: Finality
    log: Log
    metrics: Metrics
    _looks: dict[NonceKey, int] = field(default_factory=dict)

    def __call__(
        self, unmined: Sequence[NonceRow], positions: Mapping[Address, Position], head: Block
    ) -> frozenset[NonceKey]:
        """Give up nonces that others have used; give those that are settled thereby.

        Args:
            unmined: the nonces that nothing of ours is known to be mined with.
            positions: how far their wallets have come.
            head: the newest block.

        Raises:
            StoreUnavailableError: as its ports say.

        """
        passed = [
            row for row in unmined if row.wallet in positions and row.nonce < positions[row.wallet].mined
        ]
        self._looks = {key: self._looks.get(key, 0) + 1 for key in map(_key, passed)}
        ripe = [row for row in passed if self._looks[_key(row)] >= _LOOKS]
        if not ripe:
            return frozenset()
        intents = self._intents(ripe)
        used = self._agreed(ripe, intents, head)
        return frozenset(_key(row) for row in used if self._given_up(row, intents[_key(row)], head))

    def _intents(self, rows: Sequence[NonceRow]) -> dict[NonceKey, list[Transaction]]:
        """Read what still waits for each nonce."""
        names = [name for row in rows for name in row.intents]
        found = {intent.transaction_id: intent for intent in self.store.get_many(names)} if names else {}
        intents = {_key(row): [found[name] for name in row.intents if name in found] for row in rows}
        return {_key(row): [one for one in intents[_key(row)] if is_carried(one, row)] for row in rows}

    def _agreed(
        self, rows: Sequence[NonceRow], intents: Mapping[NonceKey, Iterable[Transaction]], head: Block
    ) -> list[NonceRow]:
        """Ask every witness for itself; without an answer of each, nothing is given up."""
        hashes = [attempt.hash for row in rows for attempt in row.attempts]
        depths = [(row.wallet, self._deep_block(row, intents[_key(row)], head)) for row in rows]

        def question(witness: Chain) -> list[bool]:
            counts = witness.transaction_counts(depths)
            receipts = zip(hashes, witness.receipts(hashes) if hashes else (), strict=True)
            known = {name for name, receipt in receipts if receipt}
            return [
                count > row.nonce and known.isdisjoint(attempt.hash for attempt in row.attempts)
                for row, count in zip(rows, counts, strict=True)
            ]

        try:
            heard = hear_each(self.chain, question)
        except ChainUnreachableError as error:
            self.log.warning("not agreed on nonces that others used", nonces=len(rows), cause=str(error))
            return []
        return [row for row, hearing in zip(rows, heard, strict=True) if hearing.confirms(bool)]

    def _deep_block(self, row: NonceRow, intents: Iterable[Transaction], head: Block) -> BlockNumber:
        """Say by which block a nonce must have been passed for its intents to be bound again."""
        are_protected = all(self.kinds[intent.kind].is_replay_protected for intent in intents)
        if are_protected and row.transfer_to is None:
            return self.settings.confirmed_block(head.number)
        return self.finality(head)

    def _given_up(self, row: NonceRow, intents: Sequence[Transaction], head: Block) -> bool:
        """Take a nonce off its intents; give whether that is written."""
        if not self.recording.lost(row, intents, head.id):
            return False
        self.metrics.add(Metric.STRANGERS, chain_id=row.chain_id, wallet=row.wallet)
        self.log.error(
            "a stranger uses a wallet's key", wallet=row.wallet, nonce=row.nonce, transaction_ids=row.intents
        )
        return True


def _key(row: NonceRow) -> NonceKey:
    return row.wallet, row.nonce
