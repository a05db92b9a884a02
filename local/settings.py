"""What can be configured about the local stack, by the environment or by flags."""

import argparse
import os
from dataclasses import dataclass

from local.arguments import HIGHEST_PORT, seconds_above_zero, whole_number

CHAIN_ID = 31337
STACK_NAME = "ferryman"
MOST_WALLETS = 8
FEWEST_ACCOUNTS = 10


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """How to start the local stack."""

    block_time_seconds: float
    """Seconds between two blocks."""
    wallets: int
    """How many relayer wallets, one KMS key each."""
    accounts: int
    """How many funded test accounts."""
    aws_port: int | None
    """Port of the AWS emulator; None chooses."""
    rpc_port: int | None
    """Port of the chain; None chooses."""
    log_level: str
    """Level of the functions' logs."""

    @property
    def block_time_ms(self) -> int:
        """Milliseconds between two blocks."""
        return round(self.block_time_seconds * 1000)


def settings_from(arguments: argparse.Namespace) -> StackSettings:
    """Take the settings out of parsed flags."""
    return StackSettings(
        block_time_seconds=arguments.block_time,
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
        help="seconds between two blocks (BLOCK_TIME, default 1)",
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
    parser.add_argument(
        "--log-level",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
        default=_from_environment("LOG_LEVEL", "INFO"),
        help="level of the functions' logs (LOG_LEVEL, default INFO)",
    )


def _from_environment(name: str, default: str | None) -> str | None:
    # argparse converts and checks a default that is a string; make passes unset variables as empty ones.
    return os.environ.get(name) or default
