// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

// What is deployed as it is: named here, so that it is compiled and exported with our own contracts.
import {ERC2771Forwarder} from "@openzeppelin/contracts/metatx/ERC2771Forwarder.sol";
