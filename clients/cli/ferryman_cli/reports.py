"""What each command shows a person."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from ferryman_cli.shown import (
    age,
    alarm,
    console,
    events,
    pairs,
    span,
    status_text,
    table,
)
from ferryman_cli.shown import transactions as transaction_table

_LONG_SECONDS = 60
"""What waits, is overdue, or bound, for longer than this wants a look."""


def status(answer: dict[str, Any]) -> None:
    """Print the state of a deployment."""
    for pause in answer["paused"]:
        console.print(_pause_line(pause))
    table(
        ("chain", "seen", "waiting", "oldest", "overdue", "nonces", "oldest", "wallets", "free window"),
        (
            (
                chain["chain_id"],
                chain["head"],
                f"{chain['waiting']}{'+' if chain['waiting_is_at_least'] else ''}",
                _since(chain["oldest_waiting_seconds"], chain["waiting"]),
                alarm(span(chain["overdue_seconds"]), when=chain["overdue_seconds"] > _LONG_SECONDS),
                chain["open_nonces"],
                _since(chain["oldest_nonce_seconds"], chain["open_nonces"]),
                chain["wallets"],
                alarm(chain["free_window"], when=chain["wallets"] > 0 and chain["free_window"] == 0),
            )
            for chain in answer["chains"]
        ),
        title="Chains",
    )
    _measured_endpoints(answer["chains"])
    _queues(answer["dead_letters"])


def _measured_endpoints(chains: Sequence[dict[str, Any]]) -> None:
    """Print how each RPC endpoint did when confirm measured it last."""
    measured = [(chain, one) for chain in chains for one in chain.get("endpoints", ())]
    if measured:
        table(
            ("chain", "endpoint", "state", "its head", "head age", "answered in", "measured"),
            (
                (
                    chain["chain_id"],
                    one["endpoint"],
                    alarm(_endpoint_state(one), when=one["status"] != "ok"),
                    one["head"],
                    "-" if one["head_age_seconds"] is None else span(one["head_age_seconds"]),
                    f"{one['latency_ms']} ms",
                    f"{age(chain['measured_at'])} ago",
                )
                for chain, one in measured
            ),
            title="Endpoints",
        )


def _endpoint_state(one: dict[str, Any]) -> str:
    rests = ", rests" if one["rests"] else ""
    reason = f": {one['reason']}" if one["reason"] else ""
    return f"{one['status']}{rests}{reason}"


def transactions(answer: dict[str, Any]) -> None:
    """Print a list."""
    transaction_table(answer["transactions"])
    if answer["has_more"]:
        console.print("There are more: raise --limit, or narrow the list.", style="dim")


def transaction(answer: dict[str, Any]) -> None:
    """Print one transaction."""
    record, kept, nonce = answer["record"], answer["housekeeping"], answer["nonce"]
    shown = ("kind", "chain_id", "sender", "priority", "assured", "received_at", "wallet", "wallet_nonce")
    mined = ("hash", "block_number", "confirmations", "gas_used", "effective_gas_price", "reason")
    pairs(
        record["transaction_id"],
        [
            ("status", status_text(record["status"])),
            *((name, record[name]) for name in (*shown, *mined)),
            ("waits for", record["waiting_for"]),
            ("next attempt", record["next_attempt_at"]),
            ("waits, starts", f"{kept['waits']}, {kept['starts']}"),
            ("permanent reason", kept["permanent_reason"]),
        ],
    )
    pairs("Intent", list(record["intent"].items()))
    console.print(Text("Events", style="bold"))
    events(answer["events"], with_names=False)
    if nonce:
        title = f"Nonce {nonce['nonce']}, bound {age(nonce['bound_at'])} ago, wanted: {nonce['wanted']}"
        given_up = nonce.get("fill_reason")
        attempts_table(record["attempts"], f"{title}, given up: {given_up}" if given_up else title)


def explained(answer: dict[str, Any]) -> None:
    """Print why a transaction is where it is; the sentence first."""
    console.print(Text(answer["summary"], "bold"))
    if answer["next_action"]:
        at = f" (by {answer['next_at']})" if answer["next_at"] else ""
        console.print(f"Next: {answer['next_action']}{at}")
    wallet = answer["wallet"]
    pairs(
        answer["transaction_id"],
        [
            ("status", status_text(answer["status"])),
            ("blocked by", answer["blocked_by"]),
            ("chain", answer["chain_id"]),
            ("waits, failures", f"{answer['waits']}, {answer['failures']}"),
            ("last error", answer["last_error"]),
            ("deadline", datetime.fromtimestamp(answer["deadline"], UTC).isoformat()),
            ("next base fee", answer["market"] and answer["market"]["next_base_fee"]),
            ("wallet", wallet and wallet["address"]),
            (
                "its open nonces",
                answer["wallet"] and f"{answer['wallet']['open']} of {answer['wallet']['window']}",
            ),
        ],
    )
    own = [answer["nonce"]] if answer["nonce"] else []
    _explained_nonces([*answer["behind"], *own])
    _endpoints(answer["endpoints"])


def wallet_explained(answer: dict[str, Any]) -> None:
    """Print what a wallet's head is, and what endpoints say."""
    console.print(Text(answer["summary"], "bold"))
    told = (
        "chain_id",
        "state",
        "next_nonce",
        "lowest_open",
        "open",
        "window",
        "free_window",
        "committed_wei",
        "needed_wei",
        "spent_today_wei",
        "is_low",
        "is_delegated",
    )
    pairs(answer["address"], [(name.replace("_", " "), answer[name]) for name in told])
    _explained_nonces(answer["nonces"])
    _endpoints(answer["endpoints"])


