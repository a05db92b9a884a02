// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {Script, console} from "forge-std/Script.sol";

/// @title Deployment of the escrow
/// @notice Reads from the environment:
///         - ADMIN: admin of the escrow; by default the broadcaster.
///         - TREASURY: receiver of the fees; by default the admin.
///         - GRACE_PERIOD_SECONDS: by default one day.
///         - RELAYERS: addresses that get the relayer role, comma-separated; needs the broadcaster to be the admin.
///         - DEPLOY_MOCK_USDC: "true" on a local chain.
/// @dev forge script script/Deploy.s.sol --rpc-url ... --broadcast --private-key ... (or --unlocked --sender ...)
contract Deploy is Script {
    /// @notice What the environment says.
    struct Config {
        address admin;
        address treasury;
        uint256 gracePeriodSeconds;
        address[] relayers;
        bool withMockUSDC;
    }

    /// @notice Only the admin can grant the relayer role, and the admin is not who deploys.
    error DeployRelayersNeedAdmin(address broadcaster, address admin);

    /// @notice A token that anyone can mint has no place on a public chain.
    error DeployMockOnPublicChain(uint256 chainId);

    uint256 private constant ANVIL_CHAIN_ID = 31_337;

    /// @return escrow the deployed escrow.
    /// @return usdc the deployed token, or zero.
    function run() external returns (PaymentEscrow escrow, MockUSDC usdc) {
        address admin = vm.envOr("ADMIN", msg.sender);
        Config memory config = Config({
            admin: admin,
            treasury: vm.envOr("TREASURY", admin),
            gracePeriodSeconds: vm.envOr("GRACE_PERIOD_SECONDS", uint256(1 days)),
            relayers: vm.envOr("RELAYERS", ",", new address[](0)),
            withMockUSDC: vm.envOr("DEPLOY_MOCK_USDC", false)
        });
        (escrow, usdc) = deploy(config, msg.sender);

        console.log("PaymentEscrow", address(escrow));
        if (address(usdc) != address(0)) console.log("MockUSDC", address(usdc));
    }

    /// @notice Deploys as `broadcaster`. Nothing is sent unless all of it can be.
    function deploy(Config memory config, address broadcaster)
        public
        returns (PaymentEscrow escrow, MockUSDC usdc)
    {
        if (config.relayers.length != 0 && broadcaster != config.admin) {
            revert DeployRelayersNeedAdmin(broadcaster, config.admin);
        }
        if (config.withMockUSDC && block.chainid != ANVIL_CHAIN_ID) {
            revert DeployMockOnPublicChain(block.chainid);
        }

        vm.startBroadcast(broadcaster);
        if (config.withMockUSDC) usdc = new MockUSDC();
        escrow = new PaymentEscrow(config.admin, config.treasury, config.gracePeriodSeconds);
        for (uint256 i = 0; i < config.relayers.length; ++i) {
            escrow.grantRole(escrow.RELAYER_ROLE(), config.relayers[i]);
        }
        vm.stopBroadcast();
    }
}
