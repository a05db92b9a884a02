"""What can be bought, asked for by the client of the package that others use."""

import json
from typing import Final

import pytest
from x402.extensions.bazaar import with_bazaar
from x402.extensions.bazaar.facilitator_client import ListDiscoveryResourcesParams
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync

from tests.e2e.reconfigured import deployed_with
from tests.e2e.stack import Stack

SOLD: Final = [
    {
        "resource": f"https://seller.example/{name}",
        "accepts": [{"scheme": "exact", "network": "eip155:31337", "amount": "10000"}],
        "lastUpdated": 1_800_000_000,
    }
    for name in ("weather", "news", "maps")
]


def test_a_buyer_finds_what_the_operator_has_listed_a_page_at_a_time(stack: Stack) -> None:
    """Nothing at first; then what a deploy has listed, in its order."""
    plain = HTTPFacilitatorClientSync(FacilitatorConfig(url=stack.description.api_url))
    # The package's types ask for the other client, which has no way to list.
    client = with_bazaar(plain)  # type: ignore[arg-type]
    page = ListDiscoveryResourcesParams(type="http", limit=2, offset=1)

    nothing = client.extensions.bazaar.list_resources()
    with deployed_with(stack, "x402", {"DISCOVERY_RESOURCES": json.dumps(SOLD)}):
        listed = client.extensions.bazaar.list_resources(page)
        with pytest.raises(ValueError, match="422"):
            client.extensions.bazaar.list_resources(ListDiscoveryResourcesParams(limit=0))

    assert (nothing.items, nothing.pagination.total) == ([], 0)
    assert [one.resource for one in listed.items] == [one["resource"] for one in SOLD[1:]]
    assert (listed.pagination.limit, listed.pagination.offset, listed.pagination.total) == (2, 1, 3)
