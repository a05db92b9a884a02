// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {Test} from "forge-std/Test.sol";

/// @notice A token, and what it takes to sign ERC-3009 authorizations for it.
abstract contract AuthorizationTest is Test {
    string private constant FIELDS =
        "WithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";

    MockUSDC internal usdc;

    /// @dev Of a *transfer* authorization that is always valid.
    function signTransfer(uint256 key, address from, address to, uint256 value, bytes32 nonce)
        internal
        view
        returns (bytes memory)
    {
        bytes memory fields = abi.encode(from, to, value, uint256(0), type(uint256).max, nonce);
        return signAuthorization(key, "Transfer", fields);
    }

    /// @dev Of a *receive* authorization that is always valid.
    function signReceive(uint256 key, address from, address to, uint256 value, bytes32 nonce)
        internal
        view
        returns (bytes memory)
    {
        bytes memory fields = abi.encode(from, to, value, uint256(0), type(uint256).max, nonce);
        return signAuthorization(key, "Receive", fields);
    }

    function signAuthorization(uint256 key, string memory verb, bytes memory fields)
        internal
        view
        returns (bytes memory)
    {
        bytes32 typehash = keccak256(bytes(string.concat(verb, FIELDS)));
        bytes32 message = keccak256(bytes.concat(typehash, fields));
        return sign(key, keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), message)));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function split(bytes memory signature) internal pure returns (uint8 v, bytes32 r, bytes32 s) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    /// @notice The error that `returned` encodes.
    function selectorOf(bytes memory returned) internal pure returns (bytes4) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(returned);
    }
}
