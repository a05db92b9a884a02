// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MetaTxRelay} from "../src/MetaTxRelay.sol";
import {IMetaTxRelay} from "../src/interfaces/IMetaTxRelay.sol";
import {IPriceFeed} from "../src/interfaces/IPriceFeed.sol";
import {CappedCall} from "../src/libraries/CappedCall.sol";
import {Guestbook} from "../src/mocks/Guestbook.sol";
import {MockPriceFeed} from "../src/mocks/MockPriceFeed.sol";
import {RelayTest} from "./RelayTest.sol";
import {DeafTarget, ObedientTarget} from "./mocks/Targets.sol";
import {PhantomToken} from "./mocks/Tokens.sol";
import {OwnedWallet} from "./mocks/Wallets.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Vm} from "forge-std/Vm.sol";

contract MetaTxRelayConstructorTest is RelayTest {
    function test_constructor_givesTheAdminItsRoles() public view {
        assertEq(relay.defaultAdmin(), admin);
        assertTrue(relay.hasRole(relay.PAUSER_ROLE(), admin));
        assertTrue(relay.hasRole(relay.COLLECTOR_ROLE(), admin));
        assertFalse(relay.hasRole(relay.RELAYER_ROLE(), admin));
    }

    function test_constructor_forbidsItselfAndWhatItIsTold() public view {
        assertTrue(relay.isTargetForbidden(address(relay)));
        assertTrue(relay.isTargetForbidden(escrow));
        assertFalse(relay.isTargetForbidden(address(guestbook)));
    }

    function test_eip712Domain_isTheOneOurClientsSignFor() public view {
        (, string memory name, string memory version, uint256 chainId, address verifyingContract,,) =
            relay.eip712Domain();

        assertEq(name, "CroGas");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(verifyingContract, address(relay));
    }
}

