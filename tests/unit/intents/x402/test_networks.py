"""Names of networks, beside those of a package that no one here wrote."""

from typing import Final

import pytest
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS

from ferryman.domain.units import ChainId
from ferryman.intents.x402.networks import chain_id_of, network_of, old_network_of

WRONG_THERE: Final = {"story": 1514, "educhain": 41923, "skale-base-sepolia": 324705682}
"""What npm's @x402/evm has, and the chains answer to `eth_chainId`."""


@pytest.mark.parametrize("name", list(V1_NETWORK_CHAIN_IDS))
def test_a_name_of_version_1_is_the_chain_that_clients_sign_for(name: str) -> None:
    """Another id, and the signature of every payer on that network would be taken for somebody else's."""
    expected = WRONG_THERE.get(name, V1_NETWORK_CHAIN_IDS[name])

    chain_id = chain_id_of(name)

    assert chain_id == expected
    assert chain_id
    assert old_network_of(chain_id) == name
    assert chain_id_of(network_of(chain_id)) == chain_id


def test_a_chain_without_an_old_name_has_none() -> None:
    """Nor is a name a chain's that nobody has heard of."""
    assert old_network_of(ChainId(31337)) is None
    assert chain_id_of("base-mainnet") is None
