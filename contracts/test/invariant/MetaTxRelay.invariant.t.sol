// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MetaTxRelay} from "../../src/MetaTxRelay.sol";
import {MockUSDC} from "../../src/mocks/MockUSDC.sol";
import {RelayHandler} from "./RelayHandler.sol";
import {Test} from "forge-std/Test.sol";

contract MetaTxRelayInvariantTest is Test {
    RelayHandler private _handler;
    MetaTxRelay private _relay;
    MockUSDC private _usdc;

    function setUp() public {
        _handler = new RelayHandler();
        _relay = _handler.relayUnderTest();
        _usdc = _handler.tokenUnderTest();
        targetContract(address(_handler));
        bytes4[] memory actions = new bytes4[](8);
        actions[0] = RelayHandler.fund.selector;
        actions[1] = RelayHandler.callOff.selector;
        actions[2] = RelayHandler.relayNew.selector;
        actions[3] = RelayHandler.relayAgain.selector;
        actions[4] = RelayHandler.collect.selector;
        actions[5] = RelayHandler.forge.selector;
        actions[6] = RelayHandler.trespass.selector;
        actions[7] = RelayHandler.wait.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: actions}));
    }

    function invariant_aNonceIsUsedIfAndOnlyIfItsFeeWasPaid() public view {
        assertEq(_handler.unpaidExecutions(), 0);
        for (uint256 u = 0; u < _handler.USERS(); ++u) {
            address user = _handler.users(u);
            uint256 used;
            for (uint256 nonce = 0; nonce < _handler.NONCES(); ++nonce) {
                uint256 times = _handler.timesExecuted(user, nonce);
                assertEq(_relay.isNonceUsed(user, nonce), times == 1);
                used += times;
            }
            assertEq(used, _handler.executions(user));
        }
    }

    /// @notice Fees that were not withdrawn, and nothing else; and users have lost nothing else.
    function invariant_theRelayHoldsFeesOnly() public view {
        assertEq(_usdc.balanceOf(address(_relay)), _handler.collected() - _handler.withdrawn());
        for (uint256 u = 0; u < _handler.USERS(); ++u) {
            address user = _handler.users(u);
            assertEq(_usdc.balanceOf(user), _handler.minted(user) - _handler.feesPaid(user));
        }
    }

    /// @notice No fee above its maximum, nothing after its deadline; nothing with another's signature or fee, or one
    ///         for another chain, or by somebody without the role.
    function invariant_nothingHappensThatWasNotSigned() public view {
        assertEq(_handler.feesOverMaximum(), 0);
        assertEq(_handler.lateExecutions(), 0);
        assertEq(_handler.forgeriesAccepted(), 0);
    }
}
