"""The command line against a server that answers as a deployment would, in a process of its own."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ferryman_cli.replaying import moment
from local.ports import LOOPBACK, any_free_port
from tests.support.cli import commands
from tests.support.http_server import Answer, serving
from tests.support.template import ROOT

NAME = "0x" + "6f" * 32
HEALTHY: dict[str, Any] = {
    "at": "2026-11-21T12:00:00.000Z",
    "paused": [],
    "chains": [
        {
            "chain_id": 31337,
            "head": 7,
            "waiting": 3,
            "waiting_is_at_least": False,
            "oldest_waiting_seconds": 75,
            "overdue_seconds": 0,
            "open_nonces": 2,
            "oldest_nonce_seconds": 1,
            "wallets": 2,
            "free_window": 30,
        }
    ],
    "dead_letters": [{"queue": "submit", "visible": 0, "in_flight": 0, "can_redrive": True}],
}
DRAINING: dict[str, Any] = {
    "chain_id": 31337,
    "address": "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "state": "draining",
    "next_nonce": 7,
    "lowest_open": 5,
    "open": 2,
    "window": 16,
    "free_window": 0,
}
PAUSE: dict[str, Any] = {
    "scope": "chain 31337",
    "chain_id": 31337,
    "kind": None,
    "by": "arn:aws:iam::123456789012:user/operator",
    "note": "upgrade",
    "since": "2026-11-21T12:00:00.000Z",
}


def ferryman(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with nothing of this machine's own AWS settings."""
    nobody = {
        "PATH": os.defpath,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "COLUMNS": "200",
    }
    return commands().run(arguments, {**nobody, **environment})


def described(folder: Path, api_url: str) -> str:
    """Write the description of a local stack whose API is at an address."""
    description = {"api_url": api_url, "stack_name": "ferryman", "aws_endpoint_url": api_url}
    (folder / "stack.json").write_text(json.dumps(description))
    return str(folder)


def answered(
    folder: Path, body: object, *arguments: str, status: int = 200
) -> tuple[subprocess.CompletedProcess[str], list[bytes]]:
    """Run a command against a deployment that gives one answer; give what was sent, too."""
    sent: list[bytes] = []

    def answer(asked: bytes) -> Answer:
        sent.append(asked)
        return Answer(status, json.dumps(body).encode())

    with serving(answer) as served:
        ended = ferryman("--local", *arguments, LOCAL_STATE=described(folder, served.url))
    return ended, sent


