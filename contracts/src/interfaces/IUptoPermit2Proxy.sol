// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "./ISignatureTransfer.sol";

/// @title x402's upto proxy for Permit2
/// @notice The part of the standard's x402UptoPermit2Proxy that we call: an owner signs the most that may be taken,
///         and for whom; the facilitator that the owner named says how much of it is.
interface IUptoPermit2Proxy {
    /// @notice What an owner signs besides: who is paid, who may settle, and since when.
    struct Witness {
        address to;
        address facilitator;
        uint256 validAfter;
    }

    /// @notice Transfers `amount` from `owner` to `witness.to`; `msg.sender` has to be `witness.facilitator`.
    /// @param permit names the most that `amount` may be.
    function settle(
        ISignatureTransfer.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        Witness calldata witness,
        bytes calldata signature
    ) external;
}
