// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BatchSettler} from "../src/BatchSettler.sol";
import {IBatchSettler} from "../src/interfaces/IBatchSettler.sol";
import {CappedCall} from "../src/libraries/CappedCall.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {GasEatingWallet, OwnedWallet, ParrotWallet} from "./mocks/Wallets.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Vm} from "forge-std/Vm.sol";

contract BatchSettlerTest is AuthorizationTest {
    uint256 private constant VALUE = 10_000;
    uint256 private constant FUNDS = 1e6;
    uint256 private constant LEG_GAS = 300_000;
    bytes32 private constant NONCE = keccak256("authorization");

    BatchSettler private _settler = new BatchSettler();
    address private _seller = makeAddr("seller");
    address private _payer;
    uint256 private _payerKey;
    uint256 private _validBefore;

    function setUp() public {
        vm.warp(1_800_000_000);
        _validBefore = block.timestamp + 1 hours;
        usdc = new MockUSDC();
        (_payer, _payerKey) = makeAddrAndKey("payer");
        usdc.mint(_payer, FUNDS);
        usdc.mint(_seller, 1);
    }

    // ------------------------------------------------------------------ what it carries out

    function test_settle_carriesOutEveryLeg() public {
        vm.expectEmit(address(usdc));
        emit IERC20.Transfer(_payer, _seller, VALUE);
        vm.expectEmit(address(usdc));
        emit IERC20.Transfer(_payer, _seller, VALUE);
        vm.recordLogs();
        _settle(_legsOf(2));

        assertEq(_failures().length, 0);
        assertEq(usdc.balanceOf(_seller), 2 * VALUE + 1);
        assertEq(usdc.balanceOf(_payer), FUNDS - 2 * VALUE);
        assertEq(usdc.balanceOf(address(_settler)), 0);
    }

    function test_settle_doesNothingWithoutLegs() public {
        vm.recordLogs();
        _settle(_legsOf(0));

        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_settle_isOpenToAnyone() public {
        IBatchSettler.Authorization[] memory legs = _legsOf(1);

        vm.prank(makeAddr("stranger"));
        _settle(legs);

        assertEq(usdc.balanceOf(_seller), VALUE + 1);
    }

    function test_settle_takesContractWalletsBesideAccounts() public {
        OwnedWallet wallet = new OwnedWallet(_payer);
        usdc.mint(address(wallet), FUNDS);
        bytes memory signature = signTransfer(_payerKey, address(wallet), _seller, VALUE, NONCE);

        _settle(_legsOf(1), _contractLegs(address(wallet), signature));

        assertEq(usdc.balanceOf(_seller), 2 * VALUE + 1);
        assertEq(usdc.balanceOf(address(wallet)), FUNDS - VALUE);
    }

    function testFuzz_settle_takesSignaturesOfAnyLength(bytes calldata signature) public {
        ParrotWallet wallet = new ParrotWallet(abi.encode(IERC1271.isValidSignature.selector), false);
        usdc.mint(address(wallet), FUNDS);

        _settle(_legsOf(0), _contractLegs(address(wallet), signature));

        assertEq(usdc.balanceOf(_seller), VALUE + 1);
    }

    // ------------------------------------------------------------------ a bad leg harms nobody else

    function test_settle_tellsWhyALegFailed() public {
        IBatchSettler.Authorization[] memory legs = _legsOf(3);
        legs[1] = legs[0];
        bytes memory reason =
            abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, _payer, legs[0].nonce);

        vm.expectEmit(address(_settler));
        emit IBatchSettler.LegFailed(1, reason);
        _settle(legs);

        assertEq(usdc.balanceOf(_seller), 2 * VALUE + 1);
    }

    function test_settle_countsLegsOfContractsAfterTheOthers() public {
        ParrotWallet wallet = new ParrotWallet(hex"", false);

        vm.expectEmit(address(_settler));
        emit IBatchSettler.LegFailed(2, abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
        _settle(_legsOf(2), _contractLegs(address(wallet), hex"00"));

        assertEq(usdc.balanceOf(_seller), 2 * VALUE + 1);
    }

    function test_settle_skipsAForgery() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        legs[0] = _legOf(_payer, strangerKey, legs[0].nonce);

        _assertOnlyTheFirstFails(legs, ERC3009.ERC3009InvalidSignature.selector);
    }

    function test_settle_skipsAReceiveAuthorization() public {
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        bytes memory signature = signReceive(_payerKey, _payer, _seller, VALUE, legs[0].nonce);
        (legs[0].v, legs[0].r, legs[0].s) = split(signature);

        _assertOnlyTheFirstFails(legs, ERC3009.ERC3009InvalidSignature.selector);
    }

    function testFuzz_settle_skipsWhateverWasNotSigned(uint256 field, uint256 change) public {
        change = bound(change, 1, type(uint96).max);
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        field = bound(field, 0, 5);
        if (field == 0) legs[0].from = address(uint160(change));
        if (field == 1) legs[0].to = address(uint160(change));
        if (field == 2) legs[0].value = change == VALUE ? 0 : change;
        if (field == 3) legs[0].validAfter = bound(change, 1, block.timestamp - 1);
        if (field == 4) legs[0].validBefore += change;
        if (field == 5) legs[0].nonce = bytes32(change);

        _assertOnlyTheFirstFails(legs, ERC3009.ERC3009InvalidSignature.selector);
    }

    function test_settle_skipsAPayerWithoutFunds() public {
        (address pauper, uint256 pauperKey) = makeAddrAndKey("pauper");
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        legs[0] = _legOf(pauper, pauperKey, NONCE);

        _assertOnlyTheFirstFails(legs, IERC20Errors.ERC20InsufficientBalance.selector);
    }

    function test_settle_skipsWhatIsOutOfItsTime() public {
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        _validBefore = block.timestamp;
        legs[0] = _legOf(_payer, _payerKey, legs[0].nonce);

        _assertOnlyTheFirstFails(legs, ERC3009.ERC3009InvalidAuthorizationTime.selector);
    }

    function test_settle_skipsAPaymentToItself() public {
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        legs[0].to = address(_settler);
        bytes memory signature = signTransfer(_payerKey, _payer, address(_settler), VALUE, legs[0].nonce);
        (legs[0].v, legs[0].r, legs[0].s) = split(signature);

        _assertOnlyTheFirstFails(legs, IBatchSettler.SettlementRecipientInvalid.selector);
        assertEq(usdc.balanceOf(address(_settler)), 0);
    }

    function test_settle_survivesAWalletThatBurnsItsGas() public {
        address wallet = address(new GasEatingWallet());

        uint256 gasBefore = gasleft();
        _settle(_legsOf(1), _contractLegs(wallet, hex"00"));

        assertLt(gasBefore - gasleft(), 2 * LEG_GAS);
        assertEq(usdc.balanceOf(_seller), VALUE + 1);
    }

    function test_settle_survivesATokenThatBurnsItsGas() public {
        GasEatingWallet token = new GasEatingWallet();
        IBatchSettler.Authorization[] memory legs = _legsOf(2);
        vm.recordLogs();

        uint256 gasBefore = gasleft();
        _settler.settle(address(token), LEG_GAS, legs, _noContractLegs());

        assertLt(gasBefore - gasleft(), 3 * LEG_GAS);
        assertEq(_failures().length, 2);
    }

    function test_settle_cutsALongReason() public {
        bytes memory reason = new bytes(10_000);
        reason[0] = 0x11;
        ParrotWallet token = new ParrotWallet(reason, true);
        vm.recordLogs();

        _settler.settle(address(token), 3_000_000, _legsOf(1), _noContractLegs());

        (, bytes memory told) = abi.decode(_failures()[0].data, (uint256, bytes));
        assertEq(told.length, _settler.REASON_LIMIT());
        assertEq(told[0], bytes1(0x11));
    }

    function test_settle_revertsWithoutAToken() public {
        address nothing = makeAddr("no token");
        IBatchSettler.Authorization[] memory legs = _legsOf(1);

        vm.expectRevert(abi.encodeWithSelector(IBatchSettler.SettlementTokenMissing.selector, nothing));
        _settler.settle(nothing, LEG_GAS, legs, _noContractLegs());
    }

    // ------------------------------------------------------------------ gas

    /// @dev Whatever gas the transaction has: either every leg is carried out, or the batch reverts.
    function testFuzz_settle_neverFailsALegForWantOfGas(uint256 available) public {
        IBatchSettler.Authorization[] memory legs = _legsOf(3);
        bytes memory call = abi.encodeCall(_settler.settle, (address(usdc), LEG_GAS, legs, _noContractLegs()));
        available = bound(available, 300_000, 500_000);

        (bool success, bytes memory answer) = address(_settler).call{gas: available}(call);

        assertEq(usdc.balanceOf(_seller), success ? 3 * VALUE + 1 : 1);
        if (!success) assertEq(selectorOf(answer), CappedCall.CappedCallInsufficientGas.selector);
    }

    /// @dev All the gas of the transaction counts. Of 43,600, the token's storage, logs and checks take 39,700, and
    ///      calldata takes 2,900.
    /// forge-config: default.isolate = true
    function test_settle_costsAtMost44000GasForEachOfAHundredPayers() public {
        assertLe(_gasPerLeg(100), 44_000);
    }

    /// @dev Agents pay again and again: the storage of a payer is touched once a batch.
    /// forge-config: default.isolate = true
    function test_settle_costsAtMost42000GasWhenPayersPayTwice() public {
        assertLe(_gasPerLeg(50), 42_000);
    }

    function _gasPerLeg(uint256 payers) private returns (uint256 gasPerLeg) {
        IBatchSettler.Authorization[] memory legs = new IBatchSettler.Authorization[](100);
        for (uint256 i = 0; i < legs.length; ++i) {
            (address from, uint256 key) = makeAddrAndKey(string.concat("payer ", vm.toString(i % payers)));
            usdc.mint(from, FUNDS);
            legs[i] = _legOf(from, key, keccak256(abi.encode(i)));
        }

        _settle(legs);

        gasPerLeg = vm.lastCallGas().gasTotalUsed / legs.length;
        emit log_named_uint("gas of each settlement", gasPerLeg);
        assertEq(usdc.balanceOf(_seller), 100 * VALUE + 1);
    }

    // ------------------------------------------------------------------ legs

    function _settle(IBatchSettler.Authorization[] memory legs) private {
        _settle(legs, _noContractLegs());
    }

    function _settle(
        IBatchSettler.Authorization[] memory legs,
        IBatchSettler.ContractAuthorization[] memory contractLegs
    ) private {
        _settler.settle(address(usdc), LEG_GAS, legs, contractLegs);
    }

    function _legsOf(uint256 count) private view returns (IBatchSettler.Authorization[] memory legs) {
        legs = new IBatchSettler.Authorization[](count);
        for (uint256 i = 0; i < count; ++i) {
            legs[i] = _legOf(_payer, _payerKey, keccak256(abi.encode(NONCE, i)));
        }
    }

    function _legOf(address from, uint256 key, bytes32 nonce)
        private
        view
        returns (IBatchSettler.Authorization memory leg)
    {
        bytes memory fields = abi.encode(from, _seller, VALUE, uint256(0), _validBefore, nonce);
        (uint8 v, bytes32 r, bytes32 s) = split(signAuthorization(key, "Transfer", fields));
        leg = IBatchSettler.Authorization(from, _seller, VALUE, 0, _validBefore, nonce, v, r, s);
    }

    function _contractLegs(address wallet, bytes memory signature)
        private
        view
        returns (IBatchSettler.ContractAuthorization[] memory legs)
    {
        legs = new IBatchSettler.ContractAuthorization[](1);
        legs[0] = IBatchSettler.ContractAuthorization(
            wallet, _seller, VALUE, 0, type(uint256).max, NONCE, signature
        );
    }

    function _noContractLegs() private pure returns (IBatchSettler.ContractAuthorization[] memory) {
        return new IBatchSettler.ContractAuthorization[](0);
    }

    // ------------------------------------------------------------------ what came of them

    function _assertOnlyTheFirstFails(IBatchSettler.Authorization[] memory legs, bytes4 expected) private {
        vm.recordLogs();
        _settle(legs);

        Vm.Log[] memory failures = _failures();
        assertEq(failures.length, 1);
        (uint256 index, bytes memory reason) = abi.decode(failures[0].data, (uint256, bytes));
        assertEq(index, 0);
        assertEq(selectorOf(reason), expected);
        assertEq(usdc.balanceOf(_seller), VALUE + 1);
    }

    function _failures() private returns (Vm.Log[] memory failures) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        failures = new Vm.Log[](logs.length);
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == IBatchSettler.LegFailed.selector) failures[count++] = logs[i];
        }
        assembly ("memory-safe") {
            mstore(failures, count)
        }
    }
}
