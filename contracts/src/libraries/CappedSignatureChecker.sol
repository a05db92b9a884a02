// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {CappedCall} from "./CappedCall.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @title Signatures that stay good
/// @notice Tells whether an account signed a digest, whatever became of the account since.
/// @dev Unlike OpenZeppelin's `SignatureChecker`, ECDSA comes first: an account that delegates to code (EIP-7702)
///      after it signed must not thereby void what it signed, and a contract's answer, unlike a signature, can change.
library CappedSignatureChecker {
    /// @dev Gas a contract gets to judge a signature (ERC-1271).
    uint256 internal constant ERC1271_GAS_LIMIT = 200_000;

    function isSignedBy(address signer, bytes32 digest, bytes calldata signature)
        internal
        view
        returns (bool)
    {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        if (signer.code.length == 0) return false;

        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bytes32 answer = CappedCall.tryStaticcall(signer, ERC1271_GAS_LIMIT, question);
        return answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
