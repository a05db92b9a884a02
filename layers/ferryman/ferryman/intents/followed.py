"""What a kind says of the contract whose logs keep its cached state true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ferryman.domain.accounts import ContractAccount, Values
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import Address, BlockNumber, ChainId
from ferryman.ports import EventLog, NonceMarker, Read


@dataclass(frozen=True, slots=True)
class Touch:
    """What one log may have changed."""

    account: ContractAccount | None = None
    nonce: NonceMarker | None = None
    """A nonce that is used, or on its way to being void."""


class FollowedContract(Protocol):
    """A contract whose every change of an account's state tells itself in a log."""

    @property
    def topics(self) -> tuple[bytes, ...]:
        """First topics of the logs that touch an account or a nonce."""
        ...

    def contract(self, chain: ChainSettings) -> Address:
        """The contract's address on a chain."""
        ...

    def first_block(self, chain: ChainSettings) -> BlockNumber:
        """No log of the contract is older than this block."""
        ...

    def touched(self, chain_id: ChainId, log: EventLog) -> Touch:
        """What a log may have changed."""
        ...

    def account(self, payload: Mapping[str, str | int]) -> ContractAccount:
        """The account that a message spends from."""
        ...

    def account_read(self, account: ContractAccount) -> Read:
        """The call that reads an account's state."""
        ...

    def account_values(self, answer: bytes) -> Values:
        """The state in the answer to `account_read`."""
        ...

    def answers(self, deep: Values, newest: Values) -> Sequence[bytes]:
        """What the kind's `state_reads` would answer, for a nonce that the chain has never seen."""
        ...
