// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {CappedCall} from "../src/libraries/CappedCall.sol";
import {GasEatingWallet, ParrotWallet} from "./mocks/Wallets.sol";
import {Test} from "forge-std/Test.sol";

/// @notice Answers with the gas it was given.
contract GasMeter {
    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(gasleft());
    }
}

contract CappedCallHarness {
    function tryCall(address target, uint256 gasLimit) external returns (bool success, bytes memory result) {
        success = CappedCall.tryCall(target, gasLimit, "");
        result = CappedCall.returnData(64);
    }

    function tryStaticcall(address target, uint256 gasLimit) external view returns (bytes32 word) {
        target.code.length; // warms it
        word = CappedCall.tryStaticcall(target, gasLimit, "");
    }
}

contract CappedCallTest is Test {
    CappedCallHarness private _harness = new CappedCallHarness();
    address private _meter = address(new GasMeter());

    function testFuzz_tryCall_givesTheGasItPromisedOrReverts(uint256 available) public {
        (, bytes memory plenty) = _harness.tryCall(_meter, 100_000);
        // Around the point where it is just enough, to the unit.
        available = bound(available, 101_000, 107_000);

        (bool success, bytes memory answer) =
            address(_harness).call{gas: available}(abi.encodeCall(_harness.tryCall, (_meter, 100_000)));

        if (success) {
            (, bytes memory metered) = abi.decode(answer, (bool, bytes));
            assertEq(metered, plenty);
        } else {
            _assertInsufficientGas(answer);
        }
    }

    function testFuzz_tryStaticcall_givesTheGasItPromisedOrReverts(uint256 available) public {
        bytes32 plenty = _harness.tryStaticcall(_meter, 100_000);
        available = bound(available, 101_000, 107_000);

        (bool success, bytes memory answer) =
            address(_harness).call{gas: available}(abi.encodeCall(_harness.tryStaticcall, (_meter, 100_000)));

        if (success) {
            assertEq(abi.decode(answer, (bytes32)), plenty);
        } else {
            _assertInsufficientGas(answer);
        }
    }

    function test_tryCall_givesExactlyWhatWasAskedFor() public {
        (, bytes memory metered) = _harness.tryCall(_meter, 100_000);
        (, bytes memory meteredMore) = _harness.tryCall(_meter, 123_456);

        assertEq(abi.decode(meteredMore, (uint256)) - abi.decode(metered, (uint256)), 23_456);
    }

    function test_tryCall_worksWithLittleMoreThanItPromised() public {
        (bool success,) =
            address(_harness).call{gas: 106_000}(abi.encodeCall(_harness.tryCall, (_meter, 100_000)));

        assertTrue(success);
    }

    function test_tryCall_reportsFailureWithTheBeginningOfItsReason() public {
        bytes memory reason = new bytes(100);
        reason[0] = 0x11;
        reason[99] = 0x99;

        (bool success, bytes memory result) =
            _harness.tryCall(address(new ParrotWallet(reason, true)), 100_000);

        assertFalse(success);
        assertEq(result.length, 64);
        assertEq(result[0], bytes1(0x11));
    }

    function testFuzz_returnData_isWholeUpToItsLimit(bytes calldata answer) public {
        vm.assume(answer.length <= 64);
        (bool success, bytes memory result) =
            _harness.tryCall(address(new ParrotWallet(answer, false)), 100_000);

        assertTrue(success);
        assertEq(result, answer);
    }

    function test_tryStaticcall_isZeroWhenTheCallFails() public {
        assertEq(_harness.tryStaticcall(address(new GasEatingWallet()), 100_000), 0);
        assertEq(_harness.tryStaticcall(address(new ParrotWallet(abi.encode(uint256(1)), true)), 100_000), 0);
    }

    function test_tryStaticcall_isZeroForLessThanAWord() public {
        assertEq(_harness.tryStaticcall(address(new ParrotWallet(new bytes(31), false)), 100_000), 0);
    }

    function test_tryStaticcall_isTheFirstWord() public {
        bytes memory answer = abi.encode(uint256(7), uint256(8));
        assertEq(
            _harness.tryStaticcall(address(new ParrotWallet(answer, false)), 100_000), bytes32(uint256(7))
        );
    }

    function _assertInsufficientGas(bytes memory reason) private pure {
        // forge-lint: disable-next-line(unsafe-typecast)
        assertEq(bytes4(reason), CappedCall.CappedCallInsufficientGas.selector);
    }
}
