"""Nonces of signers: one to sign next, that neither the chain nor an accepted message has."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    ContractMismatchError,
    FieldProblem,
    NonceOutOfOrderError,
)
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address
from ferryman.intents.drafted import UnorderedKind
from ferryman.intents.ordered import OrderedNonces
from ferryman.ports import AccountCache, Read, TransactionStore
from ferryman.services.chains import ChainAccess

_CANDIDATES: Final = 16
_RANDOM_BITS: Final = 128
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class FreeNonces:
    """Finds nonces where they have no order: the smallest free one reads best."""

    kind: UnorderedKind
    accounts: AccountCache

    def __call__(self, signer: Address, access: ChainAccess) -> int:
        """Give a nonce that a signer can use now. Nothing is held: two who ask at once are told the same.

        Raises:
            AssuranceUnavailableError: the chain cannot be read.
            ContractMismatchError: the contract is not ours.
            StoreUnavailableError: what is accepted could not be read.

        """
        kind, settings = self.kind, access.settings
        (first,) = _numbers(access, [kind.first_nonce(settings, signer)])
        candidates = range(first, first + _CANDIDATES)
        used = _numbers(access, [kind.nonce_used(settings, signer, nonce) for nonce in candidates])
        markers = {
            kind.nonce_marker(settings, signer, nonce): nonce
            for nonce, is_used in zip(candidates, used, strict=True)
            if not is_used
        }
        unclaimed = (markers[marker] for marker in self.accounts.unclaimed(list(markers)))
        # So many in a row are open that another may be taken while we look: any will do.
        return min(unclaimed, default=secrets.randbits(_RANDOM_BITS))


@dataclass(frozen=True, slots=True)
class NextNonces:
    """Finds nonces where they have an order: the first that no accepted message has, or that failed."""

    ordered: OrderedNonces
    store: TransactionStore

    def __call__(self, signer: Address, access: ChainAccess) -> int:
        """Give the nonce that a signer has to use next. Nothing is held, as in `FreeNonces`.

        Raises:
            NonceOutOfOrderError: as many as may wait for those before them do.
            AssuranceUnavailableError: the chain cannot be read.
            ContractMismatchError: the contract is not ours.
            StoreUnavailableError: what is accepted could not be read.

        """
        settings, ordered = access.settings, self.ordered
        (first,) = _numbers(access, [ordered.next_nonce(settings, signer)])
        candidates = range(first, first + ordered.most_ahead(settings) + 1)
        markers = {nonce: ordered.marker(settings, signer, nonce) for nonce in candidates}
        holders = self.store.holders(list(markers.values()))
        rows = self.store.get_many(list(holders.values()))
        open_or_done = {row.transaction_id for row in rows if row.status is not Status.FAILED}
        for nonce, marker in markers.items():
            if holders.get(marker) not in open_or_done:
                return nonce
        problem = FieldProblem(
            "nonce", f"{len(candidates)} of this signer are not mined yet; no more may wait"
        )
        raise NonceOutOfOrderError("Too many requests of this signer would wait.", problem)


def _numbers(access: ChainAccess, reads: Sequence[Read]) -> list[int]:
    try:
        answers = access.chain.read(reads).answers
    except ChainUnreachableError as error:
        msg = "The chain cannot be asked now which nonces are free; try again."
        raise AssuranceUnavailableError(msg) from error
    words = [answer for answer in answers if isinstance(answer, bytes) and len(answer) == _WORD]
    if len(words) != len(reads):
        raise ContractMismatchError("The contract on chain does not tell which nonces are free.")
    return [int.from_bytes(word) for word in words]
