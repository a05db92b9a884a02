"""What a kind says of nonces that its contract takes in order only."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address
from ferryman.ports import NonceMarker, Read


class OrderedNonces(Protocol):
    """The nonces of a contract that counts them: a message is taken once all before it are mined.

    So a nonce that failed without being used is free again: else its signer could never go on.
    """

    def most_ahead(self, chain: ChainSettings) -> int:
        """How many messages of one signer may wait for those before them."""
        ...

    def next_nonce(self, chain: ChainSettings, signer: Address) -> Read:
        """The call that answers which nonce of a signer the contract takes next."""
        ...

    def marker(self, chain: ChainSettings, signer: Address, nonce: int) -> NonceMarker:
        """What an accepted message with that nonce holds."""
        ...

    def ahead(self, payload: Mapping[str, str | int], answers: Sequence[bytes]) -> int:
        """How many nonces come before the message's, by the answers to `state_reads`; 0: it is its turn."""
        ...

    def before(self, payload: Mapping[str, str | int]) -> NonceMarker:
        """The nonce just before the message's."""
        ...

    def after(self, payload: Mapping[str, str | int]) -> NonceMarker:
        """The nonce just after the message's."""
        ...

    def is_out_of_turn(self, revert: bytes) -> bool:
        """Whether a revert passes once the nonces before are used, or never will since its own is."""
        ...

    def evidence(self, payload: Mapping[str, str | int]) -> bytes:
        """What the calldata of a transaction holds that carried this very message out.

        A log of such a contract names the nonce, which another message may have had.
        """
        ...
