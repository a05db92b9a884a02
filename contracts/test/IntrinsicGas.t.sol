// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IntrinsicGas} from "../src/libraries/IntrinsicGas.sol";
import {Test} from "forge-std/Test.sol";

contract IntrinsicGasHarness {
    fallback(bytes calldata) external returns (bytes memory) {
        return abi.encode(IntrinsicGas.ofThisCall());
    }
}

contract IntrinsicGasTest is Test {
    address private _harness = address(new IntrinsicGasHarness());

    function testFuzz_ofThisCall_countsEachByte(bytes calldata data) public {
        uint256 expected = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            expected += data[i] == 0 ? 4 : 16;
        }

        (, bytes memory answer) = _harness.call(data);

        assertEq(abi.decode(answer, (uint256)), expected);
    }

    /// @dev Random bytes are seldom zero; these are each of the 256, and a zero between them.
    function test_ofThisCall_knowsEveryByte() public {
        bytes memory data = new bytes(512);
        for (uint256 i = 0; i < 256; ++i) {
            data[2 * i] = bytes1(uint8(i));
        }

        (, bytes memory answer) = _harness.call(data);

        assertEq(abi.decode(answer, (uint256)), 21_000 + 257 * 4 + 255 * 16);
    }
}
