// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DeployingSettler} from "../src/DeployingSettler.sol";
import {IBatchSettler} from "../src/interfaces/IBatchSettler.sol";
import {IDeployingSettler} from "../src/interfaces/IDeployingSettler.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {WalletFactory} from "../src/mocks/WalletFactory.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

contract DeployingSettlerTest is AuthorizationTest {
    uint256 private constant VALUE = 10_000;
    uint256 private constant FUNDS = 1e6;
    bytes32 private constant NONCE = keccak256("authorization");

    DeployingSettler private _settler = new DeployingSettler();
    WalletFactory private _factory = new WalletFactory();
    address private _seller = makeAddr("seller");
    address private _owner;
    uint256 private _ownerKey;
    address private _wallet;

    function setUp() public {
        vm.warp(1_800_000_000);
        usdc = new MockUSDC();
        (_owner, _ownerKey) = makeAddrAndKey("owner");
        _wallet = _factory.walletOf(_owner);
        usdc.mint(_wallet, FUNDS);
    }

    // ------------------------------------------------------------------ both, or neither

    function test_settle_deploysTheWalletAndPays() public {
        vm.prank(makeAddr("anyone"));
        _settler.settle(address(usdc), _deployment(), _authorization(_seller));

        assertGt(_wallet.code.length, 0);
        assertEq(usdc.balanceOf(_seller), VALUE);
        assertEq(usdc.balanceOf(_wallet), FUNDS - VALUE);
        assertEq(usdc.balanceOf(address(_settler)), 0);
    }

    function test_settle_leavesAWalletThatIsThere() public {
        _factory.deploy(_owner);

        // Its factory would revert, and is not called.
        vm.expectCall(address(_factory), "", 0);
        _settler.settle(address(usdc), _deployment(), _authorization(_seller));

        assertEq(usdc.balanceOf(_seller), VALUE);
    }

    function test_settle_revertsWithTheTokensError() public {
        IDeployingSettler.Deployment memory deployment = _deployment();
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);
        _settler.settle(address(usdc), deployment, authorization);

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, _wallet, NONCE));
        _settler.settle(address(usdc), deployment, authorization);
    }

    function test_settle_deploysNothingForAForgery() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);
        authorization.signature = signTransfer(strangerKey, _wallet, _seller, VALUE, NONCE);

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _settler.settle(address(usdc), _deployment(), authorization);

        assertEq(_wallet.code.length, 0);
    }

    function testFuzz_settle_paysNobodyElse(address to, uint256 value) public {
        vm.assume(to != _seller || value != VALUE);
        vm.assume(to != address(0) && to != address(_settler));
        value = bound(value, 0, FUNDS);
        vm.assume(to != _seller || value != VALUE);
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);
        authorization.to = to;
        authorization.value = value;

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _settler.settle(address(usdc), _deployment(), authorization);
    }

    function testFuzz_settle_revertsWithoutTheWallet(address factory, bytes calldata data) public {
        vm.assume(factory != address(_factory) && factory != address(vm) && factory.code.length == 0);
        IDeployingSettler.Deployment memory deployment = IDeployingSettler.Deployment(factory, data);
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);

        vm.expectRevert(abi.encodeWithSelector(IDeployingSettler.WalletNotDeployed.selector, _wallet));
        _settler.settle(address(usdc), deployment, authorization);
    }

    // ------------------------------------------------------------------ it has nothing to lose

    function test_settle_takesNoPayment() public {
        IBatchSettler.ContractAuthorization memory authorization = _authorization(address(_settler));

        vm.expectRevert(
            abi.encodeWithSelector(IDeployingSettler.SettlementRecipientInvalid.selector, address(_settler))
        );
        _settler.settle(address(usdc), _deployment(), authorization);
    }

    function test_settle_revertsWithoutAToken() public {
        address missing = makeAddr("missing");
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);

        vm.expectRevert(abi.encodeWithSelector(IDeployingSettler.SettlementTokenMissing.selector, missing));
        _settler.settle(missing, _deployment(), authorization);
    }

    function test_settle_canBeToldToCallATokenAndHasNothingThere() public {
        usdc.mint(_owner, FUNDS);
        bytes memory take = abi.encodeCall(usdc.transferFrom, (_owner, _seller, FUNDS));
        IDeployingSettler.Deployment memory deployment = IDeployingSettler.Deployment(address(usdc), take);
        IBatchSettler.ContractAuthorization memory authorization = _authorization(_seller);

        vm.expectRevert(abi.encodeWithSelector(IDeployingSettler.WalletNotDeployed.selector, _wallet));
        _settler.settle(address(usdc), deployment, authorization);

        assertEq(usdc.balanceOf(_owner), FUNDS);
    }

    // ------------------------------------------------------------------ what a wallet would say

    function test_isValidSignature_asksTheWalletThatWillBe() public {
        bytes32 hash = keccak256("hash");
        (, uint256 strangerKey) = makeAddrAndKey("stranger");

        bytes4 own = _settler.isValidSignature(_wallet, _deployment(), hash, sign(_ownerKey, hash));
        bytes4 strangers = _settler.isValidSignature(_wallet, _deployment(), hash, sign(strangerKey, hash));

        assertEq(own, IERC1271.isValidSignature.selector);
        assertEq(strangers, bytes4(0xffffffff));
    }

    function test_isValidSignature_revertsForAnotherWallet() public {
        address other = _factory.walletOf(makeAddr("another owner"));
        IDeployingSettler.Deployment memory deployment = _deployment();

        vm.expectRevert(abi.encodeWithSelector(IDeployingSettler.WalletNotDeployed.selector, other));
        _settler.isValidSignature(other, deployment, keccak256("hash"), "");
    }

    function _deployment() private view returns (IDeployingSettler.Deployment memory) {
        return IDeployingSettler.Deployment(address(_factory), abi.encodeCall(WalletFactory.deploy, (_owner)));
    }

    function _authorization(address to) private view returns (IBatchSettler.ContractAuthorization memory) {
        return IBatchSettler.ContractAuthorization({
            from: _wallet,
            to: to,
            value: VALUE,
            validAfter: 0,
            validBefore: type(uint256).max,
            nonce: NONCE,
            signature: signTransfer(_ownerKey, _wallet, to, VALUE, NONCE)
        });
    }
}