def _explained_nonces(nonces: Sequence[dict[str, Any]]) -> None:
    for nonce in nonces:
        title = f"Nonce {nonce['nonce']}, bound {age(nonce['bound_at'])} ago, wanted: {nonce['wanted']}"
        reason = f", to be used up: {nonce['fill_reason']}" if nonce["fill_reason"] else ""
        attempts_table(nonce["attempts"], title + reason)


def _endpoints(views: Sequence[dict[str, Any]]) -> None:
    """Print what each endpoint says."""
    if views:
        table(
            ("endpoint", "head", "head age", "wallet's count", "balance", "mined in"),
            (
                (view["endpoint"], alarm(view["error"], when=True), "", "", "", "")
                if view["error"]
                else (
                    view["endpoint"],
                    view["head"],
                    span(view["head_age_seconds"]),
                    view["transaction_count"],
                    view["balance_wei"] and f"{int(view['balance_wei']) / 10**18:.6f}",
                    view["mined_block"],
                )
                for view in views
            ),
            title="Endpoints",
        )


def attempts_table(attempts: Sequence[dict[str, Any]], title: str) -> None:
    """Print the signed bytes of a nonce."""
    table(
        ("hash", "max fee", "tip", "purpose", "signed"),
        (
            (
                attempt["hash"],
                attempt["max_fee_per_gas"],
                attempt["max_priority_fee_per_gas"],
                f"{attempt['purpose']}, mined" if attempt.get("mined") else attempt["purpose"],
                age(attempt["signed_at"]),
            )
            for attempt in attempts
        ),
        title=title,
    )


def wallets(answer: dict[str, Any]) -> None:
    """Print the pool."""
    table(
        ("chain", "wallet", "state", "next nonce", "open", "free window", "oldest"),
        (
            (
                wallet["chain_id"],
                wallet["address"],
                wallet["state"],
                wallet["next_nonce"],
                wallet["open"],
                alarm(f"{wallet['free_window']} of {wallet['window']}", when=_is_full(wallet)),
                age(min((row["bound_at"] for row in wallet.get("open_nonces", ())), default=None)),
            )
            for wallet in answer["wallets"]
        ),
        title="Wallets",
    )


