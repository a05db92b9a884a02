"""Telling the person at the terminal what happens."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from local.description import StackDescription
from local.paths import LOGS, STACK_FILE

console = Console(highlight=False)


@contextmanager
def step(doing: str) -> Iterator[None]:
    """Show that something is being done, then that it is done and how long it took."""
    started = time.monotonic()
    with console.status(f"{doing} …"):
        yield
    console.print(f"[green]✓[/] {doing} [dim]{time.monotonic() - started:.1f} s[/]")


def show_next_steps() -> None:
    """Print what one does with a stack that stays."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("make demo", "sends payments")
    table.add_row(".venv/bin/ferryman --local status", "shows what an operator sees")
    table.add_row("make down", "stops it")
    console.print("\nNext:")
    console.print(table)


def show_description(description: StackDescription) -> None:
    """Print where everything answers."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("REST API", description.api_url)
    table.add_row("WebSocket", description.websocket_url)
    table.add_row("AWS", f"{description.aws_endpoint_url} (stack {description.stack_name})")
    for chain in description.chains:
        table.add_row("Chain", f"{chain.rpc_url} (id {chain.chain_id})")
        for name, address in chain.contracts.items():
            table.add_row(name, address)
    table.add_row("Wallets", "\n".join(description.wallets))
    table.add_row("Treasury", description.treasury)
    table.add_row(
        "Accounts", f"{len(description.accounts)} with locked funds, from {description.accounts[0]}"
    )
    table.add_row("All of it", os.path.relpath(STACK_FILE))
    table.add_row("Logs", os.path.relpath(LOGS))
    console.print(table)
