"""What can be configured about the local stack, by the environment or by flags."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass

from local.arguments import HIGHEST_PORT, distinct_whole_numbers, seconds_above_zero, whole_number

CHAIN_ID = 31337
"""Of the first chain, if nobody says otherwise; the others have the ids after it."""
MOST_CHAINS = 4
STACK_NAME = "ferryman"
MOST_WALLETS = 8
FEWEST_ACCOUNTS = 10


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """How to start the local stack."""

    block_times_seconds: Sequence[float]
    """Seconds between two blocks, chain by chain; the last one is also that of all further chains."""
    chain_ids: Sequence[int] = (CHAIN_ID,)
    """One chain each."""
    wallets: int
    """How many relayer wallets, one KMS key each."""
    accounts: int
    """How many funded test accounts."""
    aws_port: int | None
    """Port of the AWS emulator; None chooses."""
    rpc_port: int | None
    """Port of the first chain, the others take the ports after it; None chooses."""
    log_level: str
    """Level of the functions' logs."""

    def block_time_seconds(self, place: int) -> float:
        """Seconds between two blocks of the chain at a place, counted from 0."""
        return self.block_times_seconds[min(place, len(self.block_times_seconds) - 1)]


def settings_from(arguments: argparse.Namespace) -> StackSettings:
    """Take the settings out of parsed flags."""
    return StackSettings(
        block_times_seconds=arguments.block_time,
        chain_ids=arguments.chain_ids or range(CHAIN_ID, CHAIN_ID + arguments.chains),
        wallets=arguments.wallets,
        accounts=arguments.accounts,
        aws_port=arguments.aws_port,
        rpc_port=arguments.rpc_port,
        log_level=arguments.log_level,
    )


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags; each one's default comes from the environment."""
    parser.add_argument(
        "--block-time",
        type=seconds_above_zero("BLOCK_TIME"),
        default=_from_environment("BLOCK_TIME", "1"),
        help="seconds between two blocks; 1,3 if the second chain's are slower (BLOCK_TIME, default 1)",
    )
    parser.add_argument(
        "--chains",
        type=whole_number("CHAINS", 1, MOST_CHAINS),
        default=_from_environment("CHAINS", "1"),
        help="chains, each with its own contracts (CHAINS, default 1)",
    )
    parser.add_argument(
        "--chain-ids",
        type=distinct_whole_numbers("CHAIN_IDS", most=MOST_CHAINS),
        default=_from_environment("CHAIN_IDS", None),
        help="a chain of each of these ids, whatever CHAINS says; 84532 has USDC where Base Sepolia has it "
        "(CHAIN_IDS, default 31337 and the ids after it)",
    )
    parser.add_argument(
        "--wallets",
        type=whole_number("WALLETS", 1, MOST_WALLETS),
        default=_from_environment("WALLETS", "2"),
        help="relayer wallets (WALLETS, default 2)",
    )
    parser.add_argument(
        "--accounts",
        type=whole_number("ACCOUNTS", FEWEST_ACCOUNTS),
        default=_from_environment("ACCOUNTS", "50"),
        help="funded test accounts (ACCOUNTS, default 50)",
    )
    parser.add_argument(
        "--log-level",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        default=_from_environment("LOG_LEVEL", "INFO"),
        help="level of the functions' logs (LOG_LEVEL, default INFO)",
    )
    _add_port_flags(parser)


def _add_port_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--aws-port",
        type=whole_number("AWS_PORT", 1, HIGHEST_PORT),
        default=_from_environment("AWS_PORT", None),
        help="port of the AWS emulator (AWS_PORT, default 4566 or a free one)",
    )
    parser.add_argument(
        "--rpc-port",
        type=whole_number("RPC_PORT", 1, HIGHEST_PORT),
        default=_from_environment("RPC_PORT", None),
        help="port of the chain (RPC_PORT, default 8545 or a free one)",
    )


def _from_environment(name: str, default: str | None) -> str | None:
    # argparse converts and checks a default that is a string; one set to nothing is not set.
    return os.environ.get(name) or default
