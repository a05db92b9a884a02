// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {IPaymentEscrow} from "../src/interfaces/IPaymentEscrow.sol";
import {EscrowTest} from "./EscrowTest.sol";
import {FeeOnTransferToken, MisbehavingToken, PhantomToken, SilentToken} from "./mocks/Tokens.sol";
import {GasEatingWallet, OwnedWallet, ParrotWallet, ReturnBombWallet} from "./mocks/Wallets.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

contract PaymentEscrowConstructorTest is EscrowTest {
    function test_constructor_setsWhatItWasGiven() public view {
        assertEq(escrow.gracePeriod(), GRACE);
        assertEq(escrow.treasury(), treasury);
        assertEq(escrow.defaultAdmin(), admin);
        assertTrue(escrow.hasRole(escrow.PAUSER_ROLE(), admin));
        assertFalse(escrow.hasRole(escrow.RELAYER_ROLE(), admin));
    }

    function test_constructor_revertsWithoutAdmin() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        new PaymentEscrow(address(0), treasury, GRACE);
    }

    function test_constructor_revertsWithoutTreasury() public {
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.EscrowTreasuryInvalid.selector, address(0)));
        new PaymentEscrow(admin, address(0), GRACE);
    }

    function test_constructor_revertsWhenTreasuryIsTheEscrow() public {
        address next = vm.computeCreateAddress(address(this), vm.getNonce(address(this)));
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.EscrowTreasuryInvalid.selector, next));
        new PaymentEscrow(admin, next, GRACE);
    }

    function test_constructor_revertsWithoutGracePeriod() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.EscrowGracePeriodInvalid.selector, 0, 1, 365 days)
        );
        new PaymentEscrow(admin, treasury, 0);
    }

    function test_constructor_revertsWithEndlessGracePeriod() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.EscrowGracePeriodInvalid.selector, 365 days + 1, 1, 365 days
            )
        );
        new PaymentEscrow(admin, treasury, 365 days + 1);
    }

    function test_eip712Domain_isTheOneOurClientsSignFor() public view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = escrow.eip712Domain();

        assertEq(fields, hex"0f");
        assertEq(name, "AION PaymentEscrow");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(escrow));
        assertEq(salt, bytes32(0));
        assertEq(extensions.length, 0);
    }
}

contract PaymentEscrowDepositTest is EscrowTest {
    function test_deposit_creditsTheCaller() public {
        usdc.mint(stranger, 5e6);
        vm.startPrank(stranger);
        usdc.approve(address(escrow), 5e6);

        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.Deposited(address(usdc), stranger, 5e6);
        escrow.deposit(address(usdc), 5e6);

        assertEq(escrow.balanceOf(address(usdc), stranger), 5e6);
        assertEq(usdc.balanceOf(address(escrow)), LOCKED + 5e6);
    }

    function test_deposit_revertsWithNothing() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.DepositAmountZero.selector, address(usdc), stranger)
        );
        vm.prank(stranger);
        escrow.deposit(address(usdc), 0);
    }

    function test_deposit_revertsWithoutAllowance() public {
        usdc.mint(stranger, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, 1)
        );
        vm.prank(stranger);
        escrow.deposit(address(usdc), 1);
    }

    function test_deposit_revertsWhilePaused() public {
        vm.prank(admin);
        escrow.pause();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        vm.prank(payer);
        escrow.deposit(address(usdc), 1);
    }

    function test_deposit_revertsForAnAddressWithoutCode() public {
        vm.expectRevert();
        escrow.deposit(makeAddr("no token"), 1);
    }

    function test_deposit_creditsWhatArrivesOfAFeeOnTransferToken() public {
        FeeOnTransferToken token = new FeeOnTransferToken();
        token.mint(payer, 1000);
        vm.startPrank(payer);
        token.approve(address(escrow), 1000);
        escrow.deposit(address(token), 1000);

        assertEq(escrow.balanceOf(address(token), payer), 990);
        assertEq(token.balanceOf(address(escrow)), 990);
    }

    function test_deposit_worksWithATokenThatReturnsNothing() public {
        SilentToken token = new SilentToken();
        token.mint(payer, 7);
        vm.prank(payer);
        escrow.deposit(address(token), 7);

        assertEq(escrow.balanceOf(address(token), payer), 7);
    }

    function test_deposit_revertsWhenTheTokenReturnsFalse() public {
        MisbehavingToken token = new MisbehavingToken();
        token.misbehave(MisbehavingToken.Way.ReturnFalse);

        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)));
        escrow.deposit(address(token), 1);
    }

    function test_deposit_countsATransferOnceWhenTheTokenCallsBack() public {
        MisbehavingToken token = new MisbehavingToken();
        token.mint(address(token), 100);
        token.mint(payer, 100);
        token.callBack(address(escrow), abi.encodeCall(IPaymentEscrow.deposit, (address(token), 100)));
        vm.startPrank(payer);
        token.approve(address(escrow), 100);
        escrow.deposit(address(token), 100);

        assertTrue(token.calledBack());
        assertFalse(token.callbackSucceeded());
        assertEq(
            selectorOf(token.callbackResult()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
        );
        assertEq(escrow.balanceOf(address(token), payer), 100);
    }

    function testFuzz_deposit_neverCreditsMoreThanArrived(uint96 amount) public {
        vm.assume(amount > 0);
        FeeOnTransferToken token = new FeeOnTransferToken();
        token.mint(payer, amount);
        vm.startPrank(payer);
        token.approve(address(escrow), amount);
        escrow.deposit(address(token), amount);

        assertEq(escrow.balanceOf(address(token), payer), token.balanceOf(address(escrow)));
    }
}

