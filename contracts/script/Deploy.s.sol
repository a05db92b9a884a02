// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {BatchSettler} from "../src/BatchSettler.sol";
import {MetaTxRelay} from "../src/MetaTxRelay.sol";
import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {UptoSettler} from "../src/UptoSettler.sol";
import {IMetaTxRelay} from "../src/interfaces/IMetaTxRelay.sol";
import {IPriceFeed} from "../src/interfaces/IPriceFeed.sol";
import {IUptoPermit2Proxy} from "../src/interfaces/IUptoPermit2Proxy.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Script, console} from "forge-std/Script.sol";

/// @title Deployment of the contracts
/// @notice Reads from the environment:
///         - ADMIN: admin of the escrow, the relay and the upto settler; by default the broadcaster.
///         - ESCROW: an escrow that is there already; by default one is deployed.
///         - TREASURY: receiver of the escrow's fees; by default the admin.
///         - GRACE_PERIOD_SECONDS: by default one day.
///         - RELAYERS: addresses that get the relayer role, comma-separated; needs the broadcaster to be the admin.
///         - DEPLOY_MOCK_USDC: "true" on a local chain.
///         - DEPLOY_SETTLER: "true" for settlements in batches.
///         - DEPLOY_RELAY: "true" for meta-transactions.
///         - DEPLOY_UPTO_SETTLER: "true" for x402's scheme upto, whose proxy is at UPTO_PROXY: by default at the
///           standard's address, where it has to be already.
///         - FEE_TOKEN: token the relay takes for fees; needs the broadcaster to be the admin.
///         - FEE_OVERHEAD_GAS: of that token, see docs/contracts.md; needed with it.
///         - PRICE_FEED, PRICE_MAX_AGE_SECONDS, PRICE_TOLERANCE_BPS: its price feed; none by default.
///         - DEPLOY_FORWARDER: "true" for OpenZeppelin's ERC2771Forwarder, whose domain is named FORWARDER_NAME.
/// @dev forge script script/Deploy.s.sol --rpc-url ... --broadcast --private-key ... (or --unlocked --sender ...)
contract Deploy is Script {
    /// @notice What the environment says.
    struct Config {
        address admin;
        PaymentEscrow escrow;
        address treasury;
        uint256 gracePeriodSeconds;
        address[] relayers;
        bool withMockUSDC;
        bool withSettler;
        bool withRelay;
        address feeToken;
        IMetaTxRelay.FeeTerms feeTerms;
        bool withForwarder;
        string forwarderName;
        bool withUptoSettler;
        IUptoPermit2Proxy uptoProxy;
    }

    /// @notice What was deployed; zero for what was not asked for.
    struct Deployed {
        PaymentEscrow escrow;
        MockUSDC usdc;
        BatchSettler settler;
        MetaTxRelay relay;
        ERC2771Forwarder forwarder;
        UptoSettler uptoSettler;
    }

    /// @notice Only the admin can grant roles and accept tokens, and the admin is not who deploys.
    error DeployNeedsAdmin(address broadcaster, address admin);

    /// @notice A token that anyone can mint has no place on a public chain.
    error DeployMockOnPublicChain(uint256 chainId);

    /// @notice There is no proxy at that address: what is signed for it could not be settled.
    error DeployNeedsProxy(address proxy);

    uint256 private constant ANVIL_CHAIN_ID = 31_337;

    /// @dev x402UptoPermit2Proxy, wherever somebody has deployed it.
    address private constant UPTO_PROXY = 0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002;

    function run() external returns (Deployed memory deployed) {
        deployed = deploy(_readConfig(), msg.sender);

        console.log("PaymentEscrow", address(deployed.escrow));
        if (address(deployed.usdc) != address(0)) console.log("MockUSDC", address(deployed.usdc));
        if (address(deployed.settler) != address(0)) console.log("BatchSettler", address(deployed.settler));
        if (address(deployed.relay) != address(0)) console.log("MetaTxRelay", address(deployed.relay));
        if (address(deployed.forwarder) != address(0)) {
            console.log("ERC2771Forwarder", address(deployed.forwarder));
        }
        if (address(deployed.uptoSettler) != address(0)) {
            console.log("UptoSettler", address(deployed.uptoSettler));
        }
    }

    /// @notice Deploys as `broadcaster`. Nothing is sent unless all of it can be.
    function deploy(Config memory config, address broadcaster) public returns (Deployed memory deployed) {
        bool needsAdmin = config.relayers.length != 0 || config.feeToken != address(0);
        if (needsAdmin && broadcaster != config.admin) revert DeployNeedsAdmin(broadcaster, config.admin);
        if (config.withMockUSDC && block.chainid != ANVIL_CHAIN_ID) {
            revert DeployMockOnPublicChain(block.chainid);
        }
        if (config.withUptoSettler && address(config.uptoProxy).code.length == 0) {
            revert DeployNeedsProxy(address(config.uptoProxy));
        }

        vm.startBroadcast(broadcaster);
        if (config.withMockUSDC) deployed.usdc = new MockUSDC();
        deployed.escrow = address(config.escrow) == address(0) ? _deployEscrow(config) : config.escrow;
        if (config.withSettler) deployed.settler = new BatchSettler();
        if (config.withRelay) deployed.relay = _deployRelay(config, address(deployed.escrow));
        if (config.withForwarder) deployed.forwarder = new ERC2771Forwarder(config.forwarderName);
        if (config.withUptoSettler) deployed.uptoSettler = _deployUptoSettler(config);
        vm.stopBroadcast();
    }

    function _deployEscrow(Config memory config) private returns (PaymentEscrow escrow) {
        escrow = new PaymentEscrow(config.admin, config.treasury, config.gracePeriodSeconds);
        for (uint256 i = 0; i < config.relayers.length; ++i) {
            escrow.grantRole(escrow.RELAYER_ROLE(), config.relayers[i]);
        }
    }

    function _deployRelay(Config memory config, address escrow) private returns (MetaTxRelay relay) {
        address[] memory forbidden = new address[](1);
        forbidden[0] = escrow;
        relay = new MetaTxRelay(config.admin, forbidden);
        for (uint256 i = 0; i < config.relayers.length; ++i) {
            relay.grantRole(relay.RELAYER_ROLE(), config.relayers[i]);
        }
        if (config.feeToken != address(0)) relay.acceptFeeToken(config.feeToken, config.feeTerms);
    }

    function _deployUptoSettler(Config memory config) private returns (UptoSettler settler) {
        settler = new UptoSettler(config.admin, config.uptoProxy);
        for (uint256 i = 0; i < config.relayers.length; ++i) {
            settler.grantRole(settler.RELAYER_ROLE(), config.relayers[i]);
        }
    }

    function _readConfig() private view returns (Config memory config) {
        config.admin = vm.envOr("ADMIN", msg.sender);
        config.escrow = PaymentEscrow(vm.envOr("ESCROW", address(0)));
        config.treasury = vm.envOr("TREASURY", config.admin);
        config.gracePeriodSeconds = vm.envOr("GRACE_PERIOD_SECONDS", uint256(1 days));
        config.relayers = vm.envOr("RELAYERS", ",", new address[](0));
        config.withMockUSDC = vm.envOr("DEPLOY_MOCK_USDC", false);
        config.withSettler = vm.envOr("DEPLOY_SETTLER", false);
        config.withRelay = vm.envOr("DEPLOY_RELAY", false);
        config.feeToken = vm.envOr("FEE_TOKEN", address(0));
        if (config.feeToken != address(0)) config.feeTerms = _readFeeTerms();
        config.withForwarder = vm.envOr("DEPLOY_FORWARDER", false);
        config.forwarderName = vm.envOr("FORWARDER_NAME", string("Ferryman Forwarder"));
        config.withUptoSettler = vm.envOr("DEPLOY_UPTO_SETTLER", false);
        config.uptoProxy = IUptoPermit2Proxy(vm.envOr("UPTO_PROXY", UPTO_PROXY));
    }

    function _readFeeTerms() private view returns (IMetaTxRelay.FeeTerms memory) {
        return IMetaTxRelay.FeeTerms({
            feed: IPriceFeed(vm.envOr("PRICE_FEED", address(0))),
            maxAgeSeconds: SafeCast.toUint32(vm.envOr("PRICE_MAX_AGE_SECONDS", uint256(1 hours))),
            toleranceBps: SafeCast.toUint16(vm.envOr("PRICE_TOLERANCE_BPS", uint256(200))),
            overheadGas: SafeCast.toUint32(vm.envUint("FEE_OVERHEAD_GAS"))
        });
    }
}