contract MetaTxRelayExecuteTest is RelayTest {
    function test_executeMetaTx_callsTheTargetAsTheUser() public {
        vm.expectEmit(address(guestbook));
        emit Guestbook.GuestbookSigned(user, 1, "hello");
        (bool success,) = execute(userKey, requestOf(user, 7));

        assertTrue(success);
        assertEq(guestbook.signaturesOf(user), 1);
        assertTrue(relay.isNonceUsed(user, 7));
        assertFalse(relay.isNonceUsed(user, 6));
    }

    function test_executeMetaTx_keepsTheFeeAndRefundsTheRest() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        (, uint256 fee) = execute(userKey, request);

        assertGt(fee, 0);
        assertLt(fee, MAX_FEE);
        assertEq(usdc.balanceOf(address(relay)), fee);
        assertEq(usdc.balanceOf(user), FUNDS - fee);
        assertTrue(usdc.authorizationState(user, hashOf(request)));
    }

    function test_executeMetaTx_tellsWhatCameOfIt() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        vm.recordLogs();
        (, uint256 fee) = execute(userKey, request);

        Vm.Log memory log = _executed();
        assertEq(log.topics[1], digestOf(request, block.chainid, address(relay)));
        assertEq(log.topics[2], bytes32(uint256(uint160(user))));
        assertEq(log.topics[3], bytes32(uint256(uint160(address(guestbook)))));
        (uint256 nonce, bool success, address token, uint256 told, uint256 gasUsed, bytes memory reason) =
            abi.decode(log.data, (uint256, bool, address, uint256, uint256, bytes));
        assertEq(nonce, 7);
        assertTrue(success);
        assertEq(token, address(usdc));
        assertEq(told, fee);
        assertEq(fee, _ceil(gasUsed * GAS_PRICE * PRICE * 101, 100 * 1e18));
        assertEq(reason.length, 0);
    }

    function test_executeMetaTx_neverTakesMoreThanTheMaxFee() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.maxFee = 1;
        (, uint256 fee) = execute(userKey, request);

        assertEq(fee, 1);
        assertEq(usdc.balanceOf(user), FUNDS - 1);
    }

    function test_executeMetaTx_isFreeWithAMaxFeeOfZero() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.maxFee = 0;
        execute(userKey, request);

        assertEq(usdc.balanceOf(user), FUNDS);
        assertEq(guestbook.signaturesOf(user), 1);
    }

    function test_executeMetaTx_takesNoncesInAnyOrder() public {
        execute(userKey, requestOf(user, type(uint256).max));
        execute(userKey, requestOf(user, 3));
        execute(userKey, requestOf(user, 0));

        assertEq(guestbook.signaturesOf(user), 3);
    }

    function test_executeMetaTx_keepsUsersApart() public {
        (address other, uint256 otherKey) = makeAddrAndKey("other");
        usdc.mint(other, FUNDS);

        execute(userKey, requestOf(user, 7));
        execute(otherKey, requestOf(other, 7));

        assertEq(guestbook.signaturesOf(user), 1);
        assertEq(guestbook.signaturesOf(other), 1);
    }

    function test_executeMetaTx_takesContractWallets() public {
        OwnedWallet wallet = new OwnedWallet(user);
        usdc.mint(address(wallet), FUNDS);

        execute(userKey, requestOf(address(wallet), 7));

        assertEq(guestbook.signaturesOf(address(wallet)), 1);
    }

    function test_executeMetaTx_revertsForAWalletThatRevokedItsKey() public {
        OwnedWallet wallet = new OwnedWallet(user);
        usdc.mint(address(wallet), FUNDS);
        wallet.revoke();
        IMetaTxRelay.MetaTransaction memory request = requestOf(address(wallet), 7);

        expectRefusal(
            request, abi.encodeWithSelector(IMetaTxRelay.MetaTxSignatureInvalid.selector, address(wallet))
        );
    }

    // ------------------------------------------------------------------ who may, and when

    function test_executeMetaTx_revertsForAnyoneButRelayers() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        bytes32 role = relay.RELAYER_ROLE();

        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, user, role)
        );
        vm.prank(user);
        relay.executeMetaTx(request, signature, feeAuth, PRICE);
    }

    function test_executeMetaTx_revertsWhilePausedAndWorksAfter() public {
        vm.prank(admin);
        relay.pause();
        expectRefusal(requestOf(user, 7), abi.encodeWithSelector(Pausable.EnforcedPause.selector));

        vm.prank(admin);
        relay.unpause();
        execute(userKey, requestOf(user, 7));
    }

    function test_executeMetaTx_worksInTheSecondOfItsDeadline() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        vm.warp(request.deadline);

        execute(userKey, request);
    }

    function test_executeMetaTx_revertsAfterItsDeadline() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        vm.warp(request.deadline + 1);

        expectRefusal(request, abi.encodeWithSelector(IMetaTxRelay.MetaTxExpired.selector, request.deadline));
    }

    // ------------------------------------------------------------------ once, here, and as it was signed

    function test_executeMetaTx_revertsTheSecondTime() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        execute(userKey, request);

        expectRefusal(request, abi.encodeWithSelector(IMetaTxRelay.MetaTxNonceUsed.selector, user, 7));
    }

    function test_executeMetaTx_reportsAUsedNonceBeforeAPassedDeadline() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        execute(userKey, request);
        vm.warp(request.deadline + 1);

        expectRefusal(request, abi.encodeWithSelector(IMetaTxRelay.MetaTxNonceUsed.selector, user, 7));
    }

    function test_executeMetaTx_revertsForAnotherRequestOfTheSameNonce() public {
        execute(userKey, requestOf(user, 7));
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.gasLevel = "fast";

        expectRefusal(request, abi.encodeWithSelector(IMetaTxRelay.MetaTxNonceUsed.selector, user, 7));
    }

    function test_executeMetaTx_revertsForASignatureOfAnotherChain() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);
        vm.chainId(block.chainid + 1);

        expectRefusal(request, signature, feeFor(userKey, request), _signatureInvalid());
    }

    function test_executeMetaTx_revertsForASignatureForAnotherRelay() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, digestOf(request, block.chainid, address(newRelay())));

        expectRefusal(request, signature, feeFor(userKey, request), _signatureInvalid());
    }

    function test_executeMetaTx_revertsForAnotherSigner() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(strangerKey, request);

        expectRefusal(request, signature, feeFor(userKey, request), _signatureInvalid());
    }

    function test_executeMetaTx_revertsForTheOtherFormOfASignature() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        (uint8 v, bytes32 r, bytes32 s) = split(sign(userKey, request));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes memory highS = abi.encodePacked(r, order - uint256(s), v == 27 ? uint8(28) : uint8(27));

        expectRefusal(request, highS, feeFor(userKey, request), _signatureInvalid());
    }

    function testFuzz_executeMetaTx_revertsForWhateverWasNotSigned(uint256 field, uint256 change) public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);
        field = bound(field, 0, 5);
        change = bound(change, 1, 1 << 128);
        if (field == 0) request.data = abi.encodeCall(Guestbook.sign, (vm.toString(change)));
        if (field == 1) request.gasLevel = vm.toString(change);
        if (field == 2) request.gasLimit += change;
        if (field == 3) request.maxFee += change;
        if (field == 4) request.nonce += change;
        if (field == 5) request.deadline += change;

        expectRefusal(request, signature, feeFor(userKey, request), _signatureInvalid());
    }

    // ------------------------------------------------------------------ payment and call are one

    function test_executeMetaTx_revertsForAFeeThatTheUserDidNotAuthorize() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);

        expectRefusal(request, signature, feeFor(strangerKey, request), _authorizationInvalid());
        assertFalse(relay.isNonceUsed(user, 7));
        assertEq(guestbook.signaturesOf(user), 0);
    }

    function test_executeMetaTx_revertsForAFeeThatWasAuthorizedForAnotherRequest() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);

        expectRefusal(request, signature, feeFor(userKey, requestOf(user, 8)), _authorizationInvalid());
    }

    function test_executeMetaTx_revertsForAnotherFeeThanWasAuthorized() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        feeAuth.signature = signReceive(userKey, user, address(relay), MAX_FEE - 1, hashOf(request));

        expectRefusal(request, sign(userKey, request), feeAuth, _authorizationInvalid());
    }

    function test_executeMetaTx_revertsForATransferAuthorization() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        feeAuth.signature = signTransfer(userKey, user, address(relay), MAX_FEE, hashOf(request));

        expectRefusal(request, sign(userKey, request), feeAuth, _authorizationInvalid());
    }

    function test_executeMetaTx_revertsForAnAuthorizationOutOfItsTime() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        feeAuth.validBefore = block.timestamp;
        feeAuth.signature = signAuthorization(
            userKey, "Receive", abi.encode(user, relay, MAX_FEE, uint256(0), block.timestamp, hashOf(request))
        );

        expectRefusal(
            request,
            signature,
            feeAuth,
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, 0, block.timestamp)
        );
    }

    function test_executeMetaTx_revertsWithoutFunds() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        vm.prank(user);
        assertTrue(usdc.transfer(stranger, FUNDS - MAX_FEE + 1));

        expectRefusal(
            request,
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, user, MAX_FEE - 1, MAX_FEE)
        );
        assertFalse(relay.isNonceUsed(user, 7));
    }

    function test_executeMetaTx_isCalledOffByCancellingTheAuthorization() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes32 hash = relay.hashRequest(request);
        bytes32 typehash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        bytes32 message = keccak256(abi.encode(typehash, user, hash));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), message));
        usdc.cancelAuthorization(user, hash, sign(userKey, digest));

        expectRefusal(request, abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, user, hash));
        assertFalse(relay.isNonceUsed(user, 7));
    }

    function test_executeMetaTx_revertsForATokenThatIsNotAccepted() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        feeAuth.token = address(new PhantomToken());

        expectRefusal(
            request,
            sign(userKey, request),
            feeAuth,
            abi.encodeWithSelector(IMetaTxRelay.MetaTxFeeTokenRefused.selector, feeAuth.token)
        );
    }

    function test_executeMetaTx_revertsForATokenThatOnlyPretends() public {
        PhantomToken token = new PhantomToken();
        vm.prank(admin);
        relay.acceptFeeToken(address(token), terms());
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        feeAuth.token = address(token);

        expectRefusal(
            request,
            sign(userKey, request),
            feeAuth,
            abi.encodeWithSelector(IMetaTxRelay.MetaTxFeeNotReceived.selector, address(token), 0, MAX_FEE)
        );
    }

    function _signatureInvalid() private view returns (bytes memory) {
        return abi.encodeWithSelector(IMetaTxRelay.MetaTxSignatureInvalid.selector, user);
    }

    function _authorizationInvalid() private pure returns (bytes memory) {
        return abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
    }

    function _executed() private returns (Vm.Log memory) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IMetaTxRelay.MetaTxExecuted.selector) return logs[i];
        }
        revert("nothing was executed");
    }

    function _ceil(uint256 numerator, uint256 denominator) private pure returns (uint256) {
        return (numerator + denominator - 1) / denominator;
    }
}