contract PaymentEscrowDepositWithAuthorizationTest is EscrowTest {
    bytes32 private constant NONCE = keccak256("authorization");

    function setUp() public override {
        super.setUp();
        usdc.mint(payer, 50e6);
    }

    function _authorize(uint256 key, address from, address to) private view returns (bytes memory) {
        bytes32 typehash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 message =
            keccak256(abi.encode(typehash, from, to, uint256(50e6), uint256(0), type(uint256).max, NONCE));
        return sign(key, keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), message)));
    }

    function _deposit(address from, bytes memory signature) private {
        escrow.depositWithAuthorization(address(usdc), from, 50e6, 0, type(uint256).max, NONCE, signature);
    }

    function test_depositWithAuthorization_creditsTheSignerWhoeverBringsIt() public {
        bytes memory signature = _authorize(payerKey, payer, address(escrow));

        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.Deposited(address(usdc), payer, 50e6);
        vm.prank(stranger);
        _deposit(payer, signature);

        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED + 50e6);
        assertEq(escrow.balanceOf(address(usdc), stranger), 0);
    }

    function test_depositWithAuthorization_cannotBeRunPastTheEscrow() public {
        bytes memory signature = _authorize(payerKey, payer, address(escrow));

        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(escrow)));
        vm.prank(stranger);
        usdc.receiveWithAuthorization(payer, address(escrow), 50e6, 0, type(uint256).max, NONCE, signature);
    }

    function test_depositWithAuthorization_revertsTheSecondTime() public {
        bytes memory signature = _authorize(payerKey, payer, address(escrow));
        _deposit(payer, signature);
        usdc.mint(payer, 50e6);

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, payer, NONCE));
        _deposit(payer, signature);
    }

    function test_depositWithAuthorization_revertsForAnotherSigner() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        bytes memory signature = _authorize(strangerKey, payer, address(escrow));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _deposit(payer, signature);
    }

    function test_depositWithAuthorization_takesContractWallets() public {
        OwnedWallet wallet = new OwnedWallet(payer);
        usdc.mint(address(wallet), 50e6);
        _deposit(address(wallet), _authorize(payerKey, address(wallet), address(escrow)));

        assertEq(escrow.balanceOf(address(usdc), address(wallet)), 50e6);
    }

    function test_depositWithAuthorization_takesSignaturesOfAnyLength() public {
        ParrotWallet wallet = new ParrotWallet(abi.encode(IERC1271.isValidSignature.selector), false);
        usdc.mint(address(wallet), 50e6);
        _deposit(address(wallet), hex"1234");

        assertEq(escrow.balanceOf(address(usdc), address(wallet)), 50e6);
    }

    function test_depositWithAuthorization_creditsNothingForATokenThatOnlyPretends() public {
        PhantomToken token = new PhantomToken();

        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.DepositAmountZero.selector, address(token), payer)
        );
        escrow.depositWithAuthorization(
            address(token), payer, 50e6, 0, type(uint256).max, NONCE, new bytes(65)
        );
    }

    function test_depositWithAuthorization_revertsWhilePaused() public {
        bytes memory signature = _authorize(payerKey, payer, address(escrow));
        vm.prank(admin);
        escrow.pause();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        _deposit(payer, signature);
    }
}

