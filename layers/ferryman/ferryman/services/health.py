"""Whether Ferryman can do its work."""

from dataclasses import dataclass
from typing import Any

from ferryman.domain.units import ChainId
from ferryman.ports import LeaseStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Looks at what requests depend on."""

    leases: LeaseStore
    chain_ids: tuple[ChainId, ...]

    def ready(self) -> dict[str, Any]:
        """Read each chain's newest block from the tables.

        Raises:
            StoreUnavailableError: the tables do not answer, so we are not ready.

        """
        chains = [{"chain_id": chain_id, "head": self.leases.head(chain_id)} for chain_id in self.chain_ids]
        return {"status": "ready", "chains": chains}
