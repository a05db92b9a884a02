// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IBatchSettler} from "./interfaces/IBatchSettler.sol";
import {IERC3009Bytes} from "./interfaces/IERC3009Bytes.sol";
import {CappedCall} from "./libraries/CappedCall.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";

/// @title Settlement of many authorizations at once
/// @notice See {IBatchSettler}.
contract BatchSettler is IBatchSettler {
    /// @notice Longest reason, in bytes, that {LegFailed} repeats.
    uint256 public constant REASON_LIMIT = 256;

    /// @dev An {Authorization} is nine words.
    uint256 private constant AUTHORIZATION_LENGTH = 9 * 32;

    /// @inheritdoc IBatchSettler
    function settle(
        address token,
        uint256 legGasLimit,
        Authorization[] calldata legs,
        ContractAuthorization[] calldata contractLegs
    ) external {
        if (token.code.length == 0) revert SettlementTokenMissing(token);

        // One piece of memory for all of them.
        bytes memory transfer =
            bytes.concat(IERC3009.transferWithAuthorization.selector, new bytes(AUTHORIZATION_LENGTH));
        for (uint256 i = 0; i < legs.length; ++i) {
            Authorization calldata leg = legs[i];
            _copy(leg, transfer);
            _settleLeg(token, legGasLimit, i, leg.to, transfer);
        }
        for (uint256 i = 0; i < contractLegs.length; ++i) {
            ContractAuthorization calldata leg = contractLegs[i];
            _settleLeg(token, legGasLimit, legs.length + i, leg.to, _transferOf(leg));
        }
    }

    function _settleLeg(address token, uint256 legGasLimit, uint256 index, address to, bytes memory transfer)
        private
    {
        if (to == address(this)) {
            emit LegFailed(index, abi.encodeWithSelector(SettlementRecipientInvalid.selector, to));
        } else if (!CappedCall.tryCall(token, legGasLimit, transfer)) {
            emit LegFailed(index, CappedCall.returnData(REASON_LIMIT));
        }
    }

    /// @dev The token's function takes the very words that make up the authorization, in their order.
    function _copy(Authorization calldata leg, bytes memory transfer) private pure {
        assembly ("memory-safe") {
            // After the length and the selector.
            calldatacopy(add(transfer, 0x24), leg, AUTHORIZATION_LENGTH)
        }
    }

    function _transferOf(ContractAuthorization calldata leg) private pure returns (bytes memory) {
        return abi.encodeCall(
            IERC3009Bytes.transferWithAuthorization,
            (leg.from, leg.to, leg.value, leg.validAfter, leg.validBefore, leg.nonce, leg.signature)
        );
    }
}