contract PaymentEscrowExecutePaymentTest is EscrowTest {
    function test_executePayment_paysRecipientAndTreasury() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);

        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.PaymentExecuted(
            digestOf(payment, block.chainid, address(escrow)), payer, recipient, address(usdc), 10e6, 0.1e6, 1
        );
        execute(payment, signature);

        assertEq(usdc.balanceOf(recipient), 10e6);
        assertEq(usdc.balanceOf(treasury), 0.1e6);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - 10.1e6);
        assertEq(usdc.balanceOf(address(escrow)), LOCKED - 10.1e6);
        assertTrue(escrow.isNonceUsed(payer, 1));
    }

    function test_executePayment_makesOneTransferWhenTheFeeIsZero() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.fee = 0;
        bytes memory signature = sign(payerKey, payment);

        vm.expectCall(address(usdc), abi.encodeCall(usdc.transfer, (recipient, 10e6)), 1);
        vm.expectCall(address(usdc), abi.encodeWithSelector(usdc.transfer.selector, treasury), 0);
        execute(payment, signature);

        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - 10e6);
    }

    function test_executePayment_spendsTheWholeBalance() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.amount = LOCKED - payment.fee;
        execute(payment, sign(payerKey, payment));

        assertEq(escrow.balanceOf(address(usdc), payer), 0);
    }

    function test_executePayment_revertsOneUnitOverTheBalance() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.amount = LOCKED - payment.fee + 1;
        bytes memory signature = sign(payerKey, payment);
        lock(stranger, LOCKED); // somebody else's funds are there to be taken

        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.PaymentInsufficientBalance.selector, address(usdc), payer, LOCKED, LOCKED + 1
            )
        );
        execute(payment, signature);
    }

    function test_executePayment_revertsWhenAmountAndFeeOverflow() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.fee = type(uint256).max - payment.amount + 2; // the sum wraps around to 1
        bytes memory signature = sign(payerKey, payment);

        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.PaymentInsufficientBalance.selector,
                address(usdc),
                payer,
                LOCKED,
                type(uint256).max
            )
        );
        execute(payment, signature);
    }

    function test_executePayment_revertsForAnyoneButRelayers() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        bytes32 role = escrow.RELAYER_ROLE();

        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, payer, role)
        );
        vm.prank(payer);
        escrow.executePayment(payment, signature);
    }

    function test_executePayment_revertsForARelayerWhoseRoleWasRevoked() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        bytes32 role = escrow.RELAYER_ROLE();
        vm.prank(admin);
        escrow.revokeRole(role, relayer);

        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, relayer, role)
        );
        execute(payment, signature);
    }

    function test_executePayment_revertsWhilePausedAndWorksAfter() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        vm.prank(admin);
        escrow.pause();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        execute(payment, signature);

        vm.prank(admin);
        escrow.unpause();
        execute(payment, signature);
        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_executePayment_worksInTheSecondOfItsDeadline() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);

        vm.warp(payment.deadline);
        execute(payment, signature);
    }

    function test_executePayment_revertsAfterItsDeadline() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);

        vm.warp(payment.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentExpired.selector, payment.deadline));
        execute(payment, signature);
    }

    function test_executePayment_revertsWhenTheNonceIsUsed() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        execute(payment, signature);

        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentNonceUsed.selector, payer, 1));
        execute(payment, signature);
    }

    function test_executePayment_revertsForAnotherPaymentWithAUsedNonce() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        execute(payment, sign(payerKey, payment));
        payment.amount = 1;
        bytes memory signature = sign(payerKey, payment);

        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentNonceUsed.selector, payer, 1));
        execute(payment, signature);
    }

    function test_executePayment_reportsAUsedNonceEvenAfterTheDeadline() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        execute(payment, signature);

        vm.warp(payment.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentNonceUsed.selector, payer, 1));
        execute(payment, signature);
    }

    function test_executePayment_keepsTheNoncesOfPayersApart() public {
        (address other, uint256 otherKey) = makeAddrAndKey("other payer");
        lock(other, 100e6);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        execute(payment, sign(payerKey, payment));
        payment.from = other;
        execute(payment, sign(otherKey, payment));

        assertEq(usdc.balanceOf(recipient), 20e6);
    }

    function test_executePayment_revertsWhenItPaysNothing() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.amount = 0;
        bytes memory signature = sign(payerKey, payment);

        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentAmountZero.selector, payer, 1));
        execute(payment, signature);
    }

    function test_executePayment_revertsForRecipientsThatMakeNoSense() public {
        address[4] memory recipients = [address(0), payer, address(usdc), address(escrow)];
        for (uint256 i = 0; i < recipients.length; ++i) {
            IPaymentEscrow.Payment memory payment = paymentOf(payer, i);
            payment.to = recipients[i];
            bytes memory signature = sign(payerKey, payment);

            vm.expectRevert(
                abi.encodeWithSelector(IPaymentEscrow.PaymentRecipientInvalid.selector, recipients[i])
            );
            execute(payment, signature);
        }
    }

    function test_executePayment_undoesTheTransferWhenTheFeeCannotBePaid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        vm.mockCallRevert(
            address(usdc), abi.encodeCall(usdc.transfer, (treasury, payment.fee)), "treasury frozen"
        );

        vm.expectRevert("treasury frozen");
        execute(payment, signature);

        assertEq(usdc.balanceOf(recipient), 0);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED);
        assertFalse(escrow.isNonceUsed(payer, 1));
    }

    function test_executePayment_cannotBeReentered() public {
        MisbehavingToken token = new MisbehavingToken();
        token.mint(payer, 100);
        vm.startPrank(payer);
        token.approve(address(escrow), 100);
        escrow.deposit(address(token), 100);
        vm.stopPrank();
        bytes32 role = escrow.RELAYER_ROLE();
        vm.prank(admin);
        escrow.grantRole(role, address(token)); // the worst case: the token itself may execute payments
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (payment.token, payment.amount, payment.fee) = (address(token), 10, 0);
        bytes memory first = sign(payerKey, payment);
        payment.nonce = 2;
        token.callBack(
            address(escrow), abi.encodeCall(escrow.executePayment, (payment, sign(payerKey, payment)))
        );
        payment.nonce = 1;
        execute(payment, first);

        assertTrue(token.calledBack());
        assertEq(
            selectorOf(token.callbackResult()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
        );
        assertEq(token.balanceOf(recipient), 10);
    }

    function test_hashPayment_isTheDigestOfTheStandard() public view {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);

        assertEq(escrow.hashPayment(payment), digestOf(payment, block.chainid, address(escrow)));
    }

    function test_paymentState_showsAllThatCountsForAPayment() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        execute(payment, sign(payerKey, payment));
        vm.startPrank(payer);
        escrow.requestWithdraw(address(usdc), 7e6);
        escrow.requestInvalidate(2);
        vm.stopPrank();

        (uint256 balance, uint256 pending, uint256 claimableAt, bool used, uint256 invalidAt) =
            escrow.paymentState(address(usdc), payer, 1);
        assertEq(balance, LOCKED - 10.1e6);
        assertEq(pending, 7e6);
        assertEq(claimableAt, block.timestamp + GRACE);
        assertTrue(used);
        assertEq(invalidAt, 0);

        (,,, used, invalidAt) = escrow.paymentState(address(usdc), payer, 2);
        assertFalse(used);
        assertEq(invalidAt, block.timestamp + GRACE);
    }

    function testFuzz_executePayment_movesExactlyAmountAndFee(uint256 amount, uint256 fee, uint256 nonce)
        public
    {
        amount = bound(amount, 1, LOCKED);
        fee = bound(fee, 0, LOCKED - amount);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, nonce);
        (payment.amount, payment.fee) = (amount, fee);
        execute(payment, sign(payerKey, payment));

        assertEq(usdc.balanceOf(recipient), amount);
        assertEq(usdc.balanceOf(treasury), fee);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - amount - fee);
        assertEq(usdc.balanceOf(address(escrow)), LOCKED - amount - fee);
    }

    function testFuzz_executePayment_usesNoOtherNonce(uint256 used, uint256 other) public {
        vm.assume(used != other);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, used);
        execute(payment, sign(payerKey, payment));

        assertTrue(escrow.isNonceUsed(payer, used));
        assertFalse(escrow.isNonceUsed(payer, other));
    }

    function testFuzz_executePayment_revertsWhenAnythingSignedIsChanged(uint8 field, uint256 change) public {
        change = bound(change, 1, 1e6);
        lock(stranger, LOCKED);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        field = uint8(bound(field, 0, 5));
        if (field == 0) payment.amount += change;
        if (field == 1) payment.fee += change;
        if (field == 2) payment.nonce += change;
        if (field == 3) payment.deadline += change;
        if (field == 4) payment.to = stranger;
        if (field == 5) payment.from = stranger;

        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, payment.from));
        execute(payment, signature);
    }
}

