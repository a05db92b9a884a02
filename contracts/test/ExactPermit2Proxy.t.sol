// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {ExactPermit2Proxy} from "../src/mocks/ExactPermit2Proxy.sol";
import {PermitTest} from "./PermitTest.sol";
import {OwnedWallet} from "./mocks/Wallets.sol";

/// @dev In front of the real Permit2.
contract ExactPermit2ProxyTest is PermitTest {
    ExactPermit2Proxy private _proxy;

    function setUp() public override {
        super.setUp();
        _proxy = new ExactPermit2Proxy(PERMIT2);
    }

    function test_settle_paysWhomTheOwnerNamed() public {
        vm.expectEmit(address(_proxy));
        emit ExactPermit2Proxy.Settled();
        vm.prank(makeAddr("anyone"));
        _settle(_permit(), _witness(seller));

        assertEq(usdc.balanceOf(seller), AMOUNT);
        assertEq(usdc.balanceOf(payer), FUNDS - AMOUNT);
        assertEq(usdc.balanceOf(address(_proxy)), 0);
        assertEq(PERMIT2.nonceBitmap(payer, NONCE >> 8), 1 << (NONCE & 0xff));
    }

    function test_settle_takesWhatAContractWalletVouchesFor() public {
        address wallet = address(new OwnedWallet(payer));
        usdc.mint(wallet, AMOUNT);
        vm.prank(wallet);
        usdc.approve(address(PERMIT2), AMOUNT);
        ExactPermit2Proxy.Witness memory witness = _witness(seller);

        _proxy.settle(_permit(), wallet, witness, _signed(_permit(), witness));

        assertEq(usdc.balanceOf(seller), AMOUNT);
    }

    function test_settle_worksOnce() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(seller));
        _proxy.settle(permit, payer, _witness(seller), signature);

        vm.expectRevert(InvalidNonce.selector);
        _proxy.settle(permit, payer, _witness(seller), signature);
    }

    function testFuzz_settle_paysNobodyElse(address to) public {
        vm.assume(to != seller && to != address(0));
        bytes memory signature = _signed(_permit(), _witness(seller));

        vm.expectRevert(InvalidSigner.selector);
        _proxy.settle(_permit(), payer, _witness(to), signature);
    }

    function testFuzz_settle_takesNothingElse(uint256 amount) public {
        vm.assume(amount != AMOUNT && amount != 0);
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(seller));
        permit.permitted.amount = amount;

        vm.expectRevert(InvalidSigner.selector);
        _proxy.settle(permit, payer, _witness(seller), signature);
    }

    function test_settle_revertsTooEarlyAndTooLate() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(seller));

        vm.warp(_witness(seller).validAfter - 1);
        vm.expectRevert(ExactPermit2Proxy.PaymentTooEarly.selector);
        _proxy.settle(permit, payer, _witness(seller), signature);

        vm.warp(permit.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(SignatureExpired.selector, permit.deadline));
        _proxy.settle(permit, payer, _witness(seller), signature);
    }

    function test_settle_revertsWithoutAnythingToPay() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();

        vm.expectRevert(ExactPermit2Proxy.InvalidOwner.selector);
        _proxy.settle(permit, address(0), _witness(seller), "");
        vm.expectRevert(ExactPermit2Proxy.InvalidDestination.selector);
        _proxy.settle(permit, payer, _witness(address(0)), "");
        permit.permitted.amount = 0;
        vm.expectRevert(ExactPermit2Proxy.InvalidAmount.selector);
        _proxy.settle(permit, payer, _witness(seller), "");
    }

    function test_constructor_revertsWithoutPermit2() public {
        vm.expectRevert(ExactPermit2Proxy.InvalidPermit2Address.selector);
        new ExactPermit2Proxy(ISignatureTransfer(address(0)));
    }

    function _settle(
        ISignatureTransfer.PermitTransferFrom memory permit,
        ExactPermit2Proxy.Witness memory witness
    ) private {
        _proxy.settle(permit, payer, witness, _signed(permit, witness));
    }

    function _permit() private view returns (ISignatureTransfer.PermitTransferFrom memory) {
        return permitOf(address(usdc));
    }

    function _witness(address to) private pure returns (ExactPermit2Proxy.Witness memory) {
        return ExactPermit2Proxy.Witness({to: to, validAfter: 1_700_000_000});
    }

    function _signed(
        ISignatureTransfer.PermitTransferFrom memory permit,
        ExactPermit2Proxy.Witness memory witness
    ) private view returns (bytes memory) {
        bytes memory members = abi.encode(witness.to, witness.validAfter);
        return signPermit(permit, address(_proxy), "Witness(address to,uint256 validAfter)", members);
    }
}
