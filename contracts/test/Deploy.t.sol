// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Deploy} from "../script/Deploy.s.sol";
import {MetaTxRelay} from "../src/MetaTxRelay.sol";
import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {UptoSettler} from "../src/UptoSettler.sol";
import {IMetaTxRelay} from "../src/interfaces/IMetaTxRelay.sol";
import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {IUptoPermit2Proxy} from "../src/interfaces/IUptoPermit2Proxy.sol";
import {MockPriceFeed} from "../src/mocks/MockPriceFeed.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {UptoPermit2Proxy} from "../src/mocks/UptoPermit2Proxy.sol";
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
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
        Deploy.Deployed memory deployed = _script.deploy(_config(), _admin);

        PaymentEscrow escrow = deployed.escrow;
        assertEq(escrow.defaultAdmin(), _admin);
        assertEq(escrow.treasury(), _treasury);
        assertEq(escrow.gracePeriod(), 1 hours);
        assertTrue(escrow.hasRole(escrow.RELAYER_ROLE(), _relayer));
        assertTrue(escrow.hasRole(escrow.RELAYER_ROLE(), _treasury));
        assertFalse(escrow.hasRole(escrow.RELAYER_ROLE(), _admin));
        assertEq(address(deployed.usdc), address(0));
        assertEq(address(deployed.settler), address(0));
        assertEq(address(deployed.relay), address(0));
        assertEq(address(deployed.forwarder), address(0));
        assertEq(address(deployed.uptoSettler), address(0));
    }

    function test_deploy_bringsAMockTokenWhenAsked() public {
        Deploy.Config memory config = _config();
        config.withMockUSDC = true;

        assertEq(_script.deploy(config, _admin).usdc.decimals(), 6);
    }

    function test_deploy_revertsForRelayersThatItCouldNotAppoint() public {
        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployNeedsAdmin.selector, _treasury, _admin));
        _script.deploy(_config(), _treasury);
    }

    function test_deploy_leavesRelayersToAnotherAdmin() public {
        Deploy.Config memory config = _config();
        config.relayers = new address[](0);

        assertEq(_script.deploy(config, _treasury).escrow.defaultAdmin(), _admin);
    }

    function test_deploy_bringsWhatSettlesInBatchesWhenAsked() public {
        Deploy.Config memory config = _config();
        config.withSettler = true;

        assertEq(_script.deploy(config, _admin).settler.REASON_LIMIT(), 256);
    }

    function test_deploy_bringsARelayThatIsReadyWhenAsked() public {
        Deploy.Config memory config = _config();
        MockUSDC token = new MockUSDC();
        config.withRelay = true;
        config.feeToken = address(token);
        config.feeTerms = IMetaTxRelay.FeeTerms(new MockPriceFeed(8, 1), 60, 100, 7);
        Deploy.Deployed memory deployed = _script.deploy(config, _admin);

        MetaTxRelay relay = deployed.relay;
        assertEq(relay.defaultAdmin(), _admin);
        assertTrue(relay.hasRole(relay.RELAYER_ROLE(), _relayer));
        assertTrue(relay.isTargetForbidden(address(deployed.escrow)));
        (bool accepted, IMetaTxRelay.FeeTerms memory terms) = relay.feeTerms(address(token));
        assertTrue(accepted);
        assertEq(abi.encode(terms), abi.encode(config.feeTerms));
    }

    function test_deploy_leavesAnEscrowThatIsThereAsItIs() public {
        Deploy.Config memory config = _config();
        config.relayers = new address[](0);
        config.escrow = _script.deploy(config, _admin).escrow;
        config.withRelay = true;
        Deploy.Deployed memory deployed = _script.deploy(config, _admin);

        assertEq(address(deployed.escrow), address(config.escrow));
        assertTrue(deployed.relay.isTargetForbidden(address(config.escrow)));
    }

    function test_deploy_revertsForAFeeTokenThatItCouldNotAccept() public {
        Deploy.Config memory config = _config();
        config.relayers = new address[](0);
        config.withRelay = true;
        config.feeToken = _relayer;

        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployNeedsAdmin.selector, _treasury, _admin));
        _script.deploy(config, _treasury);
    }

    function test_deploy_bringsAForwarderWhenAsked() public {
        Deploy.Config memory config = _config();
        config.withForwarder = true;
        config.forwarderName = "Ferryman Forwarder";
        ERC2771Forwarder forwarder = _script.deploy(config, _admin).forwarder;

        (, string memory name, string memory version,,,,) = forwarder.eip712Domain();
        assertEq(name, "Ferryman Forwarder");
        assertEq(version, "1");
    }

    function test_deploy_bringsAFacilitatorForRelayersWhenAsked() public {
        Deploy.Config memory config = _config();
        config.withUptoSettler = true;
        config.uptoProxy = new UptoPermit2Proxy(ISignatureTransfer(_relayer));
        UptoSettler settler = _script.deploy(config, _admin).uptoSettler;

        assertEq(settler.defaultAdmin(), _admin);
        assertEq(address(settler.PROXY()), address(config.uptoProxy));
        assertTrue(settler.hasRole(settler.RELAYER_ROLE(), _relayer));
        assertFalse(settler.hasRole(settler.RELAYER_ROLE(), _admin));
    }

    function test_deploy_revertsForAFacilitatorWithoutItsProxy() public {
        Deploy.Config memory config = _config();
        config.withUptoSettler = true;
        config.uptoProxy = IUptoPermit2Proxy(_treasury);

        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployNeedsProxy.selector, _treasury));
        _script.deploy(config, _admin);
    }

    function test_deploy_revertsWithAMockTokenOnAPublicChain() public {
        Deploy.Config memory config = _config();
        config.withMockUSDC = true;
        vm.chainId(8453);

        vm.expectRevert(abi.encodeWithSelector(Deploy.DeployMockOnPublicChain.selector, 8453));
        _script.deploy(config, _admin);
    }
}