contract PaymentEscrowSignatureTest is EscrowTest {
    /// @dev Order of secp256k1.
    uint256 private constant N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function _expectInvalid(address from) private {
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, from));
    }

    function _lockFor(address wallet) private returns (IPaymentEscrow.Payment memory payment) {
        lock(wallet, LOCKED);
        return paymentOf(wallet, 1);
    }

    function test_signature_ofAnotherAccountIsInvalid() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(strangerKey, payment);

        _expectInvalid(payer);
        execute(payment, signature);
    }

    function test_signature_withHighSIsInvalid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digestOf(payment, block.chainid, address(escrow)));
        bytes memory mirrored = abi.encodePacked(r, bytes32(N - uint256(s)), v == 27 ? 28 : 27);

        _expectInvalid(payer);
        execute(payment, mirrored);
    }

    function test_signature_withVOfZeroOrOneIsInvalid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digestOf(payment, block.chainid, address(escrow)));

        _expectInvalid(payer);
        execute(payment, abi.encodePacked(r, s, v - 27));
    }

    function test_signature_ofAnyOtherLengthIsInvalid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(payerKey, digestOf(payment, block.chainid, address(escrow)));
        bytes[4] memory signatures = [
            bytes(""),
            abi.encodePacked(r, s),
            abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255))), // ERC-2098
            abi.encodePacked(r, s, v, uint8(0))
        ];
        for (uint256 i = 0; i < signatures.length; ++i) {
            _expectInvalid(payer);
            execute(payment, signatures[i]);
        }
    }

    function test_signature_thatRecoversNobodyIsInvalidForTheZeroAddress() public {
        IPaymentEscrow.Payment memory payment = paymentOf(address(0), 1);

        _expectInvalid(address(0));
        execute(payment, new bytes(65));
    }

    function test_signature_forAnotherChainIsInvalid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, digestOf(payment, block.chainid + 1, address(escrow)));

        _expectInvalid(payer);
        execute(payment, signature);
    }

    function test_signature_isVoidOnAForkWithAnotherChainId() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);

        vm.chainId(block.chainid + 1);
        _expectInvalid(payer);
        execute(payment, signature);
    }

    function test_signature_forAnotherEscrowIsInvalid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, digestOf(payment, block.chainid, address(newEscrow())));

        _expectInvalid(payer);
        execute(payment, signature);
    }

    function test_signature_ofADelegatedAccountStaysValid() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        bytes memory signature = sign(payerKey, payment);
        // EIP-7702, after signing, to code that would refuse every signature.
        OwnedWallet refusing = new OwnedWallet(address(0));
        refusing.revoke();
        vm.etch(payer, abi.encodePacked(hex"ef0100", address(refusing)));

        execute(payment, signature);
        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_signature_ofADelegatedAccountMayAlsoBeItsCodes() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (address sessionOwner, uint256 sessionKey) = makeAddrAndKey("session");
        vm.etch(payer, abi.encodePacked(hex"ef0100", address(new OwnedWallet(sessionOwner))));

        execute(payment, sign(sessionKey, payment));
        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_signature_ofAContractWalletIsValid() public {
        IPaymentEscrow.Payment memory payment = _lockFor(address(new OwnedWallet(payer)));
        execute(payment, sign(payerKey, payment));

        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_signature_thatAContractWalletRevokedIsInvalid() public {
        OwnedWallet wallet = new OwnedWallet(payer);
        IPaymentEscrow.Payment memory payment = _lockFor(address(wallet));
        bytes memory signature = sign(payerKey, payment);
        wallet.revoke();

        _expectInvalid(address(wallet));
        execute(payment, signature);
    }

    function test_signature_isInvalidWhenTheWalletAnswersGarbage() public {
        bytes4 magic = IERC1271.isValidSignature.selector;
        bytes[5] memory answers = [
            bytes(""),
            abi.encodePacked(magic), // not a whole word
            abi.encodePacked(magic, bytes28(uint224(1))), // not clean: a decoder would revert
            abi.encode(type(uint256).max),
            abi.encode(bytes32(0))
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            address wallet = address(new ParrotWallet(answers[i], false));
            IPaymentEscrow.Payment memory payment = _lockFor(wallet);

            _expectInvalid(wallet);
            execute(payment, "");
        }
    }

    function test_signature_isInvalidWhenTheWalletFailsWithTheRightAnswer() public {
        address wallet = address(new ParrotWallet(abi.encode(IERC1271.isValidSignature.selector), true));
        IPaymentEscrow.Payment memory payment = _lockFor(wallet);

        _expectInvalid(wallet);
        execute(payment, "");
    }

    function test_signature_isInvalidForThePrecompileThatRepeatsTheQuestion() public {
        address identity = address(4); // its answer begins with the right four bytes
        IPaymentEscrow.Payment memory payment = paymentOf(identity, 1);

        _expectInvalid(identity);
        execute(payment, "");
    }

    function test_signature_checkCostsNoMoreThanItsLimit() public {
        address wallet = address(new GasEatingWallet());
        IPaymentEscrow.Payment memory payment = _lockFor(wallet);

        vm.prank(relayer);
        uint256 before = gasleft();
        (bool success, bytes memory reason) =
            address(escrow).call(abi.encodeCall(escrow.executePayment, (payment, "")));
        uint256 spent = before - gasleft();

        assertFalse(success);
        assertEq(reason, abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, wallet));
        assertGt(spent, escrow.ERC1271_GAS_LIMIT());
        assertLt(spent, escrow.ERC1271_GAS_LIMIT() + 50_000);
    }

    function test_signature_checkIsNotChargedForAHugeAnswer() public {
        address wallet = address(new ReturnBombWallet());
        IPaymentEscrow.Payment memory payment = _lockFor(wallet);

        vm.prank(relayer);
        uint256 before = gasleft();
        (bool success,) = address(escrow).call(abi.encodeCall(escrow.executePayment, (payment, "")));

        assertFalse(success);
        assertLt(before - gasleft(), escrow.ERC1271_GAS_LIMIT() + 30_000);
    }

    function testFuzz_signature_isNeverFoundInvalidForLackOfGas(uint256 gasLimit) public {
        OwnedWallet wallet = new OwnedWallet(payer);
        wallet.setWork(180_000);
        IPaymentEscrow.Payment memory payment = _lockFor(address(wallet));
        bytes memory call = abi.encodeCall(escrow.executePayment, (payment, sign(payerKey, payment)));
        gasLimit = bound(gasLimit, 30_000, 400_000);

        vm.prank(relayer);
        (bool success, bytes memory reason) = address(escrow).call{gas: gasLimit}(call);

        if (!success && reason.length > 0) {
            assertNotEq(selectorOf(reason), IPaymentEscrow.PaymentSignatureInvalid.selector);
        }
    }
}

