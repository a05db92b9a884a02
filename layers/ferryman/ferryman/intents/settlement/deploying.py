"""The DeployingSettler: an authorization of a wallet that has to be deployed first (ERC-6492)."""

from typing import Final

from eth_abi.abi import encode
from eth_hash.auto import keccak

from ferryman.domain.erc6492 import Counterfactual
from ferryman.domain.units import Address
from ferryman.intents.eip3009 import Authorization

_DEPLOYMENT: Final = "(address,bytes)"
_AUTHORIZATION: Final = "(address,address,uint256,uint256,uint256,bytes32,bytes)"
SETTLE: Final = keccak(f"settle(address,{_DEPLOYMENT},{_AUTHORIZATION})".encode())[:4]
IS_VALID_SIGNATURE: Final = keccak(f"isValidSignature(address,{_DEPLOYMENT},bytes32,bytes)".encode())[:4]
_WALLET_NOT_DEPLOYED: Final = keccak(b"WalletNotDeployed(address)")[:4]


def settle(token: Address, authorization: Authorization, signed: Counterfactual) -> bytes:
    """Calldata of `settle`."""
    members = (*authorization.members(), signed.signature)
    types = ["address", _DEPLOYMENT, _AUTHORIZATION]
    return SETTLE + encode(types, [token, (signed.factory, signed.calldata), members])


def is_valid_signature(wallet: Address, digest: bytes, signed: Counterfactual) -> bytes:
    """Calldata of `isValidSignature`, which answers as ERC-1271 does."""
    types = ["address", _DEPLOYMENT, "bytes32", "bytes"]
    deployment = signed.factory, signed.calldata
    return IS_VALID_SIGNATURE + encode(types, [wallet, deployment, digest, signed.signature])


def is_not_deployed(revert: bytes) -> bool:
    """Whether the factory did not deploy the wallet."""
    return revert[:4] == _WALLET_NOT_DEPLOYED
