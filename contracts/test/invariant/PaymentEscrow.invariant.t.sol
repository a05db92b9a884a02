// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PaymentEscrow} from "../../src/PaymentEscrow.sol";
import {EscrowHandler} from "./EscrowHandler.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Test} from "forge-std/Test.sol";

contract PaymentEscrowInvariantTest is Test {
    EscrowHandler private _handler;
    PaymentEscrow private _escrow;

    function setUp() public {
        _handler = new EscrowHandler();
        _escrow = _handler.escrowUnderTest();
        targetContract(address(_handler));
        bytes4[] memory actions = new bytes4[](11);
        actions[0] = EscrowHandler.deposit.selector;
        actions[1] = EscrowHandler.requestWithdraw.selector;
        actions[2] = EscrowHandler.cancelWithdraw.selector;
        actions[3] = EscrowHandler.claim.selector;
        actions[4] = EscrowHandler.requestInvalidate.selector;
        actions[5] = EscrowHandler.pay.selector;
        actions[6] = EscrowHandler.payAgain.selector;
        actions[7] = EscrowHandler.payBatch.selector;
        actions[8] = EscrowHandler.forge.selector;
        actions[9] = EscrowHandler.trespass.selector;
        actions[10] = EscrowHandler.wait.selector;
        targetSelector(FuzzSelector({addr: address(_handler), selectors: actions}));
    }

    /// @notice The escrow holds of each token at least what it owes.
    function invariant_holdsWhatItOwes() public view {
        for (uint256 t = 0; t < 2; ++t) {
            address token = _handler.tokens(t);
            uint256 owed;
            for (uint256 p = 0; p < _handler.PAYERS(); ++p) {
                owed += _escrow.balanceOf(token, _handler.payers(p));
            }
            assertGe(IERC20(token).balanceOf(address(_escrow)), owed);
        }
    }

    /// @notice A balance is what was deposited, less what its owner signed away or withdrew; nothing else moves it.
    function invariant_balancesMoveOnlyByDepositsSignaturesAndOwnWithdrawals() public view {
        for (uint256 t = 0; t < 2; ++t) {
            address token = _handler.tokens(t);
            for (uint256 p = 0; p < _handler.PAYERS(); ++p) {
                address payer = _handler.payers(p);
                assertEq(
                    _escrow.balanceOf(token, payer),
                    _handler.deposited(token, payer) - _handler.paid(token, payer)
                        - _handler.withdrawn(token, payer)
                );
            }
        }
    }

    function invariant_aNonceIsUsedAtMostOnce() public view {
        assertEq(_handler.nonceReuses(), 0);
    }

    function invariant_nothingExecutesAfterItsDeadline() public view {
        assertEq(_handler.lateExecutions(), 0);
    }

    function invariant_nothingExecutesOnceItsNonceIsInvalid() public view {
        assertEq(_handler.executionsOfInvalidNonces(), 0);
    }

    /// @notice Not with another's signature, nor one for another chain or escrow, nor by somebody who is no relayer.
    function invariant_noForgeryIsAccepted() public view {
        assertEq(_handler.forgeriesAccepted(), 0);
    }

    function invariant_noClaimComesBeforeGraceSinceTheLastRequest() public view {
        assertEq(_handler.earlyClaims(), 0);
    }

    function invariant_aClaimPaysTheLesserOfRequestAndBalance() public view {
        assertEq(_handler.claimsOverRequest(), 0);
    }
}
