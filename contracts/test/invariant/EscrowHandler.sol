// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {PaymentEscrow} from "../../src/PaymentEscrow.sol";
import {IPaymentEscrow} from "../../src/interfaces/IPaymentEscrow.sol";
import {MockUSDC} from "../../src/mocks/MockUSDC.sol";
import {EscrowTest} from "../EscrowTest.sol";
import {FeeOnTransferToken} from "../mocks/Tokens.sol";

/// @notice Does to an escrow what payers, relayers and thieves would, and keeps its own book of what should come of it.
contract EscrowHandler is EscrowTest {
    /// @dev Few of everything, so that actions meet: on the same funds, the same nonce, the same request.
    uint256 public constant PAYERS = 2;
    uint256 private constant NONCES = 12;

    FeeOnTransferToken private _feeToken;
    address[] public payers;
    address[] public tokens;
    mapping(address account => uint256 key) private _keys;

    struct Signed {
        IPaymentEscrow.Payment payment;
        bytes signature;
    }

    /// @dev Everything that was ever signed, executed or not: to be brought again at any time.
    Signed[] private _signed;

    // The book: what each payer should have locked, and why.
    mapping(address token => mapping(address account => uint256)) public deposited;
    mapping(address token => mapping(address account => uint256)) public paid;
    mapping(address token => mapping(address account => uint256)) public withdrawn;

    mapping(address account => mapping(uint256 nonce => uint256 times)) public executions;
    mapping(address token => mapping(address account => uint256 time)) private _requestedAt;
    mapping(address token => mapping(address account => uint256 amount)) private _requestedAmount;
    mapping(address account => mapping(uint256 nonce => uint256 time)) private _invalidatedAt;

    uint256 public nonceReuses;
    uint256 public lateExecutions;
    uint256 public executionsOfInvalidNonces;
    uint256 public forgeriesAccepted;
    uint256 public earlyClaims;
    uint256 public claimsOverRequest;

    constructor() {
        vm.warp(1_800_000_000);
        usdc = new MockUSDC();
        _feeToken = new FeeOnTransferToken();
        tokens = [address(usdc), address(_feeToken)];
        escrow = newEscrow();
        for (uint256 i = 0; i < PAYERS; ++i) {
            (address account, uint256 key) = makeAddrAndKey(string.concat("payer ", vm.toString(i)));
            payers.push(account);
            _keys[account] = key;
        }
    }

    /// @dev The handler is made once, by its constructor.
    function setUp() public override {}

    // ------------------------------------------------------------------ what payers do

    function deposit(uint256 payerSeed, uint256 tokenSeed, uint256 amount) external {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        amount = bound(amount, 1, 1000e6);
        uint256 held = MockUSDC(token).balanceOf(address(escrow));
        MockUSDC(token).mint(account, amount); // both tokens have this function
        vm.startPrank(account);
        MockUSDC(token).approve(address(escrow), amount);
        escrow.deposit(token, amount);
        vm.stopPrank();

        deposited[token][account] += MockUSDC(token).balanceOf(address(escrow)) - held;
    }

    function requestWithdraw(uint256 payerSeed, uint256 tokenSeed, uint256 amount) external {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        uint256 balance = escrow.balanceOf(token, account);
        if (balance == 0) return;
        // Often all of it, so that a payment then takes from what was requested.
        amount = amount % 2 == 0 ? balance : bound(amount, 1, balance);
        vm.prank(account);
        escrow.requestWithdraw(token, amount);

        (_requestedAt[token][account], _requestedAmount[token][account]) = (block.timestamp, amount);
    }

    function cancelWithdraw(uint256 payerSeed, uint256 tokenSeed) external {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        vm.prank(account);
        try escrow.cancelWithdraw(token) {
            _requestedAt[token][account] = 0;
        } catch (bytes memory reason) {
            assertEq(selectorOf(reason), IPaymentEscrow.WithdrawNotRequested.selector);
            assertEq(_requestedAt[token][account], 0);
        }
    }

    function claim(uint256 payerSeed, uint256 tokenSeed) external {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        (uint256 balance, uint256 requested) =
            (escrow.balanceOf(token, account), _requestedAmount[token][account]);
        uint256 held = MockUSDC(token).balanceOf(address(escrow));
        vm.prank(account);
        try escrow.claim(token) {
            uint256 amount = held - MockUSDC(token).balanceOf(address(escrow));
            withdrawn[token][account] += amount;
            uint256 requestedAt = _requestedAt[token][account];
            if (requestedAt == 0 || block.timestamp < requestedAt + GRACE) ++earlyClaims;
            if (amount != (requested < balance ? requested : balance)) ++claimsOverRequest;
            _requestedAt[token][account] = 0;
        } catch (bytes memory reason) {
            bytes4 expected = _requestedAt[token][account] == 0
                ? IPaymentEscrow.WithdrawNotRequested.selector
                : IPaymentEscrow.WithdrawBeforeGrace.selector;
            assertEq(selectorOf(reason), expected);
        }
    }

    function requestInvalidate(uint256 payerSeed, uint256 nonce) external {
        (address account, uint256 chosen) = (_payer(payerSeed), bound(nonce, 0, NONCES - 1));
        vm.prank(account);
        try escrow.requestInvalidate(chosen) {
            _invalidatedAt[account][chosen] = block.timestamp;
        } catch (bytes memory reason) {
            bytes4 expected = executions[account][chosen] != 0
                ? IPaymentEscrow.PaymentNonceUsed.selector
                : IPaymentEscrow.InvalidationAlreadyRequested.selector;
            assertEq(selectorOf(reason), expected);
        }
    }

    // ------------------------------------------------------------------ what relayers do

    function pay(
        uint256 payerSeed,
        uint256 tokenSeed,
        uint256 amount,
        uint256 fee,
        uint256 nonce,
        uint256 life
    ) external {
        _attempt(_sign(payerSeed, tokenSeed, amount, fee, nonce, life));
    }

    function payAgain(uint256 seed) external {
        if (_signed.length == 0) return;
        _attempt(_signed[seed % _signed.length]);
    }

    function payBatch(uint256 seed, uint256 tokenSeed, uint256 amount, uint256 nonce) external {
        _sign(seed, tokenSeed, amount, amount % 7, nonce, GRACE);
        IPaymentEscrow.Payment[] memory payments = new IPaymentEscrow.Payment[](4);
        bytes[] memory signatures = new bytes[](4);
        for (uint256 i = 0; i < payments.length; ++i) {
            // Old and new, with repetitions, and with one signature under another payment.
            Signed memory chosen = _signed[(seed >> (i * 16)) % _signed.length];
            (payments[i], signatures[i]) = (chosen.payment, chosen.signature);
        }
        signatures[3] = signatures[2];
        uint256[4] memory before = _recipientBalances(payments);

        vm.prank(relayer);
        escrow.executePayments(payments, signatures);

        _bookBatch(payments, before);
    }

    // ------------------------------------------------------------------ what thieves do

    /// @notice Brings a payment that its payer did not sign, or signed for another chain or another escrow.
    function forge(uint256 payerSeed, uint256 tokenSeed, uint256 amount, uint256 nonce, uint256 way)
        external
    {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        uint256 balance = escrow.balanceOf(token, account);
        if (balance == 0) return;
        IPaymentEscrow.Payment memory payment = paymentOf(account, nonce);
        (payment.token, payment.amount, payment.fee) = (token, bound(amount, 1, balance), 0);

        bytes memory signature;
        way = way % 5;
        if (way == 0) signature = sign(_keys[_payer(payerSeed + 1)], payment);
        if (way == 1) {
            signature = sign(_keys[account], digestOf(payment, block.chainid + 1, address(escrow)));
        }
        if (way == 2) signature = sign(_keys[account], digestOf(payment, block.chainid, address(this)));
        if (way == 3) signature = new bytes(65);
        if (way == 4) {
            signature = sign(_keys[account], payment);
            payment.to = stranger;
        }
        vm.prank(relayer);
        try escrow.executePayment(payment, signature) {
            ++forgeriesAccepted;
        } catch {}
    }

    /// @notice Claims what somebody else requested, and takes it for a relayer's.
    function trespass(uint256 tokenSeed, uint256 seed) external {
        vm.startPrank(stranger);
        try escrow.claim(_token(tokenSeed)) {
            ++forgeriesAccepted;
        } catch {}
        if (_signed.length != 0) {
            Signed memory chosen = _signed[seed % _signed.length];
            try escrow.executePayment(chosen.payment, chosen.signature) {
                ++forgeriesAccepted;
            } catch {}
        }
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ time

    /// @dev Often to just before, or just at, the end of a grace period.
    function wait(uint256 duration, uint256 way) external {
        way = way % 4;
        if (way == 0) skip(1);
        if (way == 1) skip(GRACE - 1);
        if (way == 2) skip(bound(duration, 1, GRACE));
        if (way == 3) skip(GRACE / 2);
    }

    // ------------------------------------------------------------------ the book

    function _sign(
        uint256 payerSeed,
        uint256 tokenSeed,
        uint256 amount,
        uint256 fee,
        uint256 nonce,
        uint256 life
    ) private returns (Signed memory signed) {
        (address account, address token) = (_payer(payerSeed), _token(tokenSeed));
        IPaymentEscrow.Payment memory payment = IPaymentEscrow.Payment({
            token: token,
            from: account,
            // A recipient of its own, so that what it received tells what was executed.
            to: address(uint160(0x1000 + _signed.length)),
            // Now and then more than is there.
            amount: bound(amount, 1, escrow.balanceOf(token, account) + 10),
            fee: bound(fee, 0, 1e6),
            nonce: bound(nonce, 0, NONCES - 1),
            deadline: block.timestamp + bound(life, 0, 2 * GRACE)
        });
        signed = Signed({payment: payment, signature: sign(_keys[account], payment)});
        _signed.push(signed);
    }

    /// @dev The book alone tells whether the payment must go through.
    function _attempt(Signed memory chosen) private {
        IPaymentEscrow.Payment memory payment = chosen.payment;
        bool isGood = executions[payment.from][payment.nonce] == 0 && block.timestamp <= payment.deadline
            && !_isInvalid(payment.from, payment.nonce)
            && _locked(payment.token, payment.from) >= payment.amount + payment.fee;

        vm.prank(relayer);
        try escrow.executePayment(payment, chosen.signature) {
            _book(payment);
        } catch {
            assertFalse(isGood, "a good payment was refused");
        }
    }

    function _book(IPaymentEscrow.Payment memory payment) private {
        paid[payment.token][payment.from] += payment.amount + payment.fee;
        if (++executions[payment.from][payment.nonce] > 1) ++nonceReuses;
        if (block.timestamp > payment.deadline) ++lateExecutions;
        if (_isInvalid(payment.from, payment.nonce)) ++executionsOfInvalidNonces;
    }

    function _isInvalid(address account, uint256 nonce) private view returns (bool) {
        uint256 invalidatedAt = _invalidatedAt[account][nonce];
        return invalidatedAt != 0 && block.timestamp >= invalidatedAt + GRACE;
    }

    function _locked(address token, address account) private view returns (uint256) {
        return deposited[token][account] - paid[token][account] - withdrawn[token][account];
    }

    function _recipientBalances(IPaymentEscrow.Payment[] memory payments)
        private
        view
        returns (uint256[4] memory balances)
    {
        for (uint256 i = 0; i < payments.length; ++i) {
            balances[i] = MockUSDC(payments[i].token).balanceOf(payments[i].to);
        }
    }

    /// @dev Books a payment once if its recipient received anything: executing it twice would show in the balances.
    function _bookBatch(IPaymentEscrow.Payment[] memory payments, uint256[4] memory before) private {
        uint256[4] memory afterwards = _recipientBalances(payments);
        for (uint256 i = 0; i < payments.length; ++i) {
            bool isRepetition = false;
            for (uint256 j = 0; j < i; ++j) {
                if (payments[j].to == payments[i].to) isRepetition = true;
            }
            if (isRepetition || afterwards[i] == before[i]) continue;
            _book(payments[i]);
            if (i == 3) ++forgeriesAccepted; // it came under the signature of another
        }
    }

    function _payer(uint256 seed) private view returns (address) {
        return payers[seed % PAYERS];
    }

    function _token(uint256 seed) private view returns (address) {
        return tokens[seed % 2];
    }

    function escrowUnderTest() external view returns (PaymentEscrow) {
        return escrow;
    }
}
