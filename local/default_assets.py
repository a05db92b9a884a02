"""The USDC that x402's own packages expect on a public chain: they refuse any other, unless they are told."""

from typing import Final

from eth_typing import ChecksumAddress
from web3 import Web3

DEFAULT_ASSETS: Final[dict[int, ChecksumAddress]] = {
    84532: Web3.to_checksum_address("0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
}
"""Chain id -> address, with the EIP-712 domain of MockUSDC. Base Sepolia is the one to try things on."""
