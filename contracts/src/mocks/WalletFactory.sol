// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title A contract wallet of one key, for local chains
contract KeyWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    /// @inheritdoc IERC1271
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address recovered,,) = ECDSA.tryRecoverCalldata(hash, signature);
        return recovered == OWNER ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @title A factory of such wallets, each at an address that is known before
contract WalletFactory {
    /// @notice Deploys the wallet of `owner`; reverts if it is there.
    function deploy(address owner) external returns (KeyWallet) {
        return new KeyWallet{salt: 0}(owner);
    }

    /// @notice Where the wallet of `owner` is, or will be.
    function walletOf(address owner) external view returns (address) {
        bytes memory creation = bytes.concat(type(KeyWallet).creationCode, abi.encode(owner));
        return Create2.computeAddress(0, keccak256(creation));
    }
}