contract MetaTxRelayTargetTest is RelayTest {
    ObedientTarget private _target;

    function setUp() public override {
        super.setUp();
        _target = new ObedientTarget();
        allow(address(_target), ObedientTarget.callOut.selector);
        allow(address(_target), ObedientTarget.meter.selector);
        allow(address(_target), ObedientTarget.work.selector);
        allow(address(_target), ObedientTarget.burnGas.selector);
        allow(address(_target), ObedientTarget.failAtLength.selector);
        allow(address(_target), ObedientTarget.answerAtLength.selector);
    }

    function _requestTo(bytes memory data)
        private
        view
        returns (IMetaTxRelay.MetaTransaction memory request)
    {
        request = requestOf(user, 7);
        (request.target, request.data) = (address(_target), data);
    }

    // ------------------------------------------------------------------ which

    function test_executeMetaTx_revertsForATargetThatIsNotAllowed() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.target = stranger;

        expectRefusal(request, _notAllowed(stranger, Guestbook.sign.selector));
    }

    function test_executeMetaTx_revertsForAFunctionThatIsNotAllowed() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.data = abi.encodeCall(Guestbook.signaturesOf, (user));

        expectRefusal(request, _notAllowed(address(guestbook), Guestbook.signaturesOf.selector));
    }

    function test_executeMetaTx_revertsForAFunctionThatIsNoLongerAllowed() public {
        vm.prank(admin);
        relay.setTargetAllowed(address(guestbook), Guestbook.sign.selector, false);

        expectRefusal(requestOf(user, 7), _notAllowed(address(guestbook), Guestbook.sign.selector));
    }

    /// @dev The user is appended: without a selector, the first four bytes of its address would be one.
    function testFuzz_executeMetaTx_revertsWithoutASelector(uint256 length) public {
        length = bound(length, 0, 3);
        IMetaTxRelay.MetaTransaction memory request = _requestTo(new bytes(length));
        allow(address(_target), bytes4(bytes20(user)));
        allow(address(_target), bytes4(0));

        expectRefusal(request, abi.encodeWithSelector(IMetaTxRelay.MetaTxSelectorMissing.selector, length));
    }

    function test_executeMetaTx_revertsForATargetThatWasForbiddenSinceItWasAllowed() public {
        vm.prank(admin);
        relay.forbidTarget(address(guestbook));

        assertFalse(relay.isTargetAllowed(address(guestbook), Guestbook.sign.selector));
        expectRefusal(
            requestOf(user, 7),
            abi.encodeWithSelector(IMetaTxRelay.MetaTxTargetForbidden.selector, address(guestbook))
        );
    }

    function test_executeMetaTx_revertsForATargetWithoutCode() public {
        vm.etch(address(guestbook), "");

        expectRefusal(
            requestOf(user, 7),
            abi.encodeWithSelector(IMetaTxRelay.MetaTxTargetUntrusting.selector, address(guestbook))
        );
    }

    // ------------------------------------------------------------------ what it may do to us

    function test_executeMetaTx_chargesForATargetThatFails() public {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        request.data = abi.encodeCall(Guestbook.deface, ());
        bytes memory reason = abi.encodeWithSelector(Guestbook.GuestbookDefaced.selector, user);

        vm.recordLogs();
        (bool success, uint256 fee) = execute(userKey, request);

        assertFalse(success);
        assertEq(_reason(), reason);
        assertEq(guestbook.signaturesOf(user), 0);
        assertEq(usdc.balanceOf(address(relay)), fee);
        assertTrue(relay.isNonceUsed(user, 7));
    }

    function test_executeMetaTx_survivesATargetThatBurnsItsGas() public {
        uint256 gasBefore = gasleft();
        (bool success,) = execute(userKey, _requestTo(abi.encodeCall(ObedientTarget.burnGas, ())));

        assertFalse(success);
        assertLt(gasBefore - gasleft(), GAS_LIMIT + 250_000);
    }

    function test_executeMetaTx_cutsALongReason() public {
        vm.recordLogs();
        (bool success,) = execute(userKey, _requestTo(abi.encodeCall(ObedientTarget.failAtLength, ())));

        assertFalse(success);
        assertEq(_reason().length, relay.REASON_LIMIT());
    }

    function test_executeMetaTx_doesNotReadALongAnswer() public {
        uint256 gasBefore = gasleft();
        (bool success,) = execute(userKey, _requestTo(abi.encodeCall(ObedientTarget.answerAtLength, ())));

        assertTrue(success);
        assertLt(gasBefore - gasleft(), GAS_LIMIT + 250_000);
    }

    function test_executeMetaTx_cannotBeEnteredByItsTarget() public {
        IMetaTxRelay.MetaTransaction memory inner = requestOf(user, 8);
        bytes memory call =
            abi.encodeCall(relay.executeMetaTx, (inner, sign(userKey, inner), feeFor(userKey, inner), PRICE));
        bytes32 role = relay.RELAYER_ROLE();
        vm.prank(admin);
        relay.grantRole(role, address(_target));

        _assertCannotCall(address(relay), call);
        assertEq(guestbook.signaturesOf(user), 0);
        assertFalse(relay.isNonceUsed(user, 8));
    }

    function test_withdrawFees_cannotBeCalledByATarget() public {
        bytes memory call = abi.encodeCall(relay.withdrawFees, (address(usdc), stranger, MAX_FEE));
        bytes32 role = relay.COLLECTOR_ROLE();
        vm.prank(admin);
        relay.grantRole(role, address(_target));

        _assertCannotCall(address(relay), call);
        assertEq(usdc.balanceOf(stranger), 0);
    }

    /// @dev What a target sends to the relay meanwhile is not refunded to the user.
    function test_executeMetaTx_refundsOnlyWhatTheUserPaid() public {
        usdc.mint(address(_target), 3e6);
        bytes memory gift = abi.encodeCall(usdc.transfer, (address(relay), 3e6));
        (, uint256 fee) =
            execute(userKey, _requestTo(abi.encodeCall(ObedientTarget.callOut, (address(usdc), gift))));

        assertEq(usdc.balanceOf(user), FUNDS - fee);
        assertEq(usdc.balanceOf(address(relay)), fee + 3e6);
    }

    function _assertCannotCall(address callee, bytes memory call) private {
        IMetaTxRelay.MetaTransaction memory request =
            _requestTo(abi.encodeCall(ObedientTarget.callOut, (callee, call)));
        request.gasLimit = 1_000_000;
        (bool success, uint256 fee) = execute(userKey, request);

        assertTrue(success);
        assertTrue(_target.calledOut());
        assertFalse(_target.callSucceeded());
        assertEq(
            selectorOf(_target.callResult()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector
        );
        assertEq(usdc.balanceOf(address(relay)), fee);
    }

    // ------------------------------------------------------------------ gas

    function test_executeMetaTx_givesTheTargetExactlyItsGas() public {
        IMetaTxRelay.MetaTransaction memory request = _requestTo(abi.encodeCall(ObedientTarget.meter, ()));
        execute(userKey, request);
        uint256 seen = _target.gasSeen();
        request.nonce = 8;
        request.gasLimit += 12_345;
        execute(userKey, request);

        assertEq(_target.gasSeen() - seen, 12_345);
        assertApproxEqAbs(seen, GAS_LIMIT, 500);
    }

    /// @dev Whatever gas the transaction has: either the target does what it can do with its gas limit, or all reverts.
    function testFuzz_executeMetaTx_neverFailsATargetForWantOfGas(uint256 available) public {
        IMetaTxRelay.MetaTransaction memory request =
            _requestTo(abi.encodeCall(ObedientTarget.work, (GAS_LIMIT - 5000)));
        bytes memory call = abi.encodeCall(
            relay.executeMetaTx, (request, sign(userKey, request), feeFor(userKey, request), PRICE)
        );
        available = bound(available, 250_000, 450_000);

        vm.prank(relayer);
        (bool executed, bytes memory answer) = address(relay).call{gas: available}(call);

        assertEq(relay.isNonceUsed(user, 7), executed);
        assertEq(usdc.balanceOf(user) < FUNDS, executed);
        if (executed) {
            (bool success,) = abi.decode(answer, (bool, uint256));
            assertTrue(success);
        }
    }

    function test_executeMetaTx_saysThatItIsShortOfGas() public {
        IMetaTxRelay.MetaTransaction memory request = _requestTo(abi.encodeCall(ObedientTarget.meter, ()));
        request.gasLimit = 10_000_000;
        bytes memory signature = sign(userKey, request);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);

        vm.expectPartialRevert(CappedCall.CappedCallInsufficientGas.selector);
        vm.prank(relayer);
        relay.executeMetaTx{gas: 10_000_000}(request, signature, feeAuth, PRICE);
    }

    function _notAllowed(address target, bytes4 selector) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IMetaTxRelay.MetaTxTargetNotAllowed.selector, target, selector);
    }

    function _reason() private returns (bytes memory reason) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IMetaTxRelay.MetaTxExecuted.selector) continue;
            (,,,,, reason) = abi.decode(logs[i].data, (uint256, bool, address, uint256, uint256, bytes));
        }
    }
}

