// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {ExactPermit2Proxy} from "../src/mocks/ExactPermit2Proxy.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {OwnedWallet} from "./mocks/Wallets.sol";

/// @dev In front of the real Permit2: its bytecode, as npm ships it, at its own address.
contract ExactPermit2ProxyTest is AuthorizationTest {
    ISignatureTransfer private constant PERMIT2 =
        ISignatureTransfer(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    bytes32 private constant PERMIT_TYPEHASH = keccak256(
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)"
    );
    bytes32 private constant PERMISSIONS_TYPEHASH =
        keccak256("TokenPermissions(address token,uint256 amount)");
    uint256 private constant AMOUNT = 10_000;
    uint256 private constant FUNDS = 1e6;
    uint256 private constant NONCE = uint256(keccak256("permit"));

    ExactPermit2Proxy private _proxy;
    address private _seller = makeAddr("seller");
    address private _payer;
    uint256 private _payerKey;

    error InvalidNonce();
    error InvalidSigner();
    error SignatureExpired(uint256 signatureDeadline);

    function setUp() public {
        vm.warp(1_800_000_000);
        bytes memory creation = vm.parseJsonBytes(vm.readFile("../local/artifacts/Permit2.json"), ".bytecode");
        address deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(creation, 0x20), mload(creation))
        }
        vm.etch(address(PERMIT2), deployed.code);
        _proxy = new ExactPermit2Proxy(PERMIT2);
        usdc = new MockUSDC();
        (_payer, _payerKey) = makeAddrAndKey("payer");
        usdc.mint(_payer, FUNDS);
        vm.prank(_payer);
        usdc.approve(address(PERMIT2), type(uint256).max);
    }

    function test_settle_paysWhomTheOwnerNamed() public {
        vm.expectEmit(address(_proxy));
        emit ExactPermit2Proxy.Settled();
        vm.prank(makeAddr("anyone"));
        _settle(_permit(), _witness(_seller));

        assertEq(usdc.balanceOf(_seller), AMOUNT);
        assertEq(usdc.balanceOf(_payer), FUNDS - AMOUNT);
        assertEq(usdc.balanceOf(address(_proxy)), 0);
        assertEq(PERMIT2.nonceBitmap(_payer, NONCE >> 8), 1 << (NONCE & 0xff));
    }

    function test_settle_takesWhatAContractWalletVouchesFor() public {
        address wallet = address(new OwnedWallet(_payer));
        usdc.mint(wallet, AMOUNT);
        vm.prank(wallet);
        usdc.approve(address(PERMIT2), AMOUNT);
        ExactPermit2Proxy.Witness memory witness = _witness(_seller);

        _proxy.settle(_permit(), wallet, witness, _signed(_permit(), witness));

        assertEq(usdc.balanceOf(_seller), AMOUNT);
    }

    function test_settle_worksOnce() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(_seller));
        _proxy.settle(permit, _payer, _witness(_seller), signature);

        vm.expectRevert(InvalidNonce.selector);
        _proxy.settle(permit, _payer, _witness(_seller), signature);
    }

    function testFuzz_settle_paysNobodyElse(address to) public {
        vm.assume(to != _seller && to != address(0));
        bytes memory signature = _signed(_permit(), _witness(_seller));

        vm.expectRevert(InvalidSigner.selector);
        _proxy.settle(_permit(), _payer, _witness(to), signature);
    }

    function testFuzz_settle_takesNothingElse(uint256 amount) public {
        vm.assume(amount != AMOUNT && amount != 0);
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(_seller));
        permit.permitted.amount = amount;

        vm.expectRevert(InvalidSigner.selector);
        _proxy.settle(permit, _payer, _witness(_seller), signature);
    }

    function test_settle_revertsTooEarlyAndTooLate() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();
        bytes memory signature = _signed(permit, _witness(_seller));

        vm.warp(_witness(_seller).validAfter - 1);
        vm.expectRevert(ExactPermit2Proxy.PaymentTooEarly.selector);
        _proxy.settle(permit, _payer, _witness(_seller), signature);

        vm.warp(permit.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(SignatureExpired.selector, permit.deadline));
        _proxy.settle(permit, _payer, _witness(_seller), signature);
    }

    function test_settle_revertsWithoutAnythingToPay() public {
        ISignatureTransfer.PermitTransferFrom memory permit = _permit();

        vm.expectRevert(ExactPermit2Proxy.InvalidOwner.selector);
        _proxy.settle(permit, address(0), _witness(_seller), "");
        vm.expectRevert(ExactPermit2Proxy.InvalidDestination.selector);
        _proxy.settle(permit, _payer, _witness(address(0)), "");
        permit.permitted.amount = 0;
        vm.expectRevert(ExactPermit2Proxy.InvalidAmount.selector);
        _proxy.settle(permit, _payer, _witness(_seller), "");
    }

    function test_constructor_revertsWithoutPermit2() public {
        vm.expectRevert(ExactPermit2Proxy.InvalidPermit2Address.selector);
        new ExactPermit2Proxy(ISignatureTransfer(address(0)));
    }

    function _settle(
        ISignatureTransfer.PermitTransferFrom memory permit,
        ExactPermit2Proxy.Witness memory witness
    ) private {
        _proxy.settle(permit, _payer, witness, _signed(permit, witness));
    }

    function _permit() private view returns (ISignatureTransfer.PermitTransferFrom memory) {
        return ISignatureTransfer.PermitTransferFrom({
            permitted: ISignatureTransfer.TokenPermissions(address(usdc), AMOUNT),
            nonce: NONCE,
            deadline: block.timestamp + 1 hours
        });
    }

    function _witness(address to) private pure returns (ExactPermit2Proxy.Witness memory) {
        return ExactPermit2Proxy.Witness({to: to, validAfter: 1_700_000_000});
    }

    function _signed(
        ISignatureTransfer.PermitTransferFrom memory permit,
        ExactPermit2Proxy.Witness memory witness
    ) private view returns (bytes memory) {
        bytes32 message = keccak256(
            abi.encode(
                PERMIT_TYPEHASH,
                keccak256(abi.encode(PERMISSIONS_TYPEHASH, permit.permitted.token, permit.permitted.amount)),
                address(_proxy),
                permit.nonce,
                permit.deadline,
                keccak256(abi.encode(_proxy.WITNESS_TYPEHASH(), witness.to, witness.validAfter))
            )
        );
        return sign(_payerKey, keccak256(abi.encodePacked(hex"1901", PERMIT2.DOMAIN_SEPARATOR(), message)));
    }
}
