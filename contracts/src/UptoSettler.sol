// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "./interfaces/ISignatureTransfer.sol";
import {IUptoPermit2Proxy} from "./interfaces/IUptoPermit2Proxy.sol";
import {IUptoSettler} from "./interfaces/IUptoSettler.sol";
import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";

/// @title The one facilitator of many relayers
/// @notice See {IUptoSettler}.
contract UptoSettler is IUptoSettler, AccessControlDefaultAdminRules {
    /// @notice May choose what is taken of a signed maximum.
    bytes32 public constant RELAYER_ROLE = keccak256("RELAYER_ROLE");

    /// @dev Seconds between scheduling and accepting a change of the admin.
    uint48 private constant ADMIN_TRANSFER_DELAY = 1 days;

    /// @notice x402's proxy, which owners sign for.
    IUptoPermit2Proxy public immutable PROXY;

    /// @param admin grants and revokes the role.
    constructor(address admin, IUptoPermit2Proxy proxy)
        AccessControlDefaultAdminRules(ADMIN_TRANSFER_DELAY, admin)
    {
        if (address(proxy) == address(0)) revert SettlementProxyMissing();
        PROXY = proxy;
    }

    /// @inheritdoc IUptoSettler
    function settle(
        ISignatureTransfer.PermitTransferFrom calldata permit,
        uint256 amount,
        address owner,
        IUptoPermit2Proxy.Witness calldata witness,
        bytes calldata signature
    ) external onlyRole(RELAYER_ROLE) {
        if (witness.to == address(this)) {
            revert SettlementRecipientInvalid(witness.to);
        }

        PROXY.settle(permit, amount, owner, witness, signature);
    }
}
