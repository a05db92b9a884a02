// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Guestbook} from "../src/mocks/Guestbook.sol";
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
import {Test} from "forge-std/Test.sol";

/// @notice The local chain's target, and OpenZeppelin's forwarder in front of it.
contract GuestbookTest is Test {
    ERC2771Forwarder private _forwarder = new ERC2771Forwarder("Ferryman Forwarder");
    address private _relay = makeAddr("relay");
    Guestbook private _guestbook = new Guestbook(_relay, address(_forwarder));
    address private _guest;
    uint256 private _guestKey;

    function setUp() public {
        (_guest, _guestKey) = makeAddrAndKey("guest");
    }

    function test_sign_countsWhoCalls() public {
        vm.prank(_guest);
        _guestbook.sign("hello");

        assertEq(_guestbook.signaturesOf(_guest), 1);
    }

    function test_sign_countsWhoSignedForTheForwarder() public {
        vm.prank(makeAddr("relayer"));
        _forwarder.execute(_requestOf(_guestKey));

        assertEq(_guestbook.signaturesOf(_guest), 1);
        assertEq(_forwarder.nonces(_guest), 1);
    }

    function test_sign_countsWhoTheRelayAppended() public {
        vm.prank(_relay);
        (bool success,) =
            address(_guestbook).call(abi.encodePacked(abi.encodeCall(Guestbook.sign, ("hello")), _guest));

        assertTrue(success);
        assertEq(_guestbook.signaturesOf(_guest), 1);
    }

    function test_sign_ignoresWhatAStrangerAppends() public {
        address stranger = makeAddr("stranger");
        vm.prank(stranger);
        (bool success,) =
            address(_guestbook).call(abi.encodePacked(abi.encodeCall(Guestbook.sign, ("hello")), _guest));

        assertTrue(success);
        assertEq(_guestbook.signaturesOf(_guest), 0);
        assertEq(_guestbook.signaturesOf(stranger), 1);
    }

    function test_execute_revertsForAnotherSigner() public {
        (address stranger, uint256 strangerKey) = makeAddrAndKey("stranger");
        ERC2771Forwarder.ForwardRequestData memory request = _requestOf(strangerKey);

        vm.expectRevert(
            abi.encodeWithSelector(ERC2771Forwarder.ERC2771ForwarderInvalidSigner.selector, stranger, _guest)
        );
        _forwarder.execute(request);
    }

    function _requestOf(uint256 key)
        private
        view
        returns (ERC2771Forwarder.ForwardRequestData memory request)
    {
        request =
            ERC2771Forwarder.ForwardRequestData({
                from: _guest,
                to: address(_guestbook),
                value: 0,
                gas: 100_000,
                deadline: uint48(block.timestamp + 1 hours),
                data: abi.encodeCall(Guestbook.sign, ("hello")),
                signature: ""
            });
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "ForwardRequest(address from,address to,uint256 value,uint256 gas,uint256 nonce,uint48 deadline,bytes data)"
                ),
                request.from,
                request.to,
                request.value,
                request.gas,
                _forwarder.nonces(_guest),
                request.deadline,
                keccak256(request.data)
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked(hex"1901", _domain(), message)));
        request.signature = abi.encodePacked(r, s, v);
    }

    function _domain() private view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Ferryman Forwarder"),
                keccak256("1"),
                block.chainid,
                address(_forwarder)
            )
        );
    }
}