contract MetaTxRelayFeeTest is RelayTest {
    int256 private constant ANSWER = 2500e8;

    MockPriceFeed private _feed;

    function setUp() public override {
        super.setUp();
        _feed = new MockPriceFeed(8, ANSWER);
    }

    function _use(IPriceFeed feed, address token) private {
        IMetaTxRelay.FeeTerms memory withFeed = IMetaTxRelay.FeeTerms({
            feed: feed, maxAgeSeconds: 1 hours, toleranceBps: 200, overheadGas: OVERHEAD_GAS
        });
        vm.prank(admin);
        relay.acceptFeeToken(token, withFeed);
    }

    function _executeAt(uint256 price, uint256 nonce) private {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, nonce);
        bytes memory signature = sign(userKey, request);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        vm.prank(relayer);
        relay.executeMetaTx(request, signature, feeAuth, price);
    }

    function _expectRefusalAt(uint256 price, bytes memory reason) private {
        IMetaTxRelay.MetaTransaction memory request = requestOf(user, 7);
        bytes memory signature = sign(userKey, request);
        IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
        vm.expectRevert(reason);
        vm.prank(relayer);
        relay.executeMetaTx(request, signature, feeAuth, price);
    }

    // ------------------------------------------------------------------ the price

    function test_executeMetaTx_takesAnyPriceWithoutAFeed() public {
        assertEq(relay.highestPrice(address(usdc)), type(uint256).max);
        _executeAt(1e30, 7);

        assertEq(usdc.balanceOf(user), FUNDS - MAX_FEE);
    }

    function test_executeMetaTx_boundsThePriceByTheFeed() public {
        _use(_feed, address(usdc));
        uint256 highest = PRICE * 102 / 100;

        assertEq(relay.highestPrice(address(usdc)), highest);
        _executeAt(highest, 1);
        _executeAt(PRICE / 10, 2);
        _expectRefusalAt(
            highest + 1,
            abi.encodeWithSelector(IMetaTxRelay.MetaTxPriceTooHigh.selector, highest + 1, highest)
        );
    }

    function test_executeMetaTx_revertsWithAStaleFeed() public {
        _use(_feed, address(usdc));
        uint256 updatedAt = block.timestamp;
        skip(1 hours);
        _executeAt(PRICE, 1);
        skip(1);

        _expectRefusalAt(
            PRICE, abi.encodeWithSelector(IMetaTxRelay.MetaTxPriceStale.selector, _feed, updatedAt)
        );
    }

    function test_executeMetaTx_revertsWithAFeedThatHasNoPrice() public {
        _use(_feed, address(usdc));
        for (int256 answer = -1; answer <= 0; ++answer) {
            _feed.setAnswer(answer, block.timestamp);
            _expectRefusalAt(
                PRICE, abi.encodeWithSelector(IMetaTxRelay.MetaTxPriceInvalid.selector, _feed, answer)
            );
        }
    }

    function testFuzz_highestPrice_isTheFeedsWhateverTheDecimals(uint8 decimals, uint64 answer) public {
        decimals = uint8(bound(decimals, 0, 42)); // 36 more than the token's 6
        vm.assume(answer != 0);
        _use(new MockPriceFeed(decimals, int256(uint256(answer))), address(usdc));

        // Two percent more than the answer, of 10^decimals a dollar, in units of 10^6 a dollar.
        uint256 expected = uint256(answer) * 102 * 1e6 / (100 * 10 ** uint256(decimals));
        assertEq(relay.highestPrice(address(usdc)), expected);
    }

    function test_acceptFeeToken_revertsForDecimalsTooFarApart() public {
        MockPriceFeed feed = new MockPriceFeed(43, ANSWER);
        IMetaTxRelay.FeeTerms memory withFeed = terms();
        withFeed.feed = feed;

        vm.expectRevert(
            abi.encodeWithSelector(IMetaTxRelay.MetaTxDecimalsInvalid.selector, address(usdc), feed)
        );
        vm.prank(admin);
        relay.acceptFeeToken(address(usdc), withFeed);
    }

    // ------------------------------------------------------------------ the gas

    function testFuzz_feeOf_isCostPlusOnePercentRoundedUp(uint32 gasUsed, uint64 gasPrice, uint64 price)
        public
        view
    {
        uint256 fee = relay.feeOf(gasUsed, gasPrice, price);

        uint256 exact = uint256(gasUsed) * gasPrice * price * 101; // of 10^20 units each
        assertGe(fee * 1e20, exact);
        assertLt(fee * 1e20, exact + 1e20);
    }

    /// @dev The user pays for what the transaction really costs, and the relayer does not lose. Each of these calls is a
    ///      transaction of its own.
    /// forge-config: default.isolate = true
    function test_executeMetaTx_chargesForTheGasOfTheWholeTransaction() public {
        string memory message = "";
        for (uint256 nonce = 1; nonce < 5; ++nonce) {
            IMetaTxRelay.MetaTransaction memory request = requestOf(user, nonce);
            request.data = abi.encodeCall(Guestbook.sign, (message));
            bytes memory signature = sign(userKey, request);
            IMetaTxRelay.Authorization memory feeAuth = feeFor(userKey, request);
            vm.recordLogs();
            vm.prank(relayer);
            relay.executeMetaTx(request, signature, feeAuth, PRICE);

            // Such a transaction has no gas price: all is refunded, and what that clears gives gas back.
            Vm.Gas memory gas = vm.lastCallGas();
            uint256 spent = gas.gasTotalUsed + uint256(int256(gas.gasRefunded));
            uint256 charged = _gasCharged();
            assertGe(charged, spent);
            assertLt(charged, spent + spent / 50);
            message = string.concat(message, "a longer message than the one that was sent before", message);
        }
    }

    function _gasCharged() private returns (uint256 gasUsed) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IMetaTxRelay.MetaTxExecuted.selector) continue;
            (,,,, gasUsed,) = abi.decode(logs[i].data, (uint256, bool, address, uint256, uint256, bytes));
        }
    }
}

