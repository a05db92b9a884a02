"""The commands. Libraries that take time to import are imported by the commands that need them."""

import json
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from ferryman_cli.errors import CommandError

app = typer.Typer(
    name="ferryman",
    help="See and steer a Ferryman deployment, with your own AWS credentials.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
transactions_app = typer.Typer(help="List and show transactions.", no_args_is_help=True)
deadletters_app = typer.Typer(help="Messages that were given up.", no_args_is_help=True)
app.add_typer(transactions_app, name="transactions")
app.add_typer(deadletters_app, name="deadletters")
wallets_app = typer.Typer(help="The relayer wallets.", invoke_without_command=True)
app.add_typer(wallets_app, name="wallets")
keys_app = typer.Typer(help="API keys of callers.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]
ChainOption = Annotated[int | None, typer.Option("--chain", metavar="ID", help="Only this chain.")]
KindOption = Annotated[str | None, typer.Option("--kind", help="Only this kind of intent.")]


@dataclass(frozen=True)
class Chosen:
    """Which deployment the command line named."""

    stack: str | None
    profile: str | None
    region: str | None
    is_local: bool


_chosen: ContextVar[Chosen] = ContextVar("chosen")


@app.callback()
def choose(
    *,
    stack: Annotated[
        str | None, typer.Option(envvar="FERRYMAN_STACK", help="Name of the CloudFormation stack.")
    ] = None,
    profile: Annotated[str | None, typer.Option(help="AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(help="AWS region.")] = None,
    local: Annotated[bool, typer.Option("--local", help="The local stack (.local/stack.json).")] = False,
) -> None:
    """See and steer a Ferryman deployment, with your own AWS credentials."""
    _chosen.set(Chosen(stack, profile, region, local))


def target() -> Any:  # noqa: ANN401 (its module is imported only here)
    """Find the chosen deployment."""
    from ferryman_cli.target import local_target, stack_target

    chosen = _chosen.get()
    if chosen.is_local:
        return local_target()
    return stack_target(chosen.stack, profile=chosen.profile, region=chosen.region)


def admin() -> Any:  # noqa: ANN401 (its module is imported only here)
    """Give the client of the chosen deployment."""
    from ferryman_cli.client import AdminClient

    return AdminClient(target())


def show(answer: Mapping[str, Any], *, as_json: bool, people: Callable[[Any], None]) -> None:
    """Print an answer for scripts or for people."""
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
    else:
        people(answer)


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """What waits, is bound, paused or dead: look here first."""
    from ferryman_cli import reports

    show(admin().get("/admin/status"), as_json=as_json, people=reports.status)


@transactions_app.command("list")
def list_transactions(
    *,
    sender: Annotated[
        str | None, typer.Option(help="Only this sender's: open or over, newest first.")
    ] = None,
    status: Annotated[str | None, typer.Option(help="Only these, with commas: PENDING,VALIDATED")] = None,
    chain: ChainOption = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    as_json: AsJson = False,
) -> None:
    """List what is open, or everything of one sender."""
    from ferryman_cli import reports

    answer = admin().get("/admin/transactions", sender=sender, status=status, chain_id=chain, limit=limit)
    show(answer, as_json=as_json, people=reports.transactions)


@transactions_app.command("show")
def show_transaction(transaction_id: str, *, as_json: AsJson = False) -> None:
    """Everything stored of one transaction: record, events, nonce, attempts."""
    from ferryman_cli import reports

    show(admin().get(f"/admin/transactions/{transaction_id}"), as_json=as_json, people=reports.transaction)


@wallets_app.callback()
def wallets(context: typer.Context, *, as_json: AsJson = False) -> None:
    """The relayer wallets: their state, windows and open nonces."""
    if context.invoked_subcommand is None:
        wallet_status(as_json=as_json)


@wallets_app.command("status")
def wallet_status(*, as_json: AsJson = False) -> None:
    """Each wallet's state, window and open nonces."""
    from ferryman_cli import reports

    show(admin().get("/admin/wallets"), as_json=as_json, people=reports.wallets)


@wallets_app.command("show")
def show_wallet(address: str, *, chain: ChainOption = None, as_json: AsJson = False) -> None:
    """A wallet's head, what is open, and what each RPC endpoint says of it."""
    from ferryman_cli import reports

    answer = admin().get(f"/admin/wallets/{quote(address)}", chain_id=chain)
    show(answer, as_json=as_json, people=reports.wallet_explained)


@wallets_app.command("drain")
def drain_wallet(address: str, *, chain: ChainOption = None, as_json: AsJson = False) -> None:
    """Bind nothing new to a wallet; what it has open is finished."""
    _set_wallet_state(address, "draining", chain, as_json=as_json)


@wallets_app.command("retire")
def retire_wallet(
    address: str,
    *,
    chain: ChainOption = None,
    sweep_to: Annotated[
        str | None,
        typer.Option("--sweep-to", metavar="ADDRESS", help="First move its coin there."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Move it; without, only say how much.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a wallet that has nothing open out of the pool."""
    if sweep_to is None:
        _set_wallet_state(address, "retired", chain, as_json=as_json)
        return
    from ferryman_cli import reports

    if chain is None:
        msg = "Coin is moved on one chain: say which with --chain."
        raise typer.BadParameter(msg)
    body = {"chain_id": chain, "to": sweep_to, "dry_run": not yes}
    answer = admin().post(f"/admin/wallets/{quote(address)}/sweep", body)
    show(answer, as_json=as_json, people=reports.wallet_swept)
    if yes and answer["nonce"] is None:
        _set_wallet_state(address, "retired", chain, as_json=as_json)


@wallets_app.command("add")
def add_wallet(address: str, *, chain: ChainOption = None, as_json: AsJson = False) -> None:
    """Put a drained or retired wallet back into use; one with a new key joins by itself."""
    _set_wallet_state(address, "active", chain, as_json=as_json)


@wallets_app.command("reset")
def reset_wallet(
    address: str,
    *,
    chain: Annotated[int, typer.Option("--chain", metavar="ID", help="Its chain.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a wallet's counter agree with the chain, after a restore or a stranger's use."""
    from ferryman_cli import reports

    body = {"chain_id": chain, "dry_run": not yes}
    answer = admin().post(f"/admin/wallets/{quote(address)}/reset", body)
    show(answer, as_json=as_json, people=reports.wallet_reset)


def _set_wallet_state(address: str, state: str, chain: int | None, *, as_json: bool) -> None:
    from ferryman_cli import reports

    body = {"state": state} | ({} if chain is None else {"chain_id": chain})
    answer = admin().post(f"/admin/wallets/{quote(address)}/state", body)
    show(answer, as_json=as_json, people=reports.wallets)


@app.command()
def pause(
    *,
    chain: ChainOption = None,
    kind: KindOption = None,
    note: Annotated[str, typer.Option(help="Why, for whoever looks next.")] = "",
    as_json: AsJson = False,
) -> None:
    """Bind no new nonces until `resume`; posts are still accepted, and what is bound goes on."""
    from ferryman_cli import reports

    answer = admin().post("/admin/pause", {**_scope(chain, kind), "note": note})
    show(answer, as_json=as_json, people=reports.paused)


@app.command()
def resume(*, chain: ChainOption = None, kind: KindOption = None, as_json: AsJson = False) -> None:
    """Lift a pause; name the same scope as when it was set."""
    from ferryman_cli import reports

    show(admin().post("/admin/resume", _scope(chain, kind)), as_json=as_json, people=reports.resumed)


@app.command()
def explain(transaction_id: str, *, as_json: AsJson = False) -> None:
    """Why a transaction is where it is: what blocks it, what each RPC endpoint says, what comes next."""
    from ferryman_cli import reports

    answer = admin().get(f"/admin/transactions/{transaction_id}/explain")
    show(answer, as_json=as_json, people=reports.explained)


@app.command()
def retry(transaction_id: str, *, as_json: AsJson = False) -> None:
    """Go on with a transaction now, also one that failed, if it still can succeed."""
    from ferryman_cli import reports

    answer = admin().post(f"/admin/transactions/{transaction_id}/retry", {})
    show(answer, as_json=as_json, people=reports.retried)


@deadletters_app.command("list")
def list_dead_letters(*, as_json: AsJson = False) -> None:
    """Count and show the messages of each dead-letter queue."""
    from ferryman_cli import reports

    show(admin().get("/admin/deadletters"), as_json=as_json, people=reports.dead_letters)


@deadletters_app.command()
def redrive(queue: str, *, as_json: AsJson = False) -> None:
    """Send a queue's messages back to where they came from."""
    from ferryman_cli import reports

    show(
        admin().post("/admin/deadletters/redrive", {"queue": queue}),
        as_json=as_json,
        people=reports.redriven,
    )


@keys_app.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Whose it is.")],
    *,
    role: Annotated[str, typer.Option(help="reader, service or admin.")],
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown this once, and kept nowhere."""
    from ferryman_cli import reports

    show(admin().post("/admin/keys", {"name": name, "role": role}), as_json=as_json, people=reports.new_key)


@keys_app.command("list")
def list_keys(*, as_json: AsJson = False) -> None:
    """All keys, also revoked ones, the oldest first."""
    from ferryman_cli import reports

    show(admin().get("/admin/keys"), as_json=as_json, people=reports.keys)


@keys_app.command("revoke")
def revoke_key(key_id: str, *, as_json: AsJson = False) -> None:
    """End a key at once and for good."""
    from ferryman_cli import reports

    show(admin().delete(f"/admin/keys/{quote(key_id, safe='')}"), as_json=as_json, people=reports.revoked_key)


@app.command()
def events(
    transaction_id: Annotated[str | None, typer.Argument(help="Only this transaction's.")] = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new ones.")] = False,
    sender: Annotated[str | None, typer.Option(help="With --follow: only this sender's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Events of a transaction, or with --follow new ones of all, as they are written (Ctrl-C ends it)."""
    from ferryman_cli import reports

    if transaction_id is None and not follow:
        raise typer.BadParameter("give a transaction, or --follow")
    people = reports.event if transaction_id is not None else reports.event_of_any
    print_one = _print_line if as_json else people
    if transaction_id is not None:
        for event in admin().get(f"/admin/transactions/{transaction_id}")["events"]:
            print_one(event)
    if follow:
        _follow(print_one, transaction_id, sender)


def _follow(
    print_one: Callable[[dict[str, Any]], None], transaction_id: str | None, sender: str | None
) -> None:
    """Print new events until somebody has seen enough."""
    from ferryman_cli.following import new_events

    def ready() -> None:
        typer.secho("following (Ctrl-C ends it)", dim=True, err=True)

    try:
        for event in new_events(target(), ready=ready):
            is_wanted = transaction_id in {None, event["transaction_id"]}
            if is_wanted and (sender is None or sender.lower() == event["sender"].lower()):
                print_one(event)
    except KeyboardInterrupt:
        return


def _print_line(event: Mapping[str, Any]) -> None:
    """Print an event as one line of JSON, at once."""
    typer.echo(json.dumps(event))
    sys.stdout.flush()


@app.command()
def export(*, as_json: AsJson = False) -> None:
    """Archive now what the hourly run would: needs lambda:InvokeFunction on retain."""
    from ferryman_cli import reports
    from ferryman_cli.target import aws_errors

    chosen = target()
    with aws_errors("export"):
        answer = chosen.aws("lambda").invoke(FunctionName=chosen.output("RetainFunctionName"), Payload=b"{}")
        exported = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise CommandError(f"retain failed: {exported.get('errorMessage', exported)}")
    exported["bucket"] = chosen.output("ArchiveBucketName")
    show(exported, as_json=as_json, people=reports.exported)


@app.command()
def restore(
    *,
    copies: Annotated[
        list[str],
        typer.Option("--from", metavar="TABLE=NAME", help="Transactions=restored-table, once a table."),
    ],
    go: Annotated[bool, typer.Option("--go", help="Do it; without, only count.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make tables equal to restored ones, item by item. Stop what runs first: docs/runbook.md."""
    from dataclasses import asdict

    from ferryman_cli import reports
    from ferryman_cli.tables import RESTORABLE, copied

    pairs = [one.partition("=") for one in copies]
    if any(table not in RESTORABLE or not name for table, _, name in pairs):
        raise typer.BadParameter(f"--from must be TABLE=NAME, with TABLE one of {', '.join(RESTORABLE)}")
    chosen = target()
    done = [asdict(copied(chosen, table, name, dry_run=not go)) for table, _, name in pairs]
    show({"dry_run": not go, "tables": done}, as_json=as_json, people=reports.restored)


@app.command()
def recover(
    *,
    go: Annotated[bool, typer.Option("--go", help="Do it; without, only say what would be done.")] = False,
    as_json: AsJson = False,
) -> None:
    """After a restore: make tables and chain agree. Repeat it until it finds nothing."""
    from ferryman_cli import reports
    from ferryman_cli.recovering import recover as run

    answer = run(admin(), dry_run=not go, progress=_progress)
    show(answer, as_json=as_json, people=reports.recovered)


@app.command()
def replay(
    *,
    since: Annotated[str, typer.Option(help="RFC 3339 with offset, or how long ago: 90s, 30m, 2h, 1d.")],
    until: Annotated[str, typer.Option(help="The same; now, if not given.")] = "0s",
    status: Annotated[str, typer.Option(help="Of which statuses, with commas; FAILED may be one.")] = "",
    go: Annotated[bool, typer.Option("--go", help="Do it; without, only list them.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have everything go on now that was received in a span of time: `retry` for each. Safe to repeat."""
    from ferryman_cli import reports
    from ferryman_cli.replaying import OPEN, RETRIABLE, Window, moment
    from ferryman_cli.replaying import replay as run

    now, moments = datetime.now(UTC), dict[str, datetime]()
    for name, text in (("--since", since), ("--until", until)):
        try:
            moments[name] = moment(text, now)
        except (ValueError, OverflowError) as error:
            raise typer.BadParameter(f"{name} {text!r} is no moment: {error}") from error
    statuses = frozenset(status.upper().split(",")) if status else OPEN
    if unknown := statuses - RETRIABLE:
        known = ", ".join(sorted(RETRIABLE))
        raise typer.BadParameter(f"--status {', '.join(sorted(unknown))}: must be some of {known}")
    window = Window(moments["--since"], moments["--until"])
    answer = run(admin(), window, statuses, dry_run=not go, progress=_progress)
    show(answer, as_json=as_json, people=reports.replayed)


def _progress(text: str) -> None:
    typer.secho(text, dim=True, err=True)


def _scope(chain: int | None, kind: str | None) -> dict[str, object]:
    named = {"chain_id": chain, "kind": kind}
    return {name: value for name, value in named.items() if value is not None}


def main() -> None:
    """Run the command line; what goes wrong is one line and an exit code."""
    try:
        app()
    except CommandError as error:
        typer.secho(f"ferryman: {error}", fg=typer.colors.RED, err=True)
        sys.exit(error.exit_code)