contract PaymentEscrowBatchTest is EscrowTest {
    uint256 private constant COUNT = 4;

    IPaymentEscrow.Payment[] private _payments;
    bytes[] private _signatures;

    function setUp() public override {
        super.setUp();
        for (uint256 nonce = 0; nonce < COUNT; ++nonce) {
            _add(paymentOf(payer, nonce));
        }
    }

    function _add(IPaymentEscrow.Payment memory payment) private {
        _payments.push(payment);
        _signatures.push(sign(payerKey, payment));
    }

    function _execute() private {
        vm.prank(relayer);
        escrow.executePayments(_payments, _signatures);
    }

    function _expectSkipped(uint256 index, bytes memory reason) private {
        IPaymentEscrow.Payment memory payment = _payments[index];
        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.PaymentSkipped(
            digestOf(payment, block.chainid, address(escrow)), payment.from, index, payment.nonce, reason
        );
    }

    /// @dev All of the four first payments but `bad` were made.
    function _assertOnlySkipped(uint256 bad) private view {
        for (uint256 i = 0; i < COUNT; ++i) {
            assertEq(escrow.isNonceUsed(payer, i), i != bad);
        }
        assertEq(usdc.balanceOf(recipient), (COUNT - 1) * 10e6);
        assertEq(usdc.balanceOf(treasury), (COUNT - 1) * 0.1e6);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - (COUNT - 1) * 10.1e6);
    }

    function test_executePayments_executesAll() public {
        _execute();

        assertEq(usdc.balanceOf(recipient), COUNT * 10e6);
        assertEq(usdc.balanceOf(treasury), COUNT * 0.1e6);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - COUNT * 10.1e6);
    }

    function test_executePayments_skipsOneWithABadSignature() public {
        _signatures[1] = _signatures[0];

        _expectSkipped(1, abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, payer));
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsAnExpiredOne() public {
        _payments[0].deadline = block.timestamp - 1;
        _signatures[0] = sign(payerKey, _payments[0]);

        _expectSkipped(0, abi.encodeWithSelector(IPaymentEscrow.PaymentExpired.selector, block.timestamp - 1));
        _execute();
        _assertOnlySkipped(0);
    }

    function test_executePayments_skipsARepetition() public {
        _payments[3] = _payments[2];
        _signatures[3] = _signatures[2];

        _expectSkipped(3, abi.encodeWithSelector(IPaymentEscrow.PaymentNonceUsed.selector, payer, 2));
        _execute();
        _assertOnlySkipped(3);
    }

    function test_executePayments_skipsWhatIsNotCovered() public {
        _payments[2].amount = LOCKED;
        _signatures[2] = sign(payerKey, _payments[2]);

        _expectSkipped(
            2,
            abi.encodeWithSelector(
                IPaymentEscrow.PaymentInsufficientBalance.selector,
                address(usdc),
                payer,
                LOCKED - 20.2e6,
                LOCKED + 0.1e6
            )
        );
        _execute();
        _assertOnlySkipped(2);
    }

    function test_executePayments_skipsAndUndoesOneWhoseFeeCannotBePaid() public {
        _payments[1].fee = 0.2e6;
        _signatures[1] = sign(payerKey, _payments[1]);
        vm.mockCallRevert(address(usdc), abi.encodeCall(usdc.transfer, (treasury, 0.2e6)), "treasury frozen");

        _expectSkipped(1, "treasury frozen");
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneWhoseWalletEatsGas() public {
        address wallet = address(new GasEatingWallet());
        lock(wallet, LOCKED);
        _payments[1].from = wallet;

        _expectSkipped(1, abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, wallet));
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneWhoseWalletAnswersGarbage() public {
        address wallet = address(new ParrotWallet(abi.encode(type(uint256).max), false));
        lock(wallet, LOCKED);
        _payments[1].from = wallet;

        _expectSkipped(1, abi.encodeWithSelector(IPaymentEscrow.PaymentSignatureInvalid.selector, wallet));
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneWhoseTokenReverts() public {
        _misbehave(MisbehavingToken.Way.Revert);

        _expectSkipped(1, abi.encodeWithSelector(MisbehavingToken.Frozen.selector, recipient));
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneWhoseTokenReturnsFalse() public {
        address token = _misbehave(MisbehavingToken.Way.ReturnFalse);

        _expectSkipped(1, abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token));
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneWhoseTokenEatsGasAtABoundedPrice() public {
        _misbehave(MisbehavingToken.Way.EatGas);

        _expectSkipped(1, "");
        uint256 before = gasleft();
        _execute();
        assertLt(before - gasleft(), escrow.PAYMENT_GAS_LIMIT() + COUNT * 150_000);
        _assertOnlySkipped(1);
    }

    function test_executePayments_repeatsOnlyTheBeginningOfAHugeReason() public {
        _misbehave(MisbehavingToken.Way.RevertLoudly);

        _expectSkipped(1, new bytes(256));
        uint256 before = gasleft();
        _execute();
        assertLt(before - gasleft(), escrow.PAYMENT_GAS_LIMIT() + COUNT * 150_000);
        _assertOnlySkipped(1);
    }

    function test_executePayments_skipsOneOfATokenThatIsNone() public {
        _payments[1].token = makeAddr("no token");
        _signatures[1] = sign(payerKey, _payments[1]);

        _expectSkipped(
            1,
            abi.encodeWithSelector(
                IPaymentEscrow.PaymentInsufficientBalance.selector, _payments[1].token, payer, 0, 10.1e6
            )
        );
        _execute();
        _assertOnlySkipped(1);
    }

    function test_executePayments_cannotBeReentered() public {
        address token = _misbehave(MisbehavingToken.Way.None);
        MisbehavingToken(token).callBack(address(escrow), abi.encodeCall(escrow.claim, (address(usdc))));
        _execute();

        assertEq(
            selectorOf(MisbehavingToken(token).callbackResult()),
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
        );
    }

    function test_executePayments_revertsWhenSignaturesAreMissing() public {
        _signatures.pop();

        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.PaymentBatchLengthMismatch.selector, COUNT, COUNT - 1)
        );
        _execute();
    }

    function test_executePayments_revertsForAnyoneButRelayers() public {
        bytes32 role = escrow.RELAYER_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, payer, role)
        );
        vm.prank(payer);
        escrow.executePayments(_payments, _signatures);
    }

    function test_executePayments_revertsWhilePaused() public {
        vm.prank(admin);
        escrow.pause();

        vm.expectRevert(Pausable.EnforcedPause.selector);
        _execute();
    }

    function test_executePaymentOfBatch_revertsForAnyoneButTheEscrow() public {
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentCallerNotEscrow.selector, relayer));
        vm.prank(relayer);
        escrow.executePaymentOfBatch(_payments[0], _signatures[0]);
    }

    function testFuzz_executePayments_neverSkipsForLackOfGas(uint256 gasLimit) public {
        OwnedWallet wallet = new OwnedWallet(payer);
        wallet.setWork(180_000);
        lock(address(wallet), LOCKED);
        _add(paymentOf(address(wallet), 0));
        bytes memory call = abi.encodeCall(escrow.executePayments, (_payments, _signatures));
        gasLimit = bound(gasLimit, 50_000, 1_200_000);

        vm.prank(relayer);
        (bool success,) = address(escrow).call{gas: gasLimit}(call);

        // All or none: what is good is skipped at no gas limit.
        assertEq(usdc.balanceOf(recipient), success ? (COUNT + 1) * 10e6 : 0);
    }

    function testFuzz_executePayments_executesExactlyTheGood(bool[4] calldata isGood) public {
        for (uint256 i = 0; i < COUNT; ++i) {
            if (!isGood[i]) _signatures[i] = "";
        }
        _execute();

        uint256 good;
        for (uint256 i = 0; i < COUNT; ++i) {
            if (isGood[i]) ++good;
            assertEq(escrow.isNonceUsed(payer, i), isGood[i]);
        }
        assertEq(usdc.balanceOf(recipient), good * 10e6);
    }

    /// @dev Replaces the second payment by one of a token which, once locked, behaves as told.
    function _misbehave(MisbehavingToken.Way way) private returns (address) {
        MisbehavingToken token = new MisbehavingToken();
        token.mint(payer, LOCKED);
        vm.startPrank(payer);
        token.approve(address(escrow), LOCKED);
        escrow.deposit(address(token), LOCKED);
        vm.stopPrank();
        token.misbehave(way);
        // Nonce and payer stay; so if it were executed, its nonce would be used.
        _payments[1].token = address(token);
        _signatures[1] = sign(payerKey, _payments[1]);
        return address(token);
    }
}

