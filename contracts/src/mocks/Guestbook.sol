// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC2771Context} from "@openzeppelin/contracts/metatx/ERC2771Context.sol";

/// @title Target of meta-transactions for local chains
/// @notice Counts who has signed it, by their own word or through a forwarder it trusts (ERC-2771).
contract Guestbook is ERC2771Context {
    address private immutable _otherForwarder;
    mapping(address guest => uint256) private _signatures;

    /// @notice `guest` signed for the `count`th time.
    event GuestbookSigned(address indexed guest, uint256 count, string message);

    /// @notice `guest` did what always fails.
    error GuestbookDefaced(address guest);

    /// @param relay a forwarder, and
    /// @param forwarder another one.
    constructor(address relay, address forwarder) ERC2771Context(relay) {
        _otherForwarder = forwarder;
    }

    /// @notice Signs the book.
    function sign(string calldata message) external {
        address guest = _msgSender();
        uint256 count = ++_signatures[guest];
        emit GuestbookSigned(guest, count, message);
    }

    /// @notice Always fails.
    function deface() external {
        ++_signatures[_msgSender()];
        revert GuestbookDefaced(_msgSender());
    }

    /// @notice How often `guest` has signed.
    function signaturesOf(address guest) external view returns (uint256) {
        return _signatures[guest];
    }

    /// @inheritdoc ERC2771Context
    function isTrustedForwarder(address forwarder) public view override returns (bool) {
        return super.isTrustedForwarder(forwarder) || forwarder == _otherForwarder;
    }
}
