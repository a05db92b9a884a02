// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "./ISignatureTransfer.sol";
import {IUptoPermit2Proxy} from "./IUptoPermit2Proxy.sol";

/// @title The one facilitator of many relayers
/// @notice x402's upto proxy takes an amount from nobody but the account that the owner named as the facilitator,
///         and relayers send from many. Owners name this contract; who has the relayer role speaks through it.
///
///         It has no funds and no allowance: a relayer can do by it no more than a facilitator can, which is to
///         choose an amount up to the signed one, paid to whom the owner named, once, in time.
/// @dev Nothing is stored besides roles, and what is called is the proxy alone.
interface IUptoSettler {
    /// @notice The settler holds nothing: whatever was paid to it would be lost.
    error SettlementRecipientInvalid(address to);

    /// @notice The proxy that is called must be named.
    error SettlementProxyMissing();

    /// @notice Has the proxy take `amount` of what `owner` signed for this contract as the facilitator.
    /// @dev Reverts with the error of whoever refuses: the proxy, Permit2, or the token.
    function settle(
        ISignatureTransfer.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        IUptoPermit2Proxy.Witness calldata witness,
        bytes calldata signature
    ) external;
}