contract MetaTxRelayAdministrationTest is RelayTest {
    function test_setTargetAllowed_tellsAndIsRead() public {
        assertTrue(relay.isTargetAllowed(address(guestbook), Guestbook.sign.selector));
        assertFalse(relay.isTargetAllowed(address(guestbook), Guestbook.signaturesOf.selector));

        vm.expectEmit(address(relay));
        emit IMetaTxRelay.TargetAllowed(address(guestbook), Guestbook.sign.selector, false);
        vm.prank(admin);
        relay.setTargetAllowed(address(guestbook), Guestbook.sign.selector, false);

        assertFalse(relay.isTargetAllowed(address(guestbook), Guestbook.sign.selector));
    }

    function test_setTargetAllowed_revertsForATargetThatDoesNotTrustTheRelay() public {
        ObedientTarget target = new ObedientTarget();
        target.distrust();

        _expectUntrusting(address(target));
        _expectUntrusting(stranger);
        // It does not even know the question.
        address deaf = address(new DeafTarget());
        vm.expectRevert();
        vm.prank(admin);
        relay.setTargetAllowed(deaf, DeafTarget.sign.selector, true);
    }

    function test_setTargetAllowed_canDisallowATargetThatNoLongerTrustsTheRelay() public {
        ObedientTarget target = new ObedientTarget();
        allow(address(target), ObedientTarget.meter.selector);
        target.distrust();

        vm.prank(admin);
        relay.setTargetAllowed(address(target), ObedientTarget.meter.selector, false);

        assertFalse(relay.isTargetAllowed(address(target), ObedientTarget.meter.selector));
    }

    function test_setTargetAllowed_revertsForWhatIsOutOfBounds() public {
        _expectForbidden(address(relay));
        _expectForbidden(address(usdc));
        _expectForbidden(escrow);
    }

    function test_refuseFeeToken_keepsTheTokenOutOfBounds() public {
        vm.prank(admin);
        relay.refuseFeeToken(address(usdc));

        (bool accepted,) = relay.feeTerms(address(usdc));
        assertFalse(accepted);
        _expectForbidden(address(usdc));
    }

    function test_acceptFeeToken_tellsAndIsRead() public {
        MockPriceFeed feed = new MockPriceFeed(8, 1);

        vm.expectEmit(address(relay));
        emit IMetaTxRelay.FeeTokenAccepted(address(usdc), feed, 60, 100, 7);
        vm.prank(admin);
        relay.acceptFeeToken(address(usdc), IMetaTxRelay.FeeTerms(feed, 60, 100, 7));

        (bool accepted, IMetaTxRelay.FeeTerms memory told) = relay.feeTerms(address(usdc));
        assertTrue(accepted);
        assertEq(abi.encode(told), abi.encode(IMetaTxRelay.FeeTerms(feed, 60, 100, 7)));
    }

    function test_administration_isTheAdminsOnly() public {
        _expectUnauthorized(
            relayer,
            relay.DEFAULT_ADMIN_ROLE(),
            abi.encodeCall(relay.setTargetAllowed, (address(guestbook), Guestbook.sign.selector, false))
        );
        _expectUnauthorized(
            relayer, relay.DEFAULT_ADMIN_ROLE(), abi.encodeCall(relay.forbidTarget, (address(guestbook)))
        );
        _expectUnauthorized(
            relayer, relay.DEFAULT_ADMIN_ROLE(), abi.encodeCall(relay.acceptFeeToken, (stranger, terms()))
        );
        _expectUnauthorized(
            relayer, relay.DEFAULT_ADMIN_ROLE(), abi.encodeCall(relay.refuseFeeToken, (address(usdc)))
        );
        _expectUnauthorized(relayer, relay.PAUSER_ROLE(), abi.encodeCall(relay.pause, ()));
        _expectUnauthorized(relayer, relay.PAUSER_ROLE(), abi.encodeCall(relay.unpause, ()));
        _expectUnauthorized(
            relayer, relay.COLLECTOR_ROLE(), abi.encodeCall(relay.withdrawFees, (address(usdc), relayer, 1))
        );
    }

    function test_withdrawFees_paysOutEvenWhilePaused() public {
        (, uint256 fee) = execute(userKey, requestOf(user, 7));
        vm.startPrank(admin);
        relay.pause();

        vm.expectEmit(address(relay));
        emit IMetaTxRelay.FeesWithdrawn(address(usdc), stranger, fee);
        relay.withdrawFees(address(usdc), stranger, fee);

        assertEq(usdc.balanceOf(stranger), fee);
        assertEq(usdc.balanceOf(address(relay)), 0);
    }

    function _expectUntrusting(address target) private {
        vm.expectRevert(abi.encodeWithSelector(IMetaTxRelay.MetaTxTargetUntrusting.selector, target));
        vm.prank(admin);
        relay.setTargetAllowed(target, ObedientTarget.meter.selector, true);
    }

    function _expectForbidden(address target) private {
        vm.expectRevert(abi.encodeWithSelector(IMetaTxRelay.MetaTxTargetForbidden.selector, target));
        vm.prank(admin);
        relay.setTargetAllowed(target, Guestbook.sign.selector, true);
    }

    function _expectUnauthorized(address caller, bytes32 role, bytes memory call) private {
        vm.prank(caller);
        (bool success, bytes memory reason) = address(relay).call(call);

        assertFalse(success);
        assertEq(
            reason,
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, caller, role)
        );
    }
}

contract MetaTxRelayViewTest is RelayTest {
    function testFuzz_hashes_areThoseOfTheStandard(IMetaTxRelay.MetaTransaction calldata request)
        public
        view
    {
        assertEq(relay.hashRequest(request), hashOf(request));
        assertEq(relay.digestOf(request), digestOf(request, block.chainid, address(relay)));
    }

    function test_nextNonce_isTheSmallestUnused() public {
        assertEq(relay.nextNonce(user), 0);
        execute(userKey, requestOf(user, 1));
        assertEq(relay.nextNonce(user), 0);
        execute(userKey, requestOf(user, 0));
        assertEq(relay.nextNonce(user), 2);
    }

    function test_nextNonce_goesOnAfterAFullWord() public {
        for (uint256 nonce = 0; nonce < 255; ++nonce) {
            execute(userKey, requestOf(user, nonce));
        }
        assertEq(relay.nextNonce(user), 255);
        execute(userKey, requestOf(user, 255));
        assertEq(relay.nextNonce(user), 256);
        execute(userKey, requestOf(user, 256));
        assertEq(relay.nextNonce(user), 257);
    }
}
