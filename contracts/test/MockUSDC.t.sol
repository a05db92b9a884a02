// SPDX-License-Identifier: MIT
pragma solidity ^0.8.26;

import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {OwnedWallet} from "./mocks/Wallets.sol";
import {IERC3009, IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Test} from "forge-std/Test.sol";

contract MockUSDCTest is Test {
    uint256 private constant VALUE = 25e6;
    bytes32 private constant NONCE = keccak256("nonce");

    MockUSDC private _usdc = new MockUSDC();
    address private _holder;
    uint256 private _holderKey;
    address private _payee = makeAddr("payee");
    address private _stranger = makeAddr("stranger");
    uint256 private _validAfter;
    uint256 private _validBefore;

    function setUp() public {
        vm.warp(1_800_000_000);
        (_holder, _holderKey) = makeAddrAndKey("holder");
        _validAfter = block.timestamp - 1;
        _validBefore = block.timestamp + 1;
        _usdc.mint(_holder, VALUE);
    }

    function test_token_describesItselfAsUsdcDoes() public view {
        assertEq(_usdc.name(), "USDC");
        assertEq(_usdc.symbol(), "USDC");
        assertEq(_usdc.decimals(), 6);
        assertEq(_usdc.version(), "2");
        assertEq(
            _usdc.DOMAIN_SEPARATOR(),
            keccak256(
                abi.encode(
                    keccak256(
                        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                    ),
                    keccak256("USDC"),
                    keccak256("2"),
                    block.chainid,
                    address(_usdc)
                )
            )
        );
    }

    function test_mint_isOpenToAll() public {
        vm.prank(_stranger);
        _usdc.mint(_stranger, 1);

        assertEq(_usdc.balanceOf(_stranger), 1);
    }

    // ------------------------------------------------------------------ transferWithAuthorization

    function test_transferWithAuthorization_transfersForWhoeverBringsIt() public {
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(_holderKey, _transferMessage(_holder)));

        vm.expectEmit(address(_usdc));
        emit IERC3009.AuthorizationUsed(_holder, NONCE);
        vm.prank(_stranger);
        _usdc.transferWithAuthorization(_holder, _payee, VALUE, _validAfter, _validBefore, NONCE, v, r, s);

        assertEq(_usdc.balanceOf(_payee), VALUE);
        assertTrue(_usdc.authorizationState(_holder, NONCE));
    }

    function test_transferWithAuthorization_takesBytes() public {
        _transfer(_holder, _sign(_holderKey, _transferMessage(_holder)));

        assertEq(_usdc.balanceOf(_payee), VALUE);
    }

    function test_transferWithAuthorization_takesContractWallets() public {
        OwnedWallet wallet = new OwnedWallet(_holder);
        _usdc.mint(address(wallet), VALUE);
        _transfer(address(wallet), _sign(_holderKey, _transferMessage(address(wallet))));

        assertEq(_usdc.balanceOf(address(wallet)), 0);
    }

    function test_transferWithAuthorization_takesContractWalletsAsVrsToo() public {
        OwnedWallet wallet = new OwnedWallet(_holder);
        _usdc.mint(address(wallet), VALUE);
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(_holderKey, _transferMessage(address(wallet))));
        _usdc.transferWithAuthorization(
            address(wallet), _payee, VALUE, _validAfter, _validBefore, NONCE, v, r, s
        );

        assertEq(_usdc.balanceOf(_payee), VALUE);
    }

    function test_transferWithAuthorization_asksTheCodeOfADelegatedAccountOnly() public {
        OwnedWallet refusing = new OwnedWallet(_stranger);
        vm.etch(_holder, abi.encodePacked(hex"ef0100", address(refusing)));
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_revertsTheSecondTime() public {
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));
        _transfer(_holder, signature);
        _usdc.mint(_holder, VALUE);

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, _holder, NONCE));
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_revertsUntilValidAfterHasPassed() public {
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));

        vm.warp(_validAfter);
        _expectInvalidTime();
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_revertsFromValidBeforeOn() public {
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));

        vm.warp(_validBefore);
        _expectInvalidTime();
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_readsLargeTimesAsSeconds() public {
        // OpenZeppelin's own would read these as block numbers, and accept.
        (_validAfter, _validBefore) = (1 << 47, (1 << 47) | (1 << 46));
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));

        _expectInvalidTime();
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_revertsForAnotherSigner() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        bytes memory signature = _sign(strangerKey, _transferMessage(_holder));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _transfer(_holder, signature);
    }

    function test_transferWithAuthorization_revertsForAReceiveAuthorization() public {
        bytes memory signature = _sign(_holderKey, _receiveMessage(_holder));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _transfer(_holder, signature);
    }

    // ------------------------------------------------------------------ receiveWithAuthorization

    function test_receiveWithAuthorization_transfersForThePayee() public {
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(_holderKey, _receiveMessage(_holder)));

        vm.prank(_payee);
        _usdc.receiveWithAuthorization(_holder, _payee, VALUE, _validAfter, _validBefore, NONCE, v, r, s);

        assertEq(_usdc.balanceOf(_payee), VALUE);
    }

    function test_receiveWithAuthorization_takesBytes() public {
        _receive(_payee, _sign(_holderKey, _receiveMessage(_holder)));

        assertEq(_usdc.balanceOf(_payee), VALUE);
    }

    function test_receiveWithAuthorization_revertsForAnyoneElse() public {
        bytes memory signature = _sign(_holderKey, _receiveMessage(_holder));
        (uint8 v, bytes32 r, bytes32 s) = _split(signature);

        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, _payee));
        _receive(_stranger, signature);

        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, _payee));
        vm.prank(_stranger);
        _usdc.receiveWithAuthorization(_holder, _payee, VALUE, _validAfter, _validBefore, NONCE, v, r, s);
    }

    function test_receiveWithAuthorization_revertsForATransferAuthorization() public {
        bytes memory signature = _sign(_holderKey, _transferMessage(_holder));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _receive(_payee, signature);
    }

    // ------------------------------------------------------------------ cancelAuthorization

    function test_cancelAuthorization_voidsTheAuthorization() public {
        bytes memory authorization = _sign(_holderKey, _transferMessage(_holder));
        (uint8 v, bytes32 r, bytes32 s) = _split(_sign(_holderKey, _cancelMessage()));

        vm.expectEmit(address(_usdc));
        emit IERC3009Cancel.AuthorizationCanceled(_holder, NONCE);
        _usdc.cancelAuthorization(_holder, NONCE, v, r, s);

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, _holder, NONCE));
        _transfer(_holder, authorization);
    }

    function test_cancelAuthorization_takesBytes() public {
        _usdc.cancelAuthorization(_holder, NONCE, _sign(_holderKey, _cancelMessage()));

        assertTrue(_usdc.authorizationState(_holder, NONCE));
    }

    function test_cancelAuthorization_revertsForAnotherSigner() public {
        (, uint256 strangerKey) = makeAddrAndKey("stranger");
        bytes memory signature = _sign(strangerKey, _cancelMessage());

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        _usdc.cancelAuthorization(_holder, NONCE, signature);
    }

    function test_cancelAuthorization_revertsAfterUse() public {
        _transfer(_holder, _sign(_holderKey, _transferMessage(_holder)));
        bytes memory signature = _sign(_holderKey, _cancelMessage());

        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, _holder, NONCE));
        _usdc.cancelAuthorization(_holder, NONCE, signature);
    }

    // ------------------------------------------------------------------ messages

    function _transfer(address from, bytes memory signature) private {
        _usdc.transferWithAuthorization(from, _payee, VALUE, _validAfter, _validBefore, NONCE, signature);
    }

    function _receive(address caller, bytes memory signature) private {
        vm.prank(caller);
        _usdc.receiveWithAuthorization(_holder, _payee, VALUE, _validAfter, _validBefore, NONCE, signature);
    }

    function _expectInvalidTime() private {
        vm.expectRevert(
            abi.encodeWithSelector(
                ERC3009.ERC3009InvalidAuthorizationTime.selector, _validAfter, _validBefore
            )
        );
    }

    function _transferMessage(address from) private view returns (bytes32) {
        return _authorization(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            from
        );
    }

    function _receiveMessage(address from) private view returns (bytes32) {
        return _authorization(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
            from
        );
    }

    function _cancelMessage() private view returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("CancelAuthorization(address authorizer,bytes32 nonce)"), _holder, NONCE)
        );
    }

    function _authorization(string memory type_, address from) private view returns (bytes32) {
        return
            keccak256(
                abi.encode(keccak256(bytes(type_)), from, _payee, VALUE, _validAfter, _validBefore, NONCE)
            );
    }

    function _sign(uint256 key, bytes32 message) private view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _usdc.DOMAIN_SEPARATOR(), message));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _split(bytes memory signature) private pure returns (uint8 v, bytes32 r, bytes32 s) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }
}
