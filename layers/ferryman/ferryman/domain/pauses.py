"""Pauses: what an operator has told submit to leave alone for a while."""

from dataclasses import dataclass

from ferryman.domain.units import ChainId, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a pause covers; None is all of it."""

    chain_id: ChainId | None = None
    kind: str | None = None

    def covers(self, chain_id: ChainId, kind: str) -> bool:
        """Whether transactions of this kind on this chain are in the scope."""
        return self.chain_id in {None, chain_id} and self.kind in {None, kind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One pause: nothing in its scope is bound to a nonce until somebody lifts it."""

    scope: Scope
    by: str
    """Who paused: the ARN that signed the request."""
    note: str
    """Why, in the operator's words."""
    since: Instant
