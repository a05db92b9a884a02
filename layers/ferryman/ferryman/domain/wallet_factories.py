"""Whose contract wallets are deployed on a chain, as its operator configured it."""

from pydantic import BaseModel, ConfigDict, Field

from ferryman.domain.configured import ConfiguredAddress


class UndeployedWallets(BaseModel):
    """Wallets that are deployed at our cost, to be paid from (ERC-6492)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settler: ConfiguredAddress
    """The DeployingSettler, which calls the factory: it has nothing that a factory could take."""
    factories: tuple[ConfiguredAddress, ...] = Field(min_length=1)
    """A factory is foreign code, and we pay its gas."""
