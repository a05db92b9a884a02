"""Wallets of the deployed template: topped up by the treasury; drained, retired and reset by commands."""

from local.deployment import COIN_WEI
from tests.e2e.stack import Stack
from tests.e2e.test_operators import post, told
from tests.faults.real_chain import request


def count_of(stack: Stack, address: str) -> int:
    """How many transactions of an account are mined."""
    return stack.web3.eth.get_transaction_count(stack.web3.to_checksum_address(address))


def test_low_wallets_are_topped_up_by_the_treasury_and_the_payment_is_mined(stack: Stack) -> None:
    """By transfers that submit signs with the treasury's key."""
    treasury, wallets = stack.description.treasury, stack.description.wallets
    before = count_of(stack, treasury)
    balances = {wallet: stack.web3.eth.get_balance(wallet) for wallet in wallets}
    try:
        for wallet in wallets:
            request(stack.web3, "anvil_setBalance", wallet, hex(COIN_WEI // 2))
        record = stack.ended(post(stack, stack.payer(32)))
        topped_up = [stack.web3.eth.get_balance(wallet) for wallet in wallets]
    finally:
        for wallet, balance in balances.items():
            request(stack.web3, "anvil_setBalance", wallet, hex(balance))

    assert record["status"] == "CONFIRMED"
    assert max(topped_up) > 10 * COIN_WEI
    assert count_of(stack, treasury) - before in {1, len(wallets)}
    shown = told(stack, "wallets", "show", treasury, "--chain", str(stack.description.chain_id))
    assert shown["next_nonce"] == count_of(stack, treasury)


def test_a_wallet_is_drained_retired_and_put_back_while_payments_go_on(stack: Stack) -> None:
    """What rotation takes: nothing new is bound to the old one, and the other one goes on."""
    payer, (kept, old, *_) = stack.payer(32), stack.description.wallets
    assert {stack.ended(post(stack, payer))["status"] for _ in range(2)} == {"CONFIRMED"}
    before = count_of(stack, old)
    try:
        drained = told(stack, "wallets", "drain", old)
        meanwhile = [stack.ended(name) for name in [post(stack, payer) for _ in range(3)]]
        retired = told(stack, "wallets", "retire", old)
        afterwards = stack.ended(post(stack, payer))
    finally:
        added = told(stack, "wallets", "add", old)

    assert [one["wallets"][0]["state"] for one in (drained, retired, added)] == [
        "draining",
        "retired",
        "active",
    ]
    assert {record["status"] for record in [*meanwhile, afterwards]} == {"CONFIRMED"}
    assert {record["wallet"] for record in [*meanwhile, afterwards]} == {kept}
    assert count_of(stack, old) == before


def test_a_counter_that_a_stranger_moved_is_reset_after_a_dry_run(stack: Stack) -> None:
    """The drained wallet's key signs elsewhere; then counter and chain agree, and it is used again."""
    old = stack.description.wallets[1]
    stack.ended(post(stack, stack.payer(32)))
    told(stack, "wallets", "drain", old)
    try:
        request(stack.web3, "anvil_impersonateAccount", old)
        sent = stack.web3.eth.send_transaction({"from": old, "to": old})
        stack.web3.eth.wait_for_transaction_receipt(sent)
        arguments = ("wallets", "reset", old, "--chain", str(stack.description.chain_id))
        dry = told(stack, *arguments)
        done = told(stack, *arguments, "--yes")
        again = told(stack, *arguments)
    finally:
        request(stack.web3, "anvil_stopImpersonatingAccount", old)
        told(stack, "wallets", "add", old)

    count = count_of(stack, old)
    assert (dry["dry_run"], dry["after"]["next_nonce"], dry["unclear"]) == (True, count, [])
    assert done["dry_run"] is False
    assert again["stored"]["next_nonce"] == again["after"]["next_nonce"] == count
    assert stack.ended(post(stack, stack.payer(32)))["status"] == "CONFIRMED"
