"""What a kind says of messages that are not signed yet, so that somebody can be told what to sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import Call
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import Fee, FeeSchedule
from ferryman.domain.units import Address, ChainId, Gas, Instant, Seconds, TokenUnits
from ferryman.intents.kind import SignedKind
from ferryman.ports import NonceMarker, Read


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody wants done, and has not signed."""

    chain_id: ChainId
    signer: Address
    tier: Tier
    call: Call
    """What is asked of the target."""
    caller: Address
    """The contract that will call it."""
    gas_limit: Gas | None
    """For the call; None: as much as it turns out to need."""
    nonce: int | None
    """None: one that is free."""
    deadline_seconds: Seconds | None
    """None: as the service proposes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was worked out for a draft."""

    gas_estimate: Gas
    """Of the call as a transaction of its own."""
    gas_limit: Gas
    """For the call."""
    gas: Gas
    """Of the whole transaction, at most."""
    gas_price: int | None
    """Wei per gas that a transaction of the tier is expected to pay; None where the fee does not ask."""
    units_per_native: TokenUnits
    """What 10^18 wei are taken to be worth in units of the token."""
    fee: Fee
    """What it costs at that price."""
    max_fee: TokenUnits
    """What to sign for: what is not used is refunded."""
    nonce: int
    deadline_seconds: Seconds
    expires_at: Instant
    """Until when a message that pays `max_fee` is taken."""


class UnorderedKind(Protocol):
    """A kind whose contract tells which nonces of a signer are free, in no order."""

    def first_nonce(self, chain: ChainSettings, signer: Address) -> Read:
        """The call that answers the smallest nonce that the chain has not seen."""
        ...

    def nonce_used(self, chain: ChainSettings, signer: Address, nonce: int) -> Read:
        """The call that answers whether the chain has seen a nonce."""
        ...

    def nonce_marker(self, chain: ChainSettings, signer: Address, nonce: int) -> NonceMarker:
        """What an accepted message with that nonce holds."""
        ...


class DraftedKind(SignedKind, Protocol):
    """A kind that proposes what to sign."""

    @property
    def draft_model(self) -> type[BaseModel]:
        """The body of a draft."""
        ...

    def parse_draft(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> Draft:
        """Read a draft.

        Raises:
            InvalidFieldsError: something is missing, unknown, out of range or of the wrong form.

        """
        ...

    def draft_reads(self, draft: Draft) -> tuple[Read, ...]:
        """The calls whose answers decide whether such a message would be taken at all."""
        ...

    def check_draft(self, answers: Sequence[bytes], chain: ChainSettings) -> None:
        """Judge the answers to `draft_reads`.

        Raises:
            RequestError: it would not be taken.
            ContractMismatchError: the contract is not ours.

        """
        ...

    def draft_refusal(self, revert: bytes) -> Exception:
        """What to say of a draft whose call reverts."""
        ...

    def gas_limit(self, draft: Draft, estimate: Gas, chain: ChainSettings) -> Gas:
        """What the call needs, by the estimate of it as a transaction of its own."""
        ...

    def draft_schedule(self, draft: Draft, gas_limit: Gas, chain: ChainSettings) -> FeeSchedule:
        """What is charged now for a call that gets so much gas."""
        ...

    def longest_seconds(self, chain: ChainSettings) -> Seconds:
        """How far off a deadline may be."""
        ...

    def proposed(self, draft: Draft, proposal: Proposal, chain: ChainSettings) -> dict[str, Any]:
        """Write what was worked out, with everything to be signed.

        Raises:
            InvalidFieldsError: it needs more gas than is given.

        """
        ...