def test_help_comes_at_once_and_names_every_command() -> None:
    """Without boto3, which alone takes a third of a second."""
    ended = ferryman("--help")
    imported = subprocess.run(
        [sys.executable, "-c", "import sys, ferryman_cli.app; print('boto3' in sys.modules)"],
        env={"PYTHONPATH": str(ROOT / "clients" / "cli")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.returncode == 0
    for command in (
        "status",
        "transactions",
        "wallets",
        "pause",
        "resume",
        "retry",
        "deadletters",
        "keys",
        "events",
        "export",
        "replay",
        "explain",
    ):
        assert command in ended.stdout
    assert imported.stdout.strip() == "False"


KEY: dict[str, Any] = {
    "key_id": "5a11e5a11e5a11e5a11e5a11",
    "name": "Shop of Ada",
    "role": "service",
    "created_at": "2026-11-21T12:00:00.000Z",
    "revoked_at": None,
}


def test_a_new_key_is_shown_whole_on_a_line_of_its_own(tmp_path: Path) -> None:
    """Whatever the width of the terminal: it is copied from there."""
    text = f"ferryman_{KEY['key_id']}_{'s' * 43}"

    ended, (sent,) = answered(
        tmp_path, {**KEY, "key": text}, "keys", "create", "Shop of Ada", "--role", "service"
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert text in ended.stdout.splitlines()
    assert json.loads(sent) == {"name": "Shop of Ada", "role": "service"}


def test_keys_are_listed_and_revoked(tmp_path: Path) -> None:
    """By the id, which is no secret; what is no id stays in one part of the path."""
    revoked = {**KEY, "revoked_at": "2026-11-21T13:00:00.000Z"}

    listed, _ = answered(tmp_path, {"keys": [KEY, revoked]}, "keys", "list")
    with serving(lambda _asked: Answer(200, json.dumps(revoked).encode())) as served:
        folder = described(tmp_path, served.url)
        ended = [ferryman("--local", "keys", "revoke", name, LOCAL_STATE=folder) for name in ("5a11", "../x")]

    assert "Shop of Ada" in listed.stdout
    assert "2026-11-21T13:00:00.000Z" in listed.stdout
    assert [one.returncode for one in ended] == [0, 0]
    assert served.paths == ["/admin/keys/5a11", "/admin/keys/..%2Fx"]


def test_the_status_is_a_table_for_people_and_json_for_scripts(tmp_path: Path) -> None:
    """Both of the same answer."""
    shown, _ = answered(tmp_path, HEALTHY, "status")
    parsed, _ = answered(tmp_path, HEALTHY, "status", "--json")

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "31337" in shown.stdout
    assert "PAUSED" not in shown.stdout
    assert json.loads(parsed.stdout) == HEALTHY


def test_the_status_shows_each_endpoint_and_why_one_does_not_answer(tmp_path: Path) -> None:
    """As confirm measured it last: what an operator would otherwise have to ask each for."""
    (chain,) = HEALTHY["chains"]
    down = {"endpoint": 2, "status": "failed", "rests": True, "reason": "HTTP status 503", "latency_ms": 9}
    down |= {"head": None, "head_age_seconds": None}
    well = {"endpoint": 1, "status": "ok", "rests": False, "reason": None, "latency_ms": 12}
    well |= {"head": 7, "head_age_seconds": 1}
    measured = chain | {"measured_at": "2026-11-21T12:00:00.000Z", "endpoints": [well, down]}

    shown, _ = answered(tmp_path, {**HEALTHY, "chains": [measured]}, "status")

    assert "failed, rests: HTTP status 503" in shown.stdout
    assert "12 ms" in shown.stdout


def test_a_pause_is_the_first_thing_that_the_status_shows(tmp_path: Path) -> None:
    """With who and why."""
    shown, _ = answered(tmp_path, {**HEALTHY, "paused": [PAUSE]}, "status")

    first = shown.stdout.splitlines()[0]
    assert first.startswith("PAUSED chain 31337")
    assert "user/operator" in first
    assert "upgrade" in first


def test_a_pause_sends_its_scope_and_its_note(tmp_path: Path) -> None:
    """And nothing that was not said."""
    ended, (sent,) = answered(tmp_path, PAUSE, "pause", "--chain", "31337", "--note", "upgrade")

    assert ended.returncode == 0
    assert json.loads(sent) == {"chain_id": 31337, "note": "upgrade"}


@pytest.mark.parametrize(
    ("command", "state"), [("drain", "draining"), ("retire", "retired"), ("add", "active")]
)
def test_a_wallet_is_rotated_with_one_word(tmp_path: Path, command: str, state: str) -> None:
    """On the chain that was named."""
    arguments = ("wallets", command, DRAINING["address"], "--chain", "31337")
    ended, (sent,) = answered(tmp_path, {"wallets": [DRAINING]}, *arguments)

    assert ended.returncode == 0
    assert json.loads(sent) == {"chain_id": 31337, "state": state}
    assert DRAINING["address"] in ended.stdout


@pytest.mark.parametrize(
    ("options", "nonce", "sent", "end"),
    [
        ((), 7, [{"dry_run": True}], "--yes does it"),
        (("--yes",), 7, [{"dry_run": False}], "Moved with nonce 7"),
        (("--yes",), None, [{"dry_run": False}, {"state": "retired"}], "nothing is moved"),
        ((), None, [{"dry_run": True}], "nothing is moved"),
    ],
)
def test_a_wallet_is_retired_once_there_is_nothing_left_to_sweep(
    tmp_path: Path, options: tuple[str, ...], nonce: int | None, sent: list[dict[str, Any]], end: str
) -> None:
    """The first run moves its coin, the same again retires it; without --yes nothing is done."""
    to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    answer = {
        "dry_run": "--yes" not in options,
        "wallet": DRAINING,
        "wallets": [DRAINING],
        "to": to,
        "balance_wei": str(10**18),
        "amount_wei": str(9 * 10**17 if nonce else 0),
        "kept_wei": str(10**17 if nonce else 0),
        "nonce": nonce,
    }
    arguments = ("wallets", "retire", DRAINING["address"], "--chain", "31337", "--sweep-to", to, *options)
    ended, bodies = answered(tmp_path, answer, *arguments)

    assert ended.returncode == 0
    swept = {"chain_id": 31337, "to": to}
    expected = [swept | one if "dry_run" in one else {"chain_id": 31337} | one for one in sent]
    assert [json.loads(body) for body in bodies] == expected
    assert end in ended.stdout


def test_a_sweep_names_its_chain(tmp_path: Path) -> None:
    """Coin is moved on one chain at a time."""
    arguments = ("wallets", "retire", DRAINING["address"], "--sweep-to", DRAINING["address"])
    ended, bodies = answered(tmp_path, {}, *arguments)

    assert ended.returncode != 0
    assert bodies == []
    assert "--chain" in ended.stderr


@pytest.mark.parametrize(
    ("options", "dry_run", "unclear", "end"),
    [
        ((), True, [], "--yes does it"),
        (("--yes",), False, [], "Done."),
        ((), True, ["the endpoints count 3 and 5 mined transactions"], "Nothing may be done"),
    ],
)
def test_a_reset_says_first_what_it_would_do(
    tmp_path: Path, options: tuple[str, ...], *, dry_run: bool, unclear: list[str], end: str
) -> None:
    """Without --yes nothing is done; what is unclear is said, and why."""
    answer = {
        "dry_run": dry_run,
        "stored": DRAINING,
        "after": DRAINING | {"next_nonce": 9, "lowest_open": 5},
        "endpoints": [{"latest": 5, "pending": 5}],
        "open_nonces": [5, 8],
        "fills": [6, 7],
        "unclear": unclear,
    }
    arguments = ("wallets", "reset", DRAINING["address"], "--chain", "31337", *options)
    ended, (sent,) = answered(tmp_path, answer, *arguments)

    assert ended.returncode == 0
    assert json.loads(sent) == {"chain_id": 31337, "dry_run": dry_run}
    assert "2, from 6 to 7" in ended.stdout
    assert end in ended.stdout
    assert all(doubt in ended.stdout for doubt in unclear)


@pytest.mark.parametrize(
    ("body", "arguments", "shown"),
    [
        ({"wallets": []}, ("wallets",), "Wallets: none"),
        ({"wallets": [DRAINING]}, ("wallets", "status"), "draining"),
        ({"transactions": [], "has_more": False}, ("transactions", "list"), "Transactions: none"),
        (
            {"scope": "everything", "was_paused": False, "still_paused": [PAUSE]},
            ("resume",),
            "was not paused",
        ),
        ({"scope": "everything", "was_paused": True, "still_paused": []}, ("resume",), "Resumed: everything"),
        ({"transaction_id": NAME, "status": "VALIDATED"}, ("retry", NAME), "goes on: VALIDATED"),
        (
            {"queue": "submit", "redriven": 100, "may_have_more": True},
            ("deadletters", "redrive", "submit"),
            "100 messages of submit sent back",
        ),
    ],
)
def test_each_command_says_what_came_of_it(
    tmp_path: Path, body: dict[str, Any], arguments: tuple[str, ...], shown: str
) -> None:
    """In words."""
    ended, _ = answered(tmp_path, body, *arguments)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert shown in ended.stdout


HASH = "0x" + "a7" * 32
WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
RECORD: dict[str, Any] = {
    "transaction_id": NAME,
    "status": "CONFIRMED",
    "chain_id": 31337,
    "sender": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "received_at": "2026-11-21T12:00:00.000Z",
    "hash": HASH,
    "waiting_for": None,
    "reason": None,
}
POOL_WALLET: dict[str, Any] = {
    "chain_id": 31337,
    "address": WALLET,
    "state": "active",
    "next_nonce": 5,
    "open": 0,
    "open_nonces": [],
    "free_window": 16,
    "window": 16,
}
EVENT: dict[str, Any] = {
    "event": "payment_included",
    "transaction_id": NAME,
    "sequence": 3,
    "status": "PENDING",
    "at": "2026-11-21T12:00:02.000Z",
    "data": {"hash": HASH, "block_number": 42, "effective_gas_price": "1000000007"},
}
SHOWN: dict[tuple[str, ...], tuple[dict[str, Any], tuple[str, ...]]] = {
    ("transactions", "list"): ({"transactions": [RECORD, RECORD], "has_more": False}, (NAME,)),
    ("wallets",): ({"wallets": [POOL_WALLET]}, (WALLET,)),
    ("events", NAME): ({"events": [EVENT]}, (HASH,)),
    ("status",): (HEALTHY, ("31337", "1m 15s")),
}
"""What commands are answered, and what a person may want to copy from what they show."""


def on_a_terminal(folder: Path, body: object, *arguments: str, columns: int) -> str:
    """Run a command on a terminal of a width; give what it shows."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with serving(lambda _: Answer(200, json.dumps(body).encode())) as served:
        environment = {
            "PYTHONPATH": str(ROOT / "clients" / "cli"),
            "LOCAL_STATE": described(folder, served.url),
            "NO_COLOR": "1",
            "TERM": "dumb",
        }
        command = [sys.executable, "-m", "ferryman_cli", "--local", *arguments]
        subprocess.run(command, env=environment, stdout=its, stderr=its, check=True, timeout=60)
    os.close(its)
    with os.fdopen(ours, "rb") as shown:
        return os.read(shown.fileno(), 100_000).decode().replace("\r\n", "\n")


@pytest.mark.parametrize("arguments", SHOWN)
def test_on_a_terminal_of_80_columns_no_line_is_wider_and_no_id_is_cut(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """What does not fit into a table is told in a few lines each."""
    body, copied = SHOWN[arguments]

    shown = on_a_terminal(tmp_path, body, *arguments, columns=80)

    assert max(map(len, shown.splitlines())) <= 80
    for text in copied:
        assert text in shown


@pytest.mark.parametrize("arguments", SHOWN)
def test_in_a_pipe_a_row_is_one_line_with_everything(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """For grep, and for whoever saves it."""
    body, copied = SHOWN[arguments]

    ended, _ = answered(tmp_path, body, *arguments)

    rows = [line for line in ended.stdout.splitlines() if copied[0] in line]
    assert rows
    for row in rows:
        assert all(text in row for text in copied)


def test_in_a_pipe_hashes_and_addresses_are_whole_too(tmp_path: Path) -> None:
    """On a terminal they are shortened: there is one command more to see them."""
    body = {"transactions": [RECORD], "has_more": False}

    ended, _ = answered(tmp_path, body, "transactions", "list")
    shown = on_a_terminal(tmp_path, body, "transactions", "list", columns=200)

    assert HASH in ended.stdout
    assert RECORD["sender"] in ended.stdout
    assert HASH not in shown
    assert NAME in shown


def test_events_of_one_transaction_do_not_repeat_its_name(tmp_path: Path) -> None:
    """It was typed a line above; scripts still get it."""
    shown, _ = answered(tmp_path, {"events": [EVENT]}, "events", NAME)
    parsed, _ = answered(tmp_path, {"events": [EVENT]}, "events", NAME, "--json")

    assert NAME not in shown.stdout
    assert json.loads(parsed.stdout) == EVENT


def problem(status: int, code: str) -> dict[str, Any]:
    """Shape an error as Ferryman does."""
    errors = [{"field": "chain_id", "reason": "is not served here"}]
    return {"status": status, "code": code, "detail": "No such chain.", "errors": errors}


@pytest.mark.parametrize(
    ("status", "body", "exit_code", "said"),
    [
        (
            422,
            problem(422, "invalid_fields"),
            1,
            "No such chain. (422 invalid_fields)\n  chain_id: is",
        ),
        (403, {"message": "Missing Authentication Token"}, 4, "not open to these credentials"),
        (503, {"message": "Service Unavailable"}, 5, "503 Service Unavailable"),
        (404, {"message": "Not Found"}, 1, "Not Found"),
    ],
)
def test_a_refusal_is_told_without_a_traceback(
    tmp_path: Path, status: int, body: dict[str, Any], exit_code: int, said: str
) -> None:
    """And its exit code says of what sort it is."""
    ended, _ = answered(tmp_path, body, "pause", "--chain", "1", status=status)

    assert ended.returncode == exit_code
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def no_stack_named(_folder: Path) -> subprocess.CompletedProcess[str]:
    """Name no deployment."""
    return ferryman("status")


def no_local_stack(folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask for a local stack that is not there."""
    return ferryman("--local", "status", LOCAL_STATE=str(folder))


def no_credentials(_folder: Path) -> subprocess.CompletedProcess[str]:
    """Have no credentials."""
    url = f"http://{LOOPBACK}:{any_free_port()}"
    return ferryman("--stack", "x", "--region", "us-east-1", "status", AWS_ENDPOINT_URL=url)


def a_region_from_the_environment(_folder: Path) -> subprocess.CompletedProcess[str]:
    """Say the region as AWS's own command line takes it, and have no credentials."""
    return ferryman("--stack", "x", "status", AWS_REGION="us-east-1")


def no_region(_folder: Path) -> subprocess.CompletedProcess[str]:
    """Say no region."""
    return ferryman("--stack", "x", "status", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")  # noqa: S106


def no_profile(_folder: Path) -> subprocess.CompletedProcess[str]:
    """Name a profile that nobody configured."""
    return ferryman("--stack", "x", "--profile", "nobody", "status")


def no_answer(folder: Path) -> subprocess.CompletedProcess[str]:
    """Ask where nobody listens."""
    return ferryman(
        "--local", "status", LOCAL_STATE=described(folder, f"http://{LOOPBACK}:{any_free_port()}")
    )


@pytest.mark.parametrize(
    ("run", "exit_code", "said"),
    [
        (no_stack_named, 3, "Give --stack NAME (or FERRYMAN_STACK), or --local"),
        (no_local_stack, 3, "No local stack is running"),
        (no_credentials, 4, "No AWS credentials"),
        (a_region_from_the_environment, 4, "No AWS credentials"),
        (no_region, 4, "No region"),
        (no_profile, 4, "nobody"),
        (no_answer, 5, "no answer"),
    ],
)
def test_what_is_missing_is_told_in_one_line(
    tmp_path: Path, run: Callable[[Path], subprocess.CompletedProcess[str]], exit_code: int, said: str
) -> None:
    """A person at 3 a.m. reads what to do, and no traceback."""
    ended = run(tmp_path)

    assert ended.returncode == exit_code
    assert said in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", "2026-11-21T11:58:30+00:00"),
        ("2h", "2026-11-21T10:00:00+00:00"),
        ("2026-11-21T13:00:00+02:00", "2026-11-21T11:00:00+00:00"),
        ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00+00:00"),
    ],
)
def test_a_moment_is_a_time_with_its_offset_or_how_long_ago_it_was(text: str, expected: str) -> None:
    """Always compared in UTC."""
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    assert moment(text, now).isoformat() == expected


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "--since 'yesterday' is no moment"),
        (("--since", "2026-11-21T12:00:00"), "no offset from UTC"),
        (("--since", "1d", "--until", "2x"), "--until '2x' is no moment"),
        (("--since", "1d", "--status", "CONFIRMED"), "--status CONFIRMED: must be some of FAILED"),
        ((), "--since"),
    ],
)
def test_a_replay_of_no_clear_window_is_refused_before_anything_is_asked(
    arguments: tuple[str, ...], said: str
) -> None:
    """By name and reason."""
    ended = ferryman("--local", "replay", *arguments)

    assert ended.returncode == 2
    assert said in ended.stderr
