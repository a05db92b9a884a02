// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PaymentEscrow} from "../src/PaymentEscrow.sol";
import {IPaymentEscrow} from "../src/interfaces/IPaymentEscrow.sol";
import {MockUSDC} from "../src/mocks/MockUSDC.sol";
import {Test} from "forge-std/Test.sol";

/// @notice An escrow with a relayer, a payer who has locked funds, and what it takes to sign for it.
abstract contract EscrowTest is Test {
    uint256 internal constant GRACE = 1 days;
    uint256 internal constant LOCKED = 1000e6;

    PaymentEscrow internal escrow;
    MockUSDC internal usdc;

    address internal admin = makeAddr("admin");
    address internal treasury = makeAddr("treasury");
    address internal relayer = makeAddr("relayer");
    address internal recipient = makeAddr("recipient");
    address internal stranger = makeAddr("stranger");
    address internal payer;
    uint256 internal payerKey;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        (payer, payerKey) = makeAddrAndKey("payer");
        usdc = new MockUSDC();
        escrow = newEscrow();
        lock(payer, LOCKED);
    }

    function newEscrow() internal returns (PaymentEscrow created) {
        created = new PaymentEscrow(admin, treasury, GRACE);
        bytes32 role = created.RELAYER_ROLE();
        vm.prank(admin);
        created.grantRole(role, relayer);
    }

    /// @notice Gives `account` the tokens and locks them.
    function lock(address account, uint256 amount) internal {
        usdc.mint(account, amount);
        vm.startPrank(account);
        usdc.approve(address(escrow), amount);
        escrow.deposit(address(usdc), amount);
        vm.stopPrank();
    }

    /// @notice A payment of 10 USDC with a fee of 0.1 USDC, valid for an hour.
    function paymentOf(address from, uint256 nonce) internal view returns (IPaymentEscrow.Payment memory) {
        return IPaymentEscrow.Payment({
            token: address(usdc),
            from: from,
            to: recipient,
            amount: 10e6,
            fee: 0.1e6,
            nonce: nonce,
            deadline: block.timestamp + 1 hours
        });
    }

    /// @notice The digest, computed from the EIP-712 text alone: the oracle for the escrow's own.
    function digestOf(IPaymentEscrow.Payment memory payment, uint256 chainId, address verifyingContract)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("AION PaymentEscrow"),
                keccak256("1"),
                chainId,
                verifyingContract
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Payment(address token,address from,address to,uint256 amount,uint256 fee,uint256 nonce,uint256 deadline)"
                ),
                payment.token,
                payment.from,
                payment.to,
                payment.amount,
                payment.fee,
                payment.nonce,
                payment.deadline
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function sign(uint256 key, IPaymentEscrow.Payment memory payment) internal view returns (bytes memory) {
        return sign(key, digestOf(payment, block.chainid, address(escrow)));
    }

    function execute(IPaymentEscrow.Payment memory payment, bytes memory signature) internal {
        vm.prank(relayer);
        escrow.executePayment(payment, signature);
    }

    /// @notice The error that `returned` encodes.
    function selectorOf(bytes memory returned) internal pure returns (bytes4) {
        // forge-lint: disable-next-line(unsafe-typecast)
        return bytes4(returned);
    }
}
