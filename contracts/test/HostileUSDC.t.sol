// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BatchSettler} from "../src/BatchSettler.sol";
import {IBatchSettler} from "../src/interfaces/IBatchSettler.sol";
import {HostileUSDC} from "../src/mocks/HostileUSDC.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {Vm} from "forge-std/Vm.sol";

contract HostileUSDCTest is AuthorizationTest {
    uint256 private constant VALUE = 10_000;
    uint256 private constant LEG_GAS = 200_000;

    HostileUSDC private _token = new HostileUSDC();
    BatchSettler private _settler = new BatchSettler();
    address private _payee = makeAddr("payee");

    function setUp() public {
        vm.warp(1_800_000_000);
        usdc = _token;
    }

    function test_none_isHonest() public {
        _settle(VALUE);

        assertEq(_token.balanceOf(_payee), VALUE);
    }

    function test_burnGas_takesTheGasOfTheLegAndNoMore() public {
        _token.misbehave(HostileUSDC.Way.BurnGas);

        uint256 gasBefore = gasleft();
        Vm.Log[] memory logs = _settle(VALUE);

        assertGt(gasBefore - gasleft(), LEG_GAS);
        assertLt(gasBefore - gasleft(), LEG_GAS + 200_000);
        _assertFailed(logs);
    }

    function test_failAtLength_isCut() public {
        _token.misbehave(HostileUSDC.Way.FailAtLength);

        _assertFailed(_settle(VALUE));
    }

    /// @dev The authorization is used up, and no log says that anybody was paid.
    function test_pretend_leavesNoTransfer() public {
        _token.misbehave(HostileUSDC.Way.Pretend);

        assertEq(_settle(VALUE).length, 0);
        assertEq(_token.balanceOf(_payee), 0);
    }

    function test_lieAboutBalances_deceivesWhoDoesNotSimulate() public {
        _token.misbehave(HostileUSDC.Way.LieAboutBalances);

        assertGt(_token.balanceOf(makeAddr("payer")), 2 * VALUE);
        _assertFailed(_settle(VALUE + 1));
    }

    function _settle(uint256 value) private returns (Vm.Log[] memory) {
        (address payer, uint256 key) = makeAddrAndKey("payer");
        _token.mint(payer, VALUE);
        IBatchSettler.Authorization[] memory legs = new IBatchSettler.Authorization[](1);
        (uint8 v, bytes32 r, bytes32 s) = split(signTransfer(key, payer, _payee, value, bytes32(0)));
        legs[0] = IBatchSettler.Authorization(payer, _payee, value, 0, type(uint256).max, bytes32(0), v, r, s);
        vm.recordLogs();
        _settler.settle(address(_token), LEG_GAS, legs, new IBatchSettler.ContractAuthorization[](0));
        return vm.getRecordedLogs();
    }

    function _assertFailed(Vm.Log[] memory logs) private pure {
        assertEq(logs[logs.length - 1].topics[0], IBatchSettler.LegFailed.selector);
    }
}
