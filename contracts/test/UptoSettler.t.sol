// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {UptoSettler} from "../src/UptoSettler.sol";
import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {IUptoPermit2Proxy} from "../src/interfaces/IUptoPermit2Proxy.sol";
import {IUptoSettler} from "../src/interfaces/IUptoSettler.sol";
import {UptoPermit2Proxy} from "../src/mocks/UptoPermit2Proxy.sol";
import {PermitTest} from "./PermitTest.sol";
import {MisbehavingToken} from "./mocks/Tokens.sol";
import {OwnedWallet} from "./mocks/Wallets.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";

/// @dev Behind x402's proxy, as ours is on local chains, and in front of the real Permit2.
contract UptoSettlerTest is PermitTest {
    UptoPermit2Proxy private _proxy;
    UptoSettler private _settler;
    address private _admin = makeAddr("admin");
    address private _relayer = makeAddr("relayer");

    function setUp() public override {
        super.setUp();
        _proxy = new UptoPermit2Proxy(PERMIT2);
        _settler = new UptoSettler(_admin, _proxy);
        bytes32 role = _settler.RELAYER_ROLE();
        vm.prank(_admin);
        _settler.grantRole(role, _relayer);
    }

    // ------------------------------------------------------------------ what was signed, and no more

    function testFuzz_settle_takesAnyPartOfWhatWasSigned(uint256 amount) public {
        amount = bound(amount, 1, AMOUNT);
        vm.expectEmit(address(_proxy));
        emit UptoPermit2Proxy.Settled();
        _settle(amount);

        assertEq(usdc.balanceOf(seller), amount);
        assertEq(usdc.balanceOf(payer), FUNDS - amount);
        assertEq(usdc.balanceOf(address(_settler)), 0);
        assertEq(usdc.balanceOf(address(_proxy)), 0);
        assertEq(PERMIT2.nonceBitmap(payer, NONCE >> 8), 1 << (NONCE & 0xff));
    }

    function testFuzz_settle_takesNoMore(uint256 amount) public {
        amount = bound(amount, AMOUNT + 1, type(uint256).max);

        _settleReverts(amount, UptoPermit2Proxy.AmountExceedsPermitted.selector);
    }

    function test_settle_revertsWithNothingToTake() public {
        _settleReverts(0, UptoPermit2Proxy.InvalidAmount.selector);
    }

    function testFuzz_settle_worksOnce(uint256 first, uint256 second) public {
        first = bound(first, 1, AMOUNT);
        second = bound(second, 1, AMOUNT);
        _settle(first);

        _settleReverts(second, InvalidNonce.selector);
    }

    function testFuzz_settle_paysNobodyElse(address to) public {
        vm.assume(to != seller && to != address(0) && to != address(_settler));
        IUptoPermit2Proxy.Witness memory witness = _witness();
        bytes memory signature = _signed(_permit(), witness);
        witness.to = to;

        vm.expectRevert(InvalidSigner.selector);
        vm.prank(_relayer);
        _settler.settle(_permit(), AMOUNT, payer, witness, signature);
    }

    function testFuzz_settle_takesNoOtherMaximum(uint256 amount) public {
        vm.assume(amount > AMOUNT);
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness());
        permit.permitted.amount = amount;

        vm.expectRevert(InvalidSigner.selector);
        vm.prank(_relayer);
        _settler.settle(permit, AMOUNT, payer, _witness(), signature);
    }

    function test_settle_revertsTooEarlyAndTooLate() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness());
        vm.startPrank(_relayer);

        vm.warp(_witness().validAfter - 1);
        vm.expectRevert(UptoPermit2Proxy.PaymentTooEarly.selector);
        _settler.settle(permit, 1, payer, _witness(), signature);

        vm.warp(permit.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(SignatureExpired.selector, permit.deadline));
        _settler.settle(permit, 1, payer, _witness(), signature);
    }

    function test_settle_takesWhatAContractWalletVouchesFor() public {
        address wallet = address(new OwnedWallet(payer));
        usdc.mint(wallet, AMOUNT);
        vm.prank(wallet);
        usdc.approve(address(PERMIT2), AMOUNT);
        bytes memory signature = _signed(_permit(), _witness());

        vm.prank(_relayer);
        _settler.settle(_permit(), 1, wallet, _witness(), signature);

        assertEq(usdc.balanceOf(seller), 1);
    }

    // ------------------------------------------------------------------ by whom

    function testFuzz_settle_isForRelayers(address stranger) public {
        vm.assume(stranger != _relayer);
        bytes32 role = _settler.RELAYER_ROLE();
        bytes memory signature = _signed(_permit(), _witness());

        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, stranger, role)
        );
        vm.prank(stranger);
        _settler.settle(_permit(), 1, payer, _witness(), signature);
    }

    function testFuzz_settle_nobodyGetsRoundIt(address stranger) public {
        vm.assume(stranger != address(_settler));
        bytes memory signature = _signed(_permit(), _witness());

        vm.expectRevert(UptoPermit2Proxy.UnauthorizedFacilitator.selector);
        vm.prank(stranger);
        _proxy.settle(_permit(), 1, payer, _witness(), signature);
    }

    function testFuzz_settle_revertsForAnotherFacilitator(address facilitator) public {
        vm.assume(facilitator != address(_settler));
        IUptoPermit2Proxy.Witness memory witness = _witness();
        witness.facilitator = facilitator;
        bytes memory signature = _signed(_permit(), witness);

        vm.expectRevert(UptoPermit2Proxy.UnauthorizedFacilitator.selector);
        vm.prank(_relayer);
        _settler.settle(_permit(), 1, payer, witness, signature);
    }

    function test_settle_revertsForAPaymentToItself() public {
        IUptoPermit2Proxy.Witness memory witness = _witness();
        witness.to = address(_settler);
        bytes memory signature = _signed(_permit(), witness);

        vm.expectRevert(
            abi.encodeWithSelector(IUptoSettler.SettlementRecipientInvalid.selector, address(_settler))
        );
        vm.prank(_relayer);
        _settler.settle(_permit(), 1, payer, witness, signature);
    }

    // ------------------------------------------------------------------ hostile tokens

    function test_settle_cannotBeUsedByTheToken() public {
        (MisbehavingToken token, ISignatureTransfer.PermitTransferFrom memory permit) = _misbehaving();
        ISignatureTransfer.PermitTransferFrom memory another = _permit();
        bytes memory signature = _signed(another, _witness());
        token.callBack(
            address(_settler), abi.encodeCall(_settler.settle, (another, 1, payer, _witness(), signature))
        );
        bytes memory signed = _signed(permit, _witness());

        vm.prank(_relayer);
        _settler.settle(permit, 1, payer, _witness(), signed);

        assertTrue(token.calledBack());
        assertFalse(token.callbackSucceeded());
        assertEq(usdc.balanceOf(seller), 0);
    }

    function test_settle_revertsIfTheTokenDoesNotPay() public {
        (MisbehavingToken token, ISignatureTransfer.PermitTransferFrom memory permit) = _misbehaving();
        bytes memory signed = _signed(permit, _witness());
        token.misbehave(MisbehavingToken.Way.ReturnFalse);

        vm.expectRevert("TRANSFER_FROM_FAILED");
        vm.prank(_relayer);
        _settler.settle(permit, 1, payer, _witness(), signed);
    }

    // ------------------------------------------------------------------ what is deployed

    function test_constructor_revertsWithoutAProxy() public {
        vm.expectRevert(IUptoSettler.SettlementProxyMissing.selector);
        new UptoSettler(_admin, IUptoPermit2Proxy(address(0)));
    }

    function test_proxy_revertsWithoutPermit2() public {
        vm.expectRevert(UptoPermit2Proxy.InvalidPermit2Address.selector);
        new UptoPermit2Proxy(ISignatureTransfer(address(0)));
    }

    function test_proxy_revertsWithoutAPayerOrAPayee() public {
        IUptoPermit2Proxy.Witness memory witness = _witness();
        vm.startPrank(_relayer);
        vm.expectRevert(UptoPermit2Proxy.InvalidOwner.selector);
        _settler.settle(_permit(), 1, address(0), witness, "");
        witness.to = address(0);
        vm.expectRevert(UptoPermit2Proxy.InvalidDestination.selector);
        _settler.settle(_permit(), 1, payer, witness, "");
    }

    function _settle(uint256 amount) private {
        bytes memory signature = _signed(_permit(), _witness());
        vm.prank(_relayer);
        _settler.settle(_permit(), amount, payer, _witness(), signature);
    }

    function _settleReverts(uint256 amount, bytes4 reason) private {
        bytes memory signature = _signed(_permit(), _witness());
        vm.expectRevert(reason);
        vm.prank(_relayer);
        _settler.settle(_permit(), amount, payer, _witness(), signature);
    }

    function _permit() private view returns (ISignatureTransfer.PermitTransferFrom memory) {
        return permitOf(address(usdc));
    }

    function _misbehaving()
        private
        returns (MisbehavingToken token, ISignatureTransfer.PermitTransferFrom memory permit)
    {
        token = new MisbehavingToken();
        token.mint(payer, AMOUNT);
        vm.prank(payer);
        token.approve(address(PERMIT2), AMOUNT);
        permit = permitOf(address(token));
        permit.nonce = NONCE + 1;
    }

    function _witness() private view returns (IUptoPermit2Proxy.Witness memory) {
        return
            IUptoPermit2Proxy.Witness({to: seller, facilitator: address(_settler), validAfter: 1_700_000_000});
    }

    function _signed(
        ISignatureTransfer.PermitTransferFrom memory permit,
        IUptoPermit2Proxy.Witness memory witness
    ) private view returns (bytes memory) {
        return signPermit(
            permit,
            address(_proxy),
            "Witness(address to,address facilitator,uint256 validAfter)",
            abi.encode(witness.to, witness.facilitator, witness.validAfter)
        );
    }
}