contract PaymentEscrowInvalidateTest is EscrowTest {
    function test_requestInvalidate_announcesWhenItTakesEffect() public {
        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.InvalidationRequested(payer, 9, block.timestamp + GRACE);
        vm.prank(payer);
        escrow.requestInvalidate(9);

        assertEq(escrow.invalidationEffectiveAt(payer, 9), block.timestamp + GRACE);
        assertEq(escrow.invalidationEffectiveAt(stranger, 9), 0);
    }

    function test_requestInvalidate_leavesPaymentsGoodDuringTheGracePeriod() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 9);
        payment.deadline = block.timestamp + 2 * GRACE;
        bytes memory signature = sign(payerKey, payment);
        vm.prank(payer);
        escrow.requestInvalidate(9);

        skip(GRACE - 1);
        execute(payment, signature);
        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_requestInvalidate_voidsTheNonceAfterTheGracePeriod() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 9);
        payment.deadline = block.timestamp + 2 * GRACE;
        bytes memory signature = sign(payerKey, payment);
        vm.prank(payer);
        escrow.requestInvalidate(9);

        skip(GRACE);
        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentNonceInvalidated.selector, payer, 9));
        execute(payment, signature);
    }

    function test_requestInvalidate_voidsNobodyElsesNonce() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 9);
        payment.deadline = block.timestamp + 2 * GRACE;
        bytes memory signature = sign(payerKey, payment);
        vm.prank(stranger);
        escrow.requestInvalidate(9);

        skip(GRACE);
        execute(payment, signature);
    }

    function test_requestInvalidate_revertsForAUsedNonce() public {
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 9);
        execute(payment, sign(payerKey, payment));

        vm.expectRevert(abi.encodeWithSelector(IPaymentEscrow.PaymentNonceUsed.selector, payer, 9));
        vm.prank(payer);
        escrow.requestInvalidate(9);
    }

    function test_requestInvalidate_revertsWhenAskedAgain() public {
        vm.startPrank(payer);
        escrow.requestInvalidate(9);
        uint256 effectiveAt = block.timestamp + GRACE;

        skip(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.InvalidationAlreadyRequested.selector, payer, 9, effectiveAt
            )
        );
        escrow.requestInvalidate(9);
    }

    function test_requestInvalidate_worksWhilePaused() public {
        vm.prank(admin);
        escrow.pause();
        vm.prank(payer);
        escrow.requestInvalidate(9);

        assertEq(escrow.invalidationEffectiveAt(payer, 9), block.timestamp + GRACE);
    }
}

