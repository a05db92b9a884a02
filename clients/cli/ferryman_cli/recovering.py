"""`ferryman recover`: the parts of a recovery, one after the other, in portions that requests can carry."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from ferryman_cli.client import AdminClient
from ferryman_cli.tables import account_names, transaction_names

_PORTION: Final = 25


def recover(client: AdminClient, *, dry_run: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Reconcile pools, transactions, pools again, and last the accounts; give what was found.

    Raises:
        CommandError: a part was refused; what was done before stays done, and it can be run again.

    """
    findings: list[dict[str, Any]] = []

    def run(part: str, portion: Sequence[str] = ()) -> None:
        body = {"part": part, "dry_run": dry_run, "names": list(portion)}
        findings.extend(client.post("/admin/recover", body)["findings"])

    progress("wallets")
    run("pools")
    transactions = transaction_names(client.target)
    for start in range(0, len(transactions), _PORTION):
        progress(f"transactions {start + 1} of {len(transactions)}")
        run("transactions", transactions[start : start + _PORTION])
    progress("wallets again")
    run("pools")
    # Only now: funds may be held again for accounts that had nothing.
    accounts = account_names(client.target)
    for start in range(0, len(accounts), _PORTION):
        progress(f"accounts {start + 1} of {len(accounts)}")
        run("accounts", accounts[start : start + _PORTION])
    return {
        "dry_run": dry_run,
        "transactions": len(transactions),
        "accounts": len(accounts),
        "findings": findings,
    }
