// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MetaTxRelay} from "../../src/MetaTxRelay.sol";
import {IMetaTxRelay} from "../../src/interfaces/IMetaTxRelay.sol";
import {Guestbook} from "../../src/mocks/Guestbook.sol";
import {MockUSDC} from "../../src/mocks/MockUSDC.sol";
import {RelayTest} from "../RelayTest.sol";
import {ObedientTarget} from "../mocks/Targets.sol";

/// @notice Does to a relay what users, relayers, targets and thieves would, and keeps its own book of what should come
///         of it.
contract RelayHandler is RelayTest {
    /// @dev Few of everything, so that actions meet: on the same funds, the same nonce, the same request.
    uint256 public constant USERS = 2;
    uint256 public constant NONCES = 8;

    struct Signed {
        IMetaTxRelay.MetaTransaction request;
        bytes signature;
        IMetaTxRelay.Authorization feeAuth;
    }

    address[] public users;
    mapping(address account => uint256 key) private _keys;
    ObedientTarget private _target;

    /// @dev Everything that was ever signed, executed or not: to be brought again at any time.
    Signed[] private _signed;

    // The book.
    mapping(address account => uint256) public minted;
    mapping(address account => uint256) public feesPaid;
    mapping(address account => uint256) public executions;
    mapping(address account => mapping(uint256 nonce => uint256 times)) public timesExecuted;
    uint256 public collected;
    uint256 public withdrawn;
    uint256 public feesOverMaximum;
    uint256 public lateExecutions;
    uint256 public forgeriesAccepted;
    uint256 public unpaidExecutions;

    constructor() {
        vm.warp(1_800_000_000);
        usdc = new MockUSDC();
        relay = newRelay();
        guestbook = new Guestbook(address(relay), address(0));
        _target = new ObedientTarget();
        allow(address(guestbook), Guestbook.sign.selector);
        allow(address(guestbook), Guestbook.deface.selector);
        allow(address(_target), ObedientTarget.burnGas.selector);
        allow(address(_target), ObedientTarget.failAtLength.selector);
        allow(address(_target), ObedientTarget.callOut.selector);
        vm.startPrank(admin);
        // A target that has got hold of every role can do no more than any other.
        relay.grantRole(relay.RELAYER_ROLE(), address(_target));
        relay.grantRole(relay.COLLECTOR_ROLE(), address(_target));
        vm.stopPrank();
        for (uint256 i = 0; i < USERS; ++i) {
            (address account, uint256 key) = makeAddrAndKey(string.concat("user ", vm.toString(i)));
            users.push(account);
            _keys[account] = key;
        }
    }

    /// @dev The handler is made once, by its constructor.
    function setUp() public override {}

    function relayUnderTest() external view returns (MetaTxRelay) {
        return relay;
    }

    function tokenUnderTest() external view returns (MockUSDC) {
        return usdc;
    }

    // ------------------------------------------------------------------ what users do

    function fund(uint256 userSeed, uint256 amount) external {
        address account = _user(userSeed);
        amount = bound(amount, 1, 20e6);
        usdc.mint(account, amount);
        minted[account] += amount;
    }

    /// @dev A request that was signed is called off; one that was carried out cannot be.
    function callOff(uint256 seed) external {
        if (_signed.length == 0) return;
        IMetaTxRelay.MetaTransaction memory request = _signed[seed % _signed.length].request;
        bytes32 typehash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        bytes32 message = keccak256(abi.encode(typehash, request.user, hashOf(request)));
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", usdc.DOMAIN_SEPARATOR(), message));
        try usdc.cancelAuthorization(request.user, hashOf(request), sign(_keys[request.user], digest)) {}
            catch {}
    }

    // ------------------------------------------------------------------ what relayers do

    function relayNew(
        uint256 userSeed,
        uint256 nonce,
        uint256 maxFee,
        uint256 life,
        uint256 way,
        uint256 price
    ) external {
        address account = _user(userSeed);
        IMetaTxRelay.MetaTransaction memory request = requestOf(account, bound(nonce, 0, NONCES - 1));
        // Now and then more than is there.
        request.maxFee = bound(maxFee, 0, usdc.balanceOf(account) + 10);
        request.deadline = block.timestamp + bound(life, 0, 2 hours);
        (request.target, request.data) = _callFor(way);
        _attempt(_sign(account, request), price);
    }

    function relayAgain(uint256 seed, uint256 price) external {
        if (_signed.length == 0) return;
        _attempt(_signed[seed % _signed.length], price);
    }

    function collect(uint256 amount) external {
        uint256 held = usdc.balanceOf(address(relay));
        if (held == 0) return;
        amount = bound(amount, 1, held);
        vm.prank(admin);
        relay.withdrawFees(address(usdc), stranger, amount);

        withdrawn += amount;
    }

    // ------------------------------------------------------------------ what thieves do

    /// @notice Brings a request, or a fee, that its user did not sign.
    function forge(uint256 userSeed, uint256 nonce, uint256 way) external {
        address account = _user(userSeed);
        if (usdc.balanceOf(account) == 0) return;
        IMetaTxRelay.MetaTransaction memory request = requestOf(account, nonce);
        request.maxFee = usdc.balanceOf(account);
        Signed memory forged = Signed({
            request: request,
            signature: sign(_keys[account], request),
            feeAuth: feeFor(_keys[account], request)
        });

        way = way % 5;
        uint256 otherKey = _keys[_user(userSeed ^ 1)];
        if (way == 0) forged.signature = sign(otherKey, request);
        if (way == 1) forged.feeAuth = feeFor(otherKey, request);
        if (way == 2) {
            forged.signature = sign(_keys[account], digestOf(request, block.chainid + 1, address(relay)));
        }
        if (way == 3) forged.request.gasLimit += 1;
        if (way == 4) {
            // The fee of another request: its nonce is another hash.
            request.nonce ^= 1;
            forged.feeAuth = feeFor(_keys[account], request);
            request.nonce ^= 1;
        }
        vm.prank(relayer);
        try relay.executeMetaTx(forged.request, forged.signature, forged.feeAuth, PRICE) {
            ++forgeriesAccepted;
        } catch {}
    }

    /// @notice Takes somebody who is no relayer, and no collector, for one.
    function trespass(uint256 seed) external {
        vm.startPrank(stranger);
        try relay.withdrawFees(address(usdc), stranger, 1) {
            ++forgeriesAccepted;
        } catch {}
        if (_signed.length != 0) {
            Signed memory chosen = _signed[seed % _signed.length];
            try relay.executeMetaTx(chosen.request, chosen.signature, chosen.feeAuth, PRICE) {
                ++forgeriesAccepted;
            } catch {}
        }
        vm.stopPrank();
    }

    // ------------------------------------------------------------------ time

    function wait(uint256 duration) external {
        skip(bound(duration, 1, 1 hours));
    }

    // ------------------------------------------------------------------ the book

    /// @dev The target signs, fails, burns its gas, fails at length, or tries to get at the relay.
    function _callFor(uint256 way) private view returns (address target, bytes memory data) {
        way = way % 6;
        if (way == 0) return (address(guestbook), abi.encodeCall(Guestbook.sign, ("hello")));
        if (way == 1) return (address(guestbook), abi.encodeCall(Guestbook.deface, ()));
        if (way == 2) return (address(_target), abi.encodeCall(ObedientTarget.burnGas, ()));
        if (way == 3) return (address(_target), abi.encodeCall(ObedientTarget.failAtLength, ()));
        bytes memory attack = abi.encodeCall(relay.withdrawFees, (address(usdc), stranger, 1));
        if (way == 5 && _signed.length != 0) {
            Signed memory last = _signed[_signed.length - 1];
            attack = abi.encodeCall(relay.executeMetaTx, (last.request, last.signature, last.feeAuth, PRICE));
        }
        return (address(_target), abi.encodeCall(ObedientTarget.callOut, (address(relay), attack)));
    }

    function _sign(address account, IMetaTxRelay.MetaTransaction memory request)
        private
        returns (Signed memory signed)
    {
        uint256 key = _keys[account];
        signed = Signed({request: request, signature: sign(key, request), feeAuth: feeFor(key, request)});
        _signed.push(signed);
    }

    /// @dev The book alone tells whether the request must be carried out.
    function _attempt(Signed memory chosen, uint256 price) private {
        IMetaTxRelay.MetaTransaction memory request = chosen.request;
        bool paid = usdc.authorizationState(request.user, hashOf(request));
        uint256 balance = usdc.balanceOf(request.user);
        bool due = timesExecuted[request.user][request.nonce] == 0 && !paid
            && block.timestamp <= request.deadline && balance >= request.maxFee;
        vm.txGasPrice(GAS_PRICE);
        vm.prank(relayer);
        try relay.executeMetaTx(
            request, chosen.signature, chosen.feeAuth, bound(price, 0, 10 * PRICE)
        ) returns (
            bool, uint256 fee
        ) {
            assertTrue(due, "carried out what was not due");
            _book(request, fee, balance);
        } catch {
            assertFalse(due, "refused what was due");
        }
    }

    function _book(IMetaTxRelay.MetaTransaction memory request, uint256 fee, uint256 balance) private {
        address account = request.user;
        ++timesExecuted[account][request.nonce];
        ++executions[account];
        feesPaid[account] += fee;
        collected += fee;
        if (fee > request.maxFee) ++feesOverMaximum;
        if (block.timestamp > request.deadline) ++lateExecutions;
        if (usdc.balanceOf(account) != balance - fee) ++unpaidExecutions;
        if (!usdc.authorizationState(account, hashOf(request))) ++unpaidExecutions;
    }

    function _user(uint256 seed) private view returns (address) {
        return users[seed % USERS];
    }
}
