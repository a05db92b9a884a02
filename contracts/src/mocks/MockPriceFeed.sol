// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IPriceFeed} from "../interfaces/IPriceFeed.sol";

/// @title Price feed for local chains
/// @notice Answers as a Chainlink aggregator does; anyone may set the price.
contract MockPriceFeed is IPriceFeed {
    /// @inheritdoc IPriceFeed
    uint8 public immutable decimals;

    int256 private _answer;
    uint256 private _updatedAt;
    uint80 private _roundId;

    /// @param decimals_ of the answer.
    /// @param answer first price.
    constructor(uint8 decimals_, int256 answer) {
        decimals = decimals_;
        setAnswer(answer, block.timestamp);
    }

    /// @notice Begins a new round: `answer`, given at `updatedAt`, Unix time.
    function setAnswer(int256 answer, uint256 updatedAt) public {
        (_answer, _updatedAt) = (answer, updatedAt);
        ++_roundId;
    }

    /// @inheritdoc IPriceFeed
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return (_roundId, _answer, _updatedAt, _updatedAt, _roundId);
    }
}