def wallet_reset(answer: dict[str, Any]) -> None:
    """Print what is stored and said of a wallet's counter, and what follows."""
    stored, after, fills = answer["stored"], answer["after"], answer["fills"]
    table(
        ("", "next nonce", "lowest open"),
        (
            ("stored", stored["next_nonce"], stored["lowest_open"]),
            ("as it has to be", after["next_nonce"], after["lowest_open"]),
        ),
        title=f"{stored['address']} on chain {stored['chain_id']}",
    )
    table(
        ("endpoint", "mined", "with its mempool"),
        ((place, said["latest"], said["pending"]) for place, said in enumerate(answer["endpoints"], start=1)),
        title="What the chain says",
    )
    console.print(f"Open: {', '.join(map(str, answer['open_nonces'])) or 'none'}")
    if fills:
        console.print(f"To be used up by nothing: {len(fills)}, from {fills[0]} to {fills[-1]}")
    for doubt in answer["unclear"]:
        console.print(f"Unclear: {doubt}", style="red")
    console.print(_reset_end(answer), style="yellow" if answer["dry_run"] else "green")


def _reset_end(answer: dict[str, Any]) -> str:
    if answer["unclear"]:
        return "Nothing may be done while that is unclear: look again in a minute."
    if answer["stored"] == answer["after"] and not answer["fills"]:
        return "It agrees: nothing to do."
    return "Nothing was done yet: --yes does it." if answer["dry_run"] else "Done."


def wallet_swept(answer: dict[str, Any]) -> None:
    """Print what is moved out of a wallet, and what stays for its gas."""
    wallet, coin = answer["wallet"], 10**18
    title = f"{wallet['address']} on chain {wallet['chain_id']}"
    pairs(
        title,
        [
            ("has", f"{int(answer['balance_wei']) / coin:.6f}"),
            ("to be moved", f"{int(answer['amount_wei']) / coin:.6f}"),
            ("kept for its gas", f"{int(answer['kept_wei']) / coin:.6f}"),
            ("to", answer["to"]),
        ],
    )
    if answer["nonce"] is None:
        console.print("It has no more than the gas of a transfer may cost: nothing is moved.")
    elif answer["dry_run"]:
        console.print("Nothing was done yet: --yes does it.", style="yellow")
    else:
        moved = f"Moved with nonce {answer['nonce']}. When that is mined, the same again retires it."
        console.print(moved, style="green")


def _is_full(wallet: dict[str, Any]) -> bool:
    return bool(wallet["state"] == "active" and wallet["free_window"] == 0)


def paused(answer: dict[str, Any]) -> None:
    """Print a pause that was set."""
    console.print(_pause_line(answer))


def resumed(answer: dict[str, Any]) -> None:
    """Print what was lifted, and what still stands."""
    if answer["was_paused"]:
        console.print(f"Resumed: {answer['scope']}", style="green")
    else:
        console.print(f"That scope was not paused: {answer['scope']}", style="yellow")
    for pause in answer["still_paused"]:
        console.print(_pause_line(pause))


def retried(answer: dict[str, Any]) -> None:
    """Print what a retried transaction is now."""
    line = Text(f"{answer['transaction_id']} goes on: ")
    line.append_text(status_text(answer["status"]))
    console.print(line)


def dead_letters(answer: dict[str, Any]) -> None:
    """Print queues and some of their messages."""
    _queues(answer["queues"])
    for queue in answer["queues"]:
        for message in queue["messages"]:
            console.print(
                f"{queue['queue']}  {age(message['sent_at'])} ago  {message['body']}", soft_wrap=True
            )


def event(answer: dict[str, Any]) -> None:
    """Print one event of a transaction that was asked for."""
    events([answer], with_names=False)


def event_of_any(answer: dict[str, Any]) -> None:
    """Print one event, whose transaction nobody has named."""
    events([answer], with_names=True)


