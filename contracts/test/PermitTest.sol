// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ISignatureTransfer} from "../src/interfaces/ISignatureTransfer.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";

/// @notice The real Permit2, its bytecode as npm ships it, at its own address; a payer who has approved it; and what
///         it takes to sign for it.
abstract contract PermitTest is AuthorizationTest {
    ISignatureTransfer internal constant PERMIT2 =
        ISignatureTransfer(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    uint256 internal constant AMOUNT = 10_000;
    uint256 internal constant FUNDS = 1e6;
    uint256 internal constant NONCE = uint256(keccak256("permit"));
    string private constant MESSAGE =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)TokenPermissions(address token,uint256 amount)";
    bytes32 private constant PERMISSIONS_TYPEHASH =
        keccak256("TokenPermissions(address token,uint256 amount)");

    address internal seller = makeAddr("seller");
    address internal payer;
    uint256 internal payerKey;

    error InvalidNonce();
    error InvalidSigner();
    error SignatureExpired(uint256 signatureDeadline);

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        bytes memory creation = vm.parseJsonBytes(vm.readFile("../local/artifacts/Permit2.json"), ".bytecode");
        address deployed;
        assembly ("memory-safe") {
            deployed := create(0, add(creation, 0x20), mload(creation))
        }
        vm.etch(address(PERMIT2), deployed.code);
        usdc = new MockUSDC();
        (payer, payerKey) = makeAddrAndKey("payer");
        usdc.mint(payer, FUNDS);
        vm.prank(payer);
        usdc.approve(address(PERMIT2), type(uint256).max);
    }

    function permitOf(address token) internal view returns (ISignatureTransfer.PermitTransferFrom memory) {
        return ISignatureTransfer.PermitTransferFrom({
            permitted: ISignatureTransfer.TokenPermissions(token, AMOUNT),
            nonce: NONCE,
            deadline: block.timestamp + 1 hours
        });
    }

    /// @param witnessType EIP-712 type of the spender's witness.
    /// @param witness its members, encoded.
    function signPermit(
        ISignatureTransfer.PermitTransferFrom memory permit,
        address spender,
        string memory witnessType,
        bytes memory witness
    ) internal view returns (bytes memory) {
        bytes32 message = keccak256(
            abi.encode(
                keccak256(bytes(string.concat(MESSAGE, witnessType))),
                keccak256(abi.encode(PERMISSIONS_TYPEHASH, permit.permitted.token, permit.permitted.amount)),
                spender,
                permit.nonce,
                permit.deadline,
                keccak256(bytes.concat(keccak256(bytes(witnessType)), witness))
            )
        );
        return sign(payerKey, keccak256(abi.encodePacked(hex"1901", PERMIT2.DOMAIN_SEPARATOR(), message)));
    }
}
