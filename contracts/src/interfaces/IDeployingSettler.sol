// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchSettler} from "./IBatchSettler.sol";

/// @title Settlement for wallets that are not deployed yet
/// @notice Deploys a contract wallet as its owner's ERC-6492 signature says, and carries out its ERC-3009 *transfer*
///         authorization, in one transaction: either both happen, or neither.
///
///         Anyone may call it, with any factory. So whatever is called, is called by a contract that has no role, no
///         allowance, no coin and no token, and that nobody trusts: it can do nothing that anyone could not do by a
///         transaction of their own. Which factories to pay gas for is for the caller to choose.
/// @dev A wallet that was deployed meanwhile is left as it is (ERC-6492: its factory is called only while there is
///      no code). Nothing is stored, so reentering it is the same as calling it twice.
interface IDeployingSettler {
    /// @notice How a wallet is deployed (ERC-6492).
    /// @param factory called with
    /// @param data, which must leave code at the wallet's address.
    struct Deployment {
        address factory;
        bytes data;
    }

    /// @notice The factory was called, and there is no wallet at `wallet`.
    error WalletNotDeployed(address wallet);

    /// @notice There is no contract at `token`, so nothing would happen, and nothing would fail.
    error SettlementTokenMissing(address token);

    /// @notice The settler holds nothing: whatever was paid to it would be lost.
    error SettlementRecipientInvalid(address to);

    /// @notice Deploys `authorization.from` if it is not there, and has `token` carry out its authorization.
    /// @dev Reverts with the token's own error if the token refuses.
    function settle(
        address token,
        Deployment calldata deployment,
        IBatchSettler.ContractAuthorization calldata authorization
    ) external;

    /// @notice Says what `wallet` would say of a signature, once it is deployed (ERC-1271). For `eth_call`.
    function isValidSignature(
        address wallet,
        Deployment calldata deployment,
        bytes32 hash,
        bytes calldata signature
    ) external returns (bytes4);
}
