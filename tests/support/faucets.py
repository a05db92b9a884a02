"""A chain with a faucet, and who asks it."""

from typing import Final

from ferryman.domain.chain import ChainSettings
from tests.support.payments import PAYER
from tests.support.settlements import ASSET, settlement_settings

UNITS: Final = 100_000_000
ASKING: Final = PAYER.address
SOURCE: Final = "192.0.2.1"


def faucet_settings(**changes: object) -> ChainSettings:
    """Configure a chain whose faucet mints; `changes` are of the faucet."""
    about = {"token": ASSET, "units": UNITS, "mint": True}
    return settlement_settings(faucet=about | changes)
