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

    progress("1 of 4: wallets and their open nonces")
    run("pools")
    transactions = transaction_names(client.target)
    for start in range(0, len(transactions), _PORTION):
        progress(f"2 of 4: transactions, {start} of {len(transactions)} done")
        run("transactions", transactions[start : start + _PORTION])
    progress("3 of 4: wallets again, after what the transactions gave back")
    run("pools")
    # Only now: funds may be held again for accounts that had nothing.
    accounts = account_names(client.target)
    for start in range(0, len(accounts), _PORTION):
        progress(f"4 of 4: what is held for accounts, {start} of {len(accounts)} done")
        run("accounts", accounts[start : start + _PORTION])
    return {
        "dry_run": dry_run,
        "transactions": len(transactions),
        "accounts": len(accounts),
        "findings": findings,
    }
