// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Deploy} from "../script/Deploy.s.sol";
import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {Test} from "forge-std/Test.sol";

contract DeployTest is Test {
    Deploy private _script = new Deploy();
    address private _admin = makeAddr("admin");
    address private _treasury = makeAddr("treasury");
    address private _relayer = makeAddr("relayer");

    function _config() private view returns (Deploy.Config memory config) {
        config.admin = _admin;
        config.treasury = _treasury;
        config.gracePeriodSeconds = 1 hours;
        config.relayers = new address[](2);
        config.relayers[0] = _relayer;
        config.relayers[1] = _treasury;
    }

    function test_deploy_givesTheEscrowItsRolesAndSettings() public {
        (PaymentEscrow escrow, MockUSDC usdc) = _script.deploy(_config(), _admin);

        assertEq(escrow.defaultAdmin(), _admin);
        assertEq(escrow.treasury(), _treasury);
        assertEq(escrow.gracePeriod(), 1 hours);
        assertTrue(escrow.hasRole(escrow.RELAYER_ROLE(), _relayer));
        assertTrue(escrow.hasRole(escrow.RELAYER_ROLE(), _treasury));
        assertFalse(escrow.hasRole(escrow.RELAYER_ROLE(), _admin));
        assertEq(address(usdc), address(0));
    }

    function test_deploy_bringsAMockTokenWhenAsked() public {
        Deploy.Config memory config = _config();
        config.withMockUSDC = true;
        (, MockUSDC usdc) = _script.deploy(config, _admin);

        assertEq(usdc.decimals(), 6);
    }

    function test_deploy_revertsForRelayersThatItCouldNotAppoint() public {
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployRelayersNeedAdmin.selector, _treasury, _admin));
        _script.deploy(_config(), _treasury);
    }

    function test_deploy_leavesRelayersToAnotherAdmin() public {
        Deploy.Config memory config = _config();
        config.relayers = new address[](0);
        (PaymentEscrow escrow,) = _script.deploy(config, _treasury);

        assertEq(escrow.defaultAdmin(), _admin);
    }

    function test_deploy_revertsWithAMockTokenOnAPublicChain() public {
        Deploy.Config memory config = _config();
        config.withMockUSDC = true;
        vm.chainId(8453);

        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployMockOnPublicChain.selector, 8453));
        _script.deploy(config, _admin);
    }
}
