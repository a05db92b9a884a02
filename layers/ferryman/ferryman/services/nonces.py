"""Nonces of signers: one that neither the chain nor an accepted message has."""

import secrets
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    ContractMismatchError,
)
from ferryman.domain.units import Address
from ferryman.intents.drafted import NoncedKind
from ferryman.ports import AccountCache, Read
from ferryman.services.chains import ChainAccess

_CANDIDATES: Final = 16
_RANDOM_BITS: Final = 128
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class FreeNonces:
    """Finds nonces where they have no order: the smallest free one reads best."""

    accounts: AccountCache

    def __call__(self, kind: NoncedKind, signer: Address, access: ChainAccess) -> int:
        """Give a nonce that a signer can use now. Nothing is held: two who ask at once are told the same.

        Raises:
            AssuranceUnavailableError: the chain cannot be read.
            ContractMismatchError: the contract is not ours.
            StoreUnavailableError: what is accepted could not be read.

        """
        settings = access.settings
        (first,) = self._answers(access, [kind.first_nonce(settings, signer)])
        candidates = range(first, first + _CANDIDATES)
        used = self._answers(access, [kind.nonce_used(settings, signer, nonce) for nonce in candidates])
        markers = {
            kind.nonce_marker(settings, signer, nonce): nonce
            for nonce, is_used in zip(candidates, used, strict=True)
            if not is_used
        }
        unclaimed = (markers[marker] for marker in self.accounts.unclaimed(list(markers)))
        # So many in a row are open that another may be taken while we look: any will do.
        return min(unclaimed, default=secrets.randbits(_RANDOM_BITS))

    def _answers(self, access: ChainAccess, reads: list[Read]) -> list[int]:
        try:
            answers = access.chain.read(reads).answers
        except ChainUnreachableError as error:
            msg = "The chain cannot be asked now which nonces are free; try again."
            raise AssuranceUnavailableError(msg) from error
        words = [answer for answer in answers if isinstance(answer, bytes) and len(answer) == _WORD]
        if len(words) != len(reads):
            raise ContractMismatchError("The contract on chain does not tell which nonces are free.")
        return [int.from_bytes(word) for word in words]
