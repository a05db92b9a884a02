// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @title Price feed
/// @notice What we read of a Chainlink-style aggregator (AggregatorV3Interface).
interface IPriceFeed {
    /// @notice Decimals of the answer.
    function decimals() external view returns (uint8);

    /// @notice The newest answer and the Unix time it was given at.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
