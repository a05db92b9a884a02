"""What this deployment offers: its chains, and how to sign for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import ChainId
from ferryman.intents.kind import IntentKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Everything a client needs to know before it signs, so that it is configured with one URL."""

    kinds: Mapping[str, IntentKind]
    chains: Mapping[ChainId, ChainSettings]
    websocket_url: str

    def public(self) -> dict[str, Any]:
        """Give the public part of the configuration: no endpoint of a chain, no cap."""
        return {
            "websocket_url": self.websocket_url,
            "chains": [self._chain(one) for one in self.chains.values()],
        }

    def _chain(self, chain: ChainSettings) -> dict[str, Any]:
        return {
            "chain_id": chain.chain_id,
            "escrow": chain.escrow,
            "tokens": list(chain.tokens),
            "block_time_ms": chain.block_time_ms,
            "required_confirmations": chain.required_confirmations,
            "shortest_deadline_seconds": chain.inclusion_seconds,
            "longest_deadline_seconds": chain.grace_seconds - chain.withdrawal_margin_seconds,
            "intents": {
                kind.name: {"path": kind.path, **signing}
                for kind in self.kinds.values()
                if (signing := kind.signing(chain))
            },
        }
