"""The catalogue of resources that can be bought, as the operator lists them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, Json


class ListedResource(BaseModel):
    """What a seller sells, in the standard's own names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resource: str = Field(min_length=1, max_length=2_000)
    """Its URL."""
    type: str = Field(default="http", min_length=1, max_length=16)
    x402Version: Annotated[int, Field(ge=1, le=2)] = 2  # noqa: N815 (the standard's name)
    accepts: tuple[dict[str, Any], ...] = Field(min_length=1)
    """Payment requirements, as the seller asks for them."""
    lastUpdated: int = Field(ge=0)  # noqa: N815
    """Unix seconds."""
    metadata: dict[str, Any] | None = None


Catalogue = Json[tuple[ListedResource, ...]]
"""As JSON, in the order in which it is told."""
