// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchSettler} from "./interfaces/IBatchSettler.sol";
import {IDeployingSettler} from "./interfaces/IDeployingSettler.sol";
import {IERC3009Bytes} from "./interfaces/IERC3009Bytes.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @title Settlement for wallets that are not deployed yet
/// @notice See {IDeployingSettler}.
contract DeployingSettler is IDeployingSettler {
    /// @inheritdoc IDeployingSettler
    function settle(
        address token,
        Deployment calldata deployment,
        IBatchSettler.ContractAuthorization calldata authorization
    ) external {
        if (authorization.to == address(this)) {
            revert SettlementRecipientInvalid(authorization.to);
        }
        if (token.code.length == 0) revert SettlementTokenMissing(token);

        _deploy(authorization.from, deployment);
        IERC3009Bytes(token)
            .transferWithAuthorization(
                authorization.from,
                authorization.to,
                authorization.value,
                authorization.validAfter,
                authorization.validBefore,
                authorization.nonce,
                authorization.signature
            );
    }

    /// @inheritdoc IDeployingSettler
    function isValidSignature(
        address wallet,
        Deployment calldata deployment,
        bytes32 hash,
        bytes calldata signature
    ) external returns (bytes4) {
        _deploy(wallet, deployment);
        return IERC1271(wallet).isValidSignature(hash, signature);
    }

    /// @dev What the factory answers does not matter, and is not read: only whether the wallet is there.
    function _deploy(address wallet, Deployment calldata deployment) private {
        if (wallet.code.length != 0) return;

        address factory = deployment.factory;
        bytes memory data = deployment.data;
        assembly ("memory-safe") {
            pop(call(gas(), factory, 0, add(data, 0x20), mload(data), 0, 0))
        }
        if (wallet.code.length == 0) revert WalletNotDeployed(wallet);
    }
}
