// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MetaTxRelay} from "../src/MetaTxRelay.sol";
import {IMetaTxRelay} from "../src/interfaces/IMetaTxRelay.sol";
import {IPriceFeed} from "../src/interfaces/IPriceFeed.sol";
import {Guestbook} from "../src/mocks/Guestbook.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";

/// @notice A relay with a relayer, a target, a user with tokens, and what it takes to sign for it.
abstract contract RelayTest is AuthorizationTest {
    uint256 internal constant FUNDS = 1000e6;
    uint256 internal constant MAX_FEE = 5e6;
    uint256 internal constant GAS_LIMIT = 200_000;
    uint256 internal constant GAS_PRICE = 5 gwei;
    /// @dev What MockUSDC takes, and a little more.
    uint32 internal constant OVERHEAD_GAS = 17_000;
    /// @dev A coin at 2,500 USDC.
    uint256 internal constant PRICE = 2500e6;

    MetaTxRelay internal relay;
    Guestbook internal guestbook;

    address internal admin = makeAddr("admin");
    address internal relayer = makeAddr("relayer");
    address internal escrow = makeAddr("escrow");
    address internal stranger = makeAddr("stranger");
    address internal user;
    uint256 internal userKey;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.txGasPrice(GAS_PRICE);
        (user, userKey) = makeAddrAndKey("user");
        usdc = new MockUSDC();
        usdc.mint(user, FUNDS);
        relay = newRelay();
        guestbook = new Guestbook(address(relay), address(0));
        allow(address(guestbook), Guestbook.sign.selector);
        allow(address(guestbook), Guestbook.deface.selector);
    }

    function newRelay() internal returns (MetaTxRelay created) {
        address[] memory forbidden = new address[](1);
        forbidden[0] = escrow;
        created = new MetaTxRelay(admin, forbidden);
        vm.startPrank(admin);
        created.grantRole(created.RELAYER_ROLE(), relayer);
        created.acceptFeeToken(address(usdc), terms());
        vm.stopPrank();
    }

    function terms() internal pure returns (IMetaTxRelay.FeeTerms memory) {
        return IMetaTxRelay.FeeTerms({
            feed: IPriceFeed(address(0)), maxAgeSeconds: 0, toleranceBps: 0, overheadGas: OVERHEAD_GAS
        });
    }

    function allow(address target, bytes4 selector) internal {
        vm.prank(admin);
        relay.setTargetAllowed(target, selector, true);
    }

    /// @notice A request to sign the guestbook, for 5 USDC at most, valid for an hour.
    function requestOf(address from, uint256 nonce)
        internal
        view
        returns (IMetaTxRelay.MetaTransaction memory)
    {
        return IMetaTxRelay.MetaTransaction({
            user: from,
            target: address(guestbook),
            data: abi.encodeCall(Guestbook.sign, ("hello")),
            gasLevel: "normal",
            gasLimit: GAS_LIMIT,
            maxFee: MAX_FEE,
            nonce: nonce,
            deadline: block.timestamp + 1 hours
        });
    }

    /// @notice hashStruct, computed from the EIP-712 text alone: the oracle for the relay's own.
    function hashOf(IMetaTxRelay.MetaTransaction memory request) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "MetaTransaction(address user,address target,bytes data,string gasLevel,uint256 gasLimit,uint256 maxFee,uint256 nonce,uint256 deadline)"
                ),
                request.user,
                request.target,
                keccak256(request.data),
                keccak256(bytes(request.gasLevel)),
                request.gasLimit,
                request.maxFee,
                request.nonce,
                request.deadline
            )
        );
    }

    function digestOf(IMetaTxRelay.MetaTransaction memory request, uint256 chainId, address verifyingContract)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("CroGas"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, hashOf(request)));
    }

    function sign(uint256 key, IMetaTxRelay.MetaTransaction memory request)
        internal
        view
        returns (bytes memory)
    {
        return sign(key, digestOf(request, block.chainid, address(relay)));
    }

    /// @notice The authorization that pays for `request`.
    function feeFor(uint256 key, IMetaTxRelay.MetaTransaction memory request)
        internal
        view
        returns (IMetaTxRelay.Authorization memory)
    {
        return IMetaTxRelay.Authorization({
            token: address(usdc),
            validAfter: 0,
            validBefore: type(uint256).max,
            signature: signReceive(key, request.user, address(relay), request.maxFee, hashOf(request))
        });
    }

    function execute(
        IMetaTxRelay.MetaTransaction memory request,
        bytes memory signature,
        IMetaTxRelay.Authorization memory feeAuth
    ) internal returns (bool success, uint256 fee) {
        vm.prank(relayer);
        return relay.executeMetaTx(request, signature, feeAuth, PRICE);
    }

    /// @notice Signs `request` and its fee with `key`, and has it executed.
    function execute(uint256 key, IMetaTxRelay.MetaTransaction memory request)
        internal
        returns (bool success, uint256 fee)
    {
        bytes memory signature = sign(key, request);
        return execute(request, signature, feeFor(key, request));
    }

    /// @notice Signs `request` and its fee with the user's key, and expects `reason`.
    function expectRefusal(IMetaTxRelay.MetaTransaction memory request, bytes memory reason) internal {
        bytes memory signature = sign(userKey, request);
        expectRefusal(request, signature, feeFor(userKey, request), reason);
    }

    function expectRefusal(
        IMetaTxRelay.MetaTransaction memory request,
        bytes memory signature,
        IMetaTxRelay.Authorization memory feeAuth,
        bytes memory reason
    ) internal {
        uint256 balance = usdc.balanceOf(request.user);

        vm.expectRevert(reason);
        execute(request, signature, feeAuth);

        assertEq(usdc.balanceOf(request.user), balance);
    }
}
