"""The DeployingSettler on the chain in memory: wallets appear by the factory that their signature names."""

from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address

from ferryman.domain.units import Address
from ferryman.intents.settlement import deploying
from ferryman.ports import Reverted
from tests.fakes.calldata import decode
from tests.fakes.calls import DEPLOYED
from tests.fakes.tokens import Transfer

_MAGIC: Final = bytes.fromhex("1626ba7e").ljust(32, b"\0")


def is_deploying(data: bytes) -> bool:
    """Whether calldata is for the settler, and settles."""
    return data[:4] == deploying.SETTLE


def deployed_transfer(data: bytes, wallets: dict[str, bytes]) -> Transfer | Reverted:
    """Read the calldata of `settle`; a factory only deploys what a test has said it would.

    Args:
        data: the calldata.
        wallets: address of each such wallet -> what its factory has to be called with.

    """
    token, (_factory, calldata), members = decode(DEPLOYED, data[4:])
    if wallets.get(members[0]) != calldata:
        return _not_deployed(members[0])
    payer, payee = (Address(to_checksum_address(account)) for account in members[:2])
    return Transfer(Address(to_checksum_address(token)), payer, payee, *members[2:6])


def vouched(data: bytes, wallets: dict[str, bytes]) -> bytes | Reverted:
    """Answer `isValidSignature`: every wallet that can be deployed vouches for anything but nothing."""
    types = ["address", "(address,bytes)", "bytes32", "bytes"]
    wallet, (_factory, calldata), _hash, signature = decode(types, data[4:])
    if wallets.get(wallet) != calldata:
        return _not_deployed(wallet)
    return _MAGIC if signature else b"\xff" * 4 + bytes(28)


def _not_deployed(wallet: str) -> Reverted:
    data = keccak(b"WalletNotDeployed(address)")[:4] + encode(["address"], [wallet])
    return Reverted(data, "execution reverted: WalletNotDeployed(address)")
