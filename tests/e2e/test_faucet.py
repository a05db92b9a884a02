"""The faucet over HTTPS: one who asks often has it once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
from eth_account import Account

from local.contracts import FAUCET_USDC, ONE_USDC
from tests.e2e.stack import Stack


def test_of_ten_who_ask_for_one_account_at_once_one_is_given(stack: Stack) -> None:
    """The balance rises once; the others are told when to come again, and no other chain gives."""
    account = Account.create().address
    body = {"address": account, "chain_id": stack.settings.chain_id}

    def ask(_place: int) -> httpx.Response:
        return stack.http.post("/faucet/usdc", json=body, timeout=40)

    stack.stay_within_a_day()
    with ThreadPoolExecutor(10) as executor:
        answers = list(executor.map(ask, range(10)))
    no_test_chain = stack.http.post("/faucet/usdc", json=body | {"chain_id": 1})

    # 202 where it took longer than the answer waits.
    taken = [one for one in answers if one.status_code in {httpx.codes.OK, httpx.codes.ACCEPTED}]
    others = [one for one in answers if one not in taken]
    assert len(taken) == 1, [(one.status_code, one.text) for one in answers]
    (given,) = taken
    assert stack.ended(given.json()["id"])["status"] == "CONFIRMED"
    assert {one.status_code for one in others} == {httpx.codes.TOO_MANY_REQUESTS}
    assert all(int(one.headers["Retry-After"]) > 0 for one in others)
    assert stack.contracts.usdc.functions.balanceOf(account).call() == FAUCET_USDC * ONE_USDC
    record = stack.http.get(f"/transactions/{given.json()['id']}").json()
    assert (record["kind"], record["status"]) == ("faucet", "CONFIRMED")
    assert (no_test_chain.status_code, no_test_chain.json()["code"]) == (403, "not_allowed")
