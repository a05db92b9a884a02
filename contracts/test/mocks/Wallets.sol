// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A contract wallet with one key, which can revoke it, and which works as hard as it is told to.
contract OwnedWallet is IERC1271 {
    address private immutable OWNER;
    bool private _revoked;
    uint256 private _work;

    constructor(address owner) {
        OWNER = owner;
    }

    function revoke() external {
        _revoked = true;
    }

    /// @notice Makes each check cost at least `gasUnits`.
    function setWork(uint256 gasUnits) external {
        _work = gasUnits;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        uint256 work = _work;
        for (uint256 start = gasleft(); start - gasleft() < work;) {}
        (address recovered,,) = ECDSA.tryRecoverCalldata(hash, signature);
        return !_revoked && recovered == OWNER ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice A contract that answers every call with the same bytes.
contract ParrotWallet {
    bytes private _answer;
    bool private immutable FAILS;

    constructor(bytes memory answer, bool fails) {
        _answer = answer;
        FAILS = fails;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory answer = _answer;
        if (!FAILS) return answer;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }
}

/// @notice A contract that burns all the gas it is given.
contract GasEatingWallet {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @notice A contract that answers with more bytes than its caller would like to pay for.
contract ReturnBombWallet {
    fallback() external {
        assembly ("memory-safe") {
            return(mload(0x40), 180000)
        }
    }
}