def exported(answer: dict[str, Any]) -> None:
    """Print what was archived."""
    if answer["retention_days"]:
        console.print(f"{answer['exported']} transactions archived in {answer['bucket']}.")
    else:
        console.print("Nothing is archived here: RetentionDays is 0.", style="dim")


def restored(answer: dict[str, Any]) -> None:
    """Print how tables were made equal."""
    table(
        ("table", "from", "put", "deleted", "the same"),
        ((one["table"], one["source"], one["put"], one["deleted"], one["same"]) for one in answer["tables"]),
        title="Would change" if answer["dry_run"] else "Changed",
    )


def recovered(answer: dict[str, Any]) -> None:
    """Print what a recovery found."""
    table(
        ("subject", "finding"),
        ((one["subject"], alarm(one["finding"], when=one["unresolved"])) for one in answer["findings"]),
        title="Would be mended" if answer["dry_run"] else "Mended",
    )
    console.print(
        f"{answer['transactions']} transactions and {answer['accounts']} accounts looked at.", style="dim"
    )
    if any(one["unresolved"] for one in answer["findings"]):
        console.print("Some are not resolved yet (red): run it again in a minute.", style="yellow")
    elif answer["findings"]:
        console.print(
            "Look, then run it with --go." if answer["dry_run"] else "Run it again: it must find nothing."
        )


def replayed(answer: dict[str, Any]) -> None:
    """Print what a replay found, and what of it would not go on."""
    if answer["dry_run"]:
        table(
            ("received", "status", "transaction"),
            ((one["received_at"], one["status"], one["transaction_id"]) for one in answer["transactions"]),
            title="Would be replayed",
        )
        if answer["transactions"]:
            console.print("Look, then run it with --go.")
        return
    console.print(f"{answer['replayed']} of {len(answer['transactions'])} transactions go on now.")
    if answer["refused"]:
        table(
            ("transaction", "why not"),
            ((one["transaction_id"], one["reason"]) for one in answer["refused"]),
            title="Refused",
        )


def redriven(answer: dict[str, Any]) -> None:
    """Print how many messages went back."""
    console.print(f"{answer['redriven']} messages of {answer['queue']} sent back.")
    if answer["may_have_more"]:
        console.print("There may be more: run it again.", style="dim")


def new_key(answer: dict[str, Any]) -> None:
    """Print a new key, on a line of its own to be copied."""
    console.print(
        f"Key {answer['key_id']} of {answer['name']}, role {answer['role']}. It is not shown again:"
    )
    console.print(answer["key"], soft_wrap=True, markup=False)


def keys(answer: dict[str, Any]) -> None:
    """Print keys, one a line."""
    table(
        ("key", "name", "role", "made", "revoked"),
        (
            (key["key_id"], key["name"], key["role"], key["created_at"], key["revoked_at"])
            for key in answer["keys"]
        ),
        title="API keys",
    )


def revoked_key(answer: dict[str, Any]) -> None:
    """Print which key has ended."""
    console.print(f"Key {answer['key_id']} of {answer['name']} was revoked at {answer['revoked_at']}.")


def _queues(queues: list[dict[str, Any]]) -> None:
    table(
        ("dead letters of", "messages", "in flight", "can be sent back"),
        (
            (
                queue["queue"],
                alarm(queue["visible"], when=queue["visible"] > 0),
                queue["in_flight"],
                "yes" if queue["can_redrive"] else "no",
            )
            for queue in queues
        ),
        title="Dead letters",
    )


def _pause_line(pause: dict[str, Any]) -> Text:
    note = f": {pause['note']}" if pause["note"] else ""
    line = Text("PAUSED ", style="bold red")
    line.append(f"{pause['scope']}, for {age(pause['since'])}, by {_name(pause['by'])}{note}", style="")
    return line


def _since(seconds: int, count: int) -> Text:
    """How old the oldest of some is; nothing has no age."""
    return alarm(span(seconds) if count else "-", when=seconds > _LONG_SECONDS)


def _name(arn: str) -> str:
    """Who it was, without partition and account."""
    return arn.rpartition(":")[2] or arn
