"""The users under examples/, as they are: without the chain's coin, they sign a guestbook."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from local.accounts import dev_account
from local.example import PAYER_INDEX, RUN, environment_of
from tests.e2e.stack import Stack

USERS: Final = ("user_meta_transaction", "user_forward_request")


def record_of(stack: Stack, name: str) -> dict[str, Any]:
    """Run a user to the end; give the record that it prints."""
    told = environment_of(stack.description.chains[0], stack.description)
    ended = subprocess.run(
        RUN[name].command, env=os.environ | told, capture_output=True, text=True, check=False, timeout=180.0
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    record: dict[str, Any] = json.loads(ended.stdout)
    return record


def test_users_sign_what_they_are_quoted_and_see_it_confirmed(stack: Stack) -> None:
    """One pays in USDC and one nothing; the guestbook knows both for the same user."""
    user, guestbook = dev_account(PAYER_INDEX).address, stack.contracts.guestbook
    before = guestbook.functions.signaturesOf(user).call()

    with ThreadPoolExecutor() as aside:
        records = list(aside.map(lambda name: record_of(stack, name), USERS))

    assert [(one["kind"], one["status"]) for one in records] == [
        ("meta-transaction", "CONFIRMED"),
        ("forward-request", "CONFIRMED"),
    ]
    assert guestbook.functions.signaturesOf(user).call() - before == 2