contract PaymentEscrowWithdrawTest is EscrowTest {
    function _request(uint256 amount) private {
        vm.prank(payer);
        escrow.requestWithdraw(address(usdc), amount);
    }

    function _claim() private {
        vm.prank(payer);
        escrow.claim(address(usdc));
    }

    function _assertPending(uint256 amount, uint256 claimableAt) private view {
        (uint256 pendingAmount, uint256 pendingClaimableAt) = escrow.pendingWithdrawal(address(usdc), payer);
        assertEq(pendingAmount, amount);
        assertEq(pendingClaimableAt, claimableAt);
    }

    function test_requestWithdraw_announcesAndMovesNothing() public {
        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.WithdrawRequested(address(usdc), payer, 400e6, block.timestamp + GRACE);
        _request(400e6);

        _assertPending(400e6, block.timestamp + GRACE);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED);
    }

    function test_requestWithdraw_revertsWithNothing() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawAmountZero.selector, address(usdc), payer)
        );
        _request(0);
    }

    function test_requestWithdraw_revertsOverTheBalance() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.WithdrawInsufficientBalance.selector, address(usdc), payer, LOCKED, LOCKED + 1
            )
        );
        _request(LOCKED + 1);
    }

    function test_requestWithdraw_againReplacesTheAmountAndRestartsTheGracePeriod() public {
        _request(400e6);
        uint256 firstClaimableAt = block.timestamp + GRACE;
        skip(GRACE - 1);
        _request(100e6);

        _assertPending(100e6, block.timestamp + GRACE);

        vm.warp(firstClaimableAt);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.WithdrawBeforeGrace.selector,
                address(usdc),
                payer,
                firstClaimableAt + GRACE - 1
            )
        );
        _claim();
    }

    function test_cancelWithdraw_forgetsTheRequest() public {
        _request(400e6);

        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.WithdrawCancelled(address(usdc), payer, 400e6);
        vm.prank(payer);
        escrow.cancelWithdraw(address(usdc));

        _assertPending(0, 0);
        skip(GRACE);
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), payer)
        );
        _claim();
    }

    function test_cancelWithdraw_revertsWithoutARequest() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), payer)
        );
        vm.prank(payer);
        escrow.cancelWithdraw(address(usdc));
    }

    function test_claim_paysAfterTheGracePeriod() public {
        _request(400e6);
        skip(GRACE);

        vm.expectEmit(address(escrow));
        emit IPaymentEscrow.Withdrawn(address(usdc), payer, 400e6);
        _claim();

        assertEq(usdc.balanceOf(payer), 400e6);
        assertEq(escrow.balanceOf(address(usdc), payer), LOCKED - 400e6);
        _assertPending(0, 0);
    }

    function test_claim_revertsBeforeGrace() public {
        _request(400e6);
        uint256 claimableAt = block.timestamp + GRACE;

        skip(GRACE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.WithdrawBeforeGrace.selector, address(usdc), payer, claimableAt
            )
        );
        _claim();
    }

    function test_claim_revertsWithoutARequest() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), payer)
        );
        _claim();
    }

    function test_claim_revertsTheSecondTime() public {
        _request(400e6);
        skip(GRACE);
        _claim();

        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), payer)
        );
        _claim();
    }

    function test_claim_worksWhilePaused() public {
        vm.prank(admin);
        escrow.pause();
        _request(400e6);
        skip(GRACE);
        _claim();

        assertEq(usdc.balanceOf(payer), 400e6);
    }

    function test_claim_paysWhatPaymentsHaveLeft() public {
        _request(LOCKED);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        execute(payment, sign(payerKey, payment));
        skip(GRACE);
        _claim();

        assertEq(usdc.balanceOf(payer), LOCKED - 10.1e6);
        assertEq(escrow.balanceOf(address(usdc), payer), 0);
        _assertPending(0, 0);
    }

    function test_claim_closesTheRequestWhenPaymentsHaveLeftNothing() public {
        _request(LOCKED);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        payment.amount = LOCKED - payment.fee;
        execute(payment, sign(payerKey, payment));
        skip(GRACE);
        _claim();

        _assertPending(0, 0);
        lock(payer, 1e6);
        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), payer)
        );
        _claim();
    }

    function test_claim_leavesFundsSpendableUntilItIsMade() public {
        _request(LOCKED);
        skip(GRACE + 1 days);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        execute(payment, sign(payerKey, payment));

        assertEq(usdc.balanceOf(recipient), 10e6);
    }

    function test_claim_takesNobodyElsesFunds() public {
        lock(stranger, LOCKED);
        _request(LOCKED);
        skip(GRACE);

        vm.expectRevert(
            abi.encodeWithSelector(IPaymentEscrow.WithdrawNotRequested.selector, address(usdc), stranger)
        );
        vm.prank(stranger);
        escrow.claim(address(usdc));
    }

    function test_claim_cannotBeReentered() public {
        MisbehavingToken token = new MisbehavingToken();
        token.mint(payer, 100);
        vm.startPrank(payer);
        token.approve(address(escrow), 100);
        escrow.deposit(address(token), 100);
        escrow.requestWithdraw(address(token), 50);
        skip(GRACE);
        token.callBack(address(escrow), abi.encodeCall(escrow.claim, (address(token))));
        escrow.claim(address(token));

        assertEq(
            selectorOf(token.callbackResult()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
        );
        assertEq(token.balanceOf(payer), 50);
    }

    function testFuzz_claim_paysTheLesserOfRequestAndBalance(uint256 requested, uint256 spent) public {
        requested = bound(requested, 1, LOCKED);
        spent = bound(spent, 1, LOCKED);
        _request(requested);
        IPaymentEscrow.Payment memory payment = paymentOf(payer, 1);
        (payment.amount, payment.fee) = (spent, 0);
        execute(payment, sign(payerKey, payment));
        skip(GRACE);
        _claim();

        uint256 left = LOCKED - spent;
        uint256 paid = requested < left ? requested : left;
        assertEq(usdc.balanceOf(payer), paid);
        assertEq(escrow.balanceOf(address(usdc), payer), left - paid);
    }

    function testFuzz_claim_neverBeforeTheGracePeriod(uint256 wait) public {
        wait = bound(wait, 0, GRACE - 1);
        _request(LOCKED);
        uint256 claimableAt = block.timestamp + GRACE;

        skip(wait);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPaymentEscrow.WithdrawBeforeGrace.selector, address(usdc), payer, claimableAt
            )
        );
        _claim();
    }
}

contract PaymentEscrowPauseTest is EscrowTest {
    function test_pause_revertsForAnyoneButPausers() public {
        bytes32 role = escrow.PAUSER_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, relayer, role)
        );
        vm.prank(relayer);
        escrow.pause();
    }

    function test_unpause_revertsForAnyoneButPausers() public {
        vm.prank(admin);
        escrow.pause();
        bytes32 role = escrow.PAUSER_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, relayer, role)
        );
        vm.prank(relayer);
        escrow.unpause();
    }

    function test_pause_leavesEveryWayOutOpen() public {
        vm.startPrank(admin);
        escrow.pause();
        vm.stopPrank();

        vm.startPrank(payer);
        escrow.requestWithdraw(address(usdc), 1e6);
        escrow.cancelWithdraw(address(usdc));
        escrow.requestWithdraw(address(usdc), LOCKED);
        skip(GRACE);
        escrow.claim(address(usdc));

        assertEq(usdc.balanceOf(payer), LOCKED);
    }
}
