"""EvmChain on a real anvil with the real contracts."""

import json
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account.signers.local import LocalAccount
from eth_utils.abi import function_signature_to_4byte_selector
from web3.types import RPCEndpoint

from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.domain.eip1559 import Call, Eip1559Transaction, transaction_hash
from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.fees import Eip1559Fees, Tier, price
from ferryman.domain.signatures import from_der
from ferryman.domain.units import Address, BlockNumber, Gas, Instant, Milliseconds, TxHash, WalletNonce, Wei
from ferryman.intents.payment import PAYMENT, escrow
from ferryman.ports import Counted, Depth, Read, Refusal, Reverted, SendOutcome, Trial
from local.ports import LOOPBACK, any_free_port
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.support.anvil import LOCKED, Node
from tests.support.http_server import Answer, serving
from tests.support.payments import (
    CHAIN_ID,
    PAYEE,
    PAYER,
    STRANGER,
    address_of,
    chain_settings,
    payment_message,
    request_body,
    signature_of,
)

GWEI = 10**9


def chain_on(node: Node, *urls: str, **changes: Any) -> tuple[EvmChain, FakeClock]:  # noqa: ANN401 (settings)
    """Give our adapter on a node, or on other addresses, with its clock."""
    now = node.web3.eth.get_block("latest")["timestamp"] * 1000
    settings, clock = node.settings(**changes), FakeClock(now)
    endpoints = FakeEndpoints(*(urls or (node.url,)))
    return EvmChain(settings, JsonRpc(settings.chain_id, endpoints, metrics=FakeMetrics()), clock), clock


def body(node: Node, **members: Any) -> dict[str, Any]:  # noqa: ANN401 (members of the message)
    """Sign a payment that is valid on a node."""
    deadline = node.web3.eth.get_block("latest")["timestamp"] + 3_600
    message = payment_message(token=node.usdc.address, deadline=deadline, **members)
    return request_body(message, signature_of(message, escrow=node.escrow.address))


def call_of(node: Node, one: dict[str, Any]) -> Call:
    """Give the contract call of a payment."""
    settings = node.settings()
    return PAYMENT.to_call(PAYMENT.parse(one, {settings.chain_id: settings}).payload)


def signed(
    wallet: LocalAccount, call: Call, *, nonce: int, gas: int = 300_000, max_fee: int = 5 * GWEI
) -> bytes:
    """Sign a transaction as submit does, with a key instead of KMS."""
    transaction = Eip1559Transaction(
        chain_id=CHAIN_ID,
        nonce=WalletNonce(nonce),
        fees=Eip1559Fees(max_fee_per_gas=Wei(max_fee), max_priority_fee_per_gas=Wei(min(GWEI, max_fee))),
        gas_limit=Gas(gas),
        call=call,
    )
    digest = transaction.signing_hash()
    der = PrivateKey(bytes(wallet.key)).sign(digest, hasher=None)
    return transaction.signed(from_der(der, digest, address_of(wallet)))


def transfer(to: str = PAYEE, value: int = 1) -> Call:
    """Send a little coin."""
    return Call(Address(to), b"", Wei(value))


# -- reading ------------------------------------------------------------------------------------


def test_the_deployed_contract_is_ours(node: Node) -> None:
    """Its domain and grace period are those we are configured for."""
    chain, _ = chain_on(node)

    reading = chain.read(PAYMENT.contract_reads(node.settings()))

    answers = [answer for answer in reading.answers if isinstance(answer, bytes)]
    assert PAYMENT.is_our_contract(answers, node.settings())
    assert not PAYMENT.is_our_contract(answers, node.settings(grace_seconds=100_000))


def test_the_contract_hashes_a_payment_as_we_do(node: Node) -> None:
    """What the payer signed for us is what the contract checks."""
    one = body(node)
    settings = node.settings()
    intent = PAYMENT.parse(one, {settings.chain_id: settings})

    members = [one[name] for name in ("token", "from", "to")]
    members += [int(one[name]) for name in ("amount", "fee", "nonce", "deadline")]
    assert bytes(node.escrow.functions.hashPayment(tuple(members)).call()) == intent.digest


def test_funds_are_read_as_deep_as_configured(node: Node) -> None:
    """A deposit of the newest block is not there yet for a reader of deep blocks."""
    chain, clock = chain_on(node, required_confirmations=3)
    node.lock(PAYER, 700)
    payload = request_payload(node)
    reads = PAYMENT.state_reads(payload)

    def balances() -> tuple[int, int, int]:
        clock.sleep(Milliseconds(10_000))
        reading = chain.read(reads)
        deep, newest = (escrow.payment_state(answer) for answer in reading.answers)  # type: ignore[arg-type]
        return reading.block, deep.balance, newest.balance

    head = int(node.web3.eth.block_number)
    assert balances() == (head - 2, LOCKED, LOCKED + 700)
    node.mine(2)
    assert balances() == (head, LOCKED + 700, LOCKED + 700)


def request_payload(node: Node) -> dict[str, str | int]:
    """Give the payload of a payment that is valid on a node."""
    settings = node.settings()
    return dict(PAYMENT.parse(body(node), {settings.chain_id: settings}).payload)


def test_an_older_block_can_be_asked_for(node: Node) -> None:
    """Only the deep calls go there; those at the head stay there."""
    chain, _ = chain_on(node)
    before = BlockNumber(int(node.web3.eth.block_number))
    node.lock(PAYER, 700)

    reading = chain.read(PAYMENT.state_reads(request_payload(node)), at=before)

    deep, newest = (escrow.payment_state(answer) for answer in reading.answers)  # type: ignore[arg-type]
    assert (reading.block, deep.balance, newest.balance) == (before, LOCKED, LOCKED + 700)


def test_a_head_seen_within_the_block_time_is_trusted_unless_a_fresh_one_is_asked_for(node: Node) -> None:
    """One round trip less for most requests; a refusal always looks again."""
    chain, clock = chain_on(node)
    first = chain.read([]).block
    node.mine(3)

    trusted = chain.read([]).block
    node.mine()
    brought_along = chain.read([]).block
    fresh = chain.read([], fresh=True).block
    node.mine()
    clock.sleep(Milliseconds(1_001))
    after_a_block_time = chain.read([]).block

    assert [block - first for block in (trusted, brought_along, fresh, after_a_block_time)] == [0, 3, 4, 5]


def test_a_head_that_others_saw_is_trusted_as_one_that_was_read(node: Node) -> None:
    """Whoever waited for the end of one message reads the funds for the next at once, and at its block."""
    chain, clock = chain_on(node)
    first = chain.read([]).block
    node.mine(3)
    clock.sleep(Milliseconds(5_000))

    chain.heard_of(BlockNumber(first + 2), at=Instant(clock.now() - 500))
    heard = chain.read([]).block
    chain.heard_of(BlockNumber(first + 1), at=clock.now())
    not_older = chain.read([]).block
    node.mine()
    clock.sleep(Milliseconds(5_000))
    chain.heard_of(BlockNumber(first + 3), at=Instant(clock.now() - 1_001))
    long_ago = chain.read([]).block
    chain.heard_of(BlockNumber(first + 4), at=Instant(clock.now() + 60_000))
    node.mine()
    clock.sleep(Milliseconds(1_001))
    by_a_clock_ahead = chain.read([]).block

    assert [block - first for block in (heard, not_older, long_ago, by_a_clock_ahead)] == [2, 3, 4, 5]


def test_a_head_that_others_saw_and_our_endpoint_has_not_is_not_insisted_on(node: Node) -> None:
    """Of nodes behind one address each has blocks at its own time; no funded message is put off for that."""
    chain, clock = chain_on(node)
    payload = request_payload(node)
    head = int(node.web3.eth.block_number)

    chain.heard_of(BlockNumber(head + 2), at=clock.now())
    reading = chain.read(PAYMENT.state_reads(payload))
    node.mine(3)
    trusted = chain.read(PAYMENT.state_reads(payload)).block

    (deep, _newest) = (escrow.payment_state(answer) for answer in reading.answers)  # type: ignore[arg-type]
    assert (reading.block, reading.head, deep.balance) == (head, head, LOCKED)
    assert trusted == head, "what it has seen itself is trusted as before"


def test_an_account_without_code_answers_nothing(node: Node) -> None:
    """Not an error: the caller sees that there is no contract."""
    chain, _ = chain_on(node)

    reading = chain.read([Read(address_of(STRANGER), escrow.GRACE_PERIOD)])

    assert reading.answers == (b"",)


def test_a_reverting_read_gives_the_contracts_error(node: Node) -> None:
    """With its data, and without spoiling the other answers of the batch."""
    chain, _ = chain_on(node)
    settings = node.settings()
    reverting = Read(settings.escrow, call_of(node, body(node)).data)

    refused, period = chain.read([reverting, Read(settings.escrow, escrow.GRACE_PERIOD)]).answers

    assert isinstance(refused, Reverted)
    assert refused.data[:4].hex() == error_selector(node, "AccessControlUnauthorizedAccount")
    assert isinstance(period, bytes)
    assert escrow.grace_period(period) == settings.grace_seconds


def error_selector(node: Node, name: str) -> str:
    """Compute an error's selector from the contract's ABI."""
    (entry,) = [one for one in node.escrow.abi if one["type"] == "error" and one["name"] == name]
    types = ",".join(str(member["type"]) for member in entry["inputs"])
    return function_signature_to_4byte_selector(f"{name}({types})").hex()


def test_a_contract_that_burns_its_gas_says_no(node: Node) -> None:
    """A read with a gas limit is of foreign code: running out of gas is its own refusal."""
    chain, _ = chain_on(node)
    burner = "0x" + "bb" * 20
    node.rpc("anvil_setCode", burner, "0x5b600056")  # an endless loop

    (answer,) = chain.read(
        [Read(Address(node.web3.to_checksum_address(burner)), b"", gas=Gas(200_000))]
    ).answers

    assert isinstance(answer, Reverted)


def test_the_head_and_its_number(node: Node) -> None:
    """Number, hash and time as the node has them."""
    chain, _ = chain_on(node)
    expected = node.web3.eth.get_block("latest")

    head = chain.head()

    assert (head.number, head.hash, head.timestamp_seconds) == (
        int(expected["number"]),
        expected["hash"].to_0x_hex(),
        int(expected["timestamp"]),
    )


# -- simulating ---------------------------------------------------------------------------------


def test_each_call_is_simulated_on_its_own(node: Node, wallet: LocalAccount) -> None:
    """Gas for the good one, the contract's error for the bad one, and the market for both."""
    chain, _ = chain_on(node)
    good = call_of(node, body(node, nonce=1))
    forged = body(node, nonce=2) | {"signature": body(node, nonce=3)["signature"]}
    poor = body(node, nonce=4, amount=LOCKED + 1, fee=0)

    simulation = chain.simulate([good, call_of(node, forged), call_of(node, poor)], sender=address_of(wallet))

    gas, invalid, insufficient = simulation.outcomes
    assert isinstance(gas, int)
    assert 40_000 < gas < 200_000
    assert isinstance(invalid, Reverted)
    assert PAYMENT.permanent_reason(invalid.data) == "signature_invalid"
    assert isinstance(insufficient, Reverted)
    assert insufficient.data[:4].hex() == error_selector(node, "PaymentInsufficientBalance")
    assert simulation.block.number == int(node.web3.eth.block_number)
    assert simulation.fee_history.next_base_fee > 0


def test_a_trial_passes_only_if_the_call_goes_through_with_its_gas(node: Node, wallet: LocalAccount) -> None:
    """It is run once with that limit, which an estimate leaves open."""
    chain, _ = chain_on(node)
    good = call_of(node, body(node, nonce=1))
    forged = call_of(node, body(node, nonce=2) | {"signature": body(node, nonce=3)["signature"]})
    (needed,) = chain.simulate([good], sender=address_of(wallet)).outcomes
    assert isinstance(needed, int)
    trials = [Trial(good, needed), Trial(good, Gas(needed // 2)), Trial(forged, Gas(1_000_000))]

    simulation = chain.simulate([good], sender=address_of(wallet), trials=trials)

    assert simulation.passed == (True, False, False)
    assert simulation.outcomes == (needed,)


def test_a_used_nonce_and_a_passed_deadline_are_permanent(node: Node, wallet: LocalAccount) -> None:
    """The contract's own words for what will never go through."""
    chain, _ = chain_on(node)
    one = body(node, nonce=5)
    chain.send([signed(wallet, call_of(node, one), nonce=0)])
    node.mine()
    late = call_of(node, body(node, nonce=6))
    node.rpc("evm_increaseTime", 4_000)
    node.mine()

    used, expired = chain.simulate(
        [call_of(node, body(node, nonce=5)), late], sender=address_of(wallet)
    ).outcomes

    assert isinstance(used, Reverted)
    assert isinstance(expired, Reverted)
    reasons = [PAYMENT.permanent_reason(one.data) for one in (used, expired)]
    assert reasons == ["nonce_used", "deadline_passed"]


def test_a_sender_without_the_role_reverts_and_that_may_pass(node: Node) -> None:
    """An operator who forgot the role must not lose payments."""
    chain, _ = chain_on(node)

    (outcome,) = chain.simulate([call_of(node, body(node))], sender=address_of(STRANGER)).outcomes

    assert isinstance(outcome, Reverted)
    assert PAYMENT.permanent_reason(outcome.data) is None


def test_the_fee_history_prices_every_tier(node: Node, wallet: LocalAccount) -> None:
    """From real blocks, with a tip in them."""
    chain, _ = chain_on(node)
    chain.send([signed(wallet, transfer(), nonce=0)])
    node.mine(2)

    history = chain.fee_history()

    assert history.tips.keys() == set(Tier)
    assert all(len(tips) == len(history.tips[Tier.SLOW]) > 0 for tips in history.tips.values())
    fees = [price(history, tier, min_tip=Wei(1), cap=Wei(10**12)) for tier in Tier]
    assert all(fee.max_fee_per_gas > history.next_base_fee for fee in fees)


# -- sending ------------------------------------------------------------------------------------


def test_a_payment_is_sent_mined_and_found(node: Node, wallet: LocalAccount) -> None:
    """Receipt by block and by hash, and the money moved."""
    chain, _ = chain_on(node)
    raw = signed(wallet, call_of(node, body(node, amount=900, fee=100)), nonce=0)

    (sent,) = chain.send([raw])
    block = BlockNumber(node.mine())

    assert sent.outcome is SendOutcome.SENT
    (receipt,) = chain.block_receipts([block])
    assert receipt.succeeded
    assert receipt.hash == transaction_hash(raw)
    assert receipt.block_number == block
    assert receipt.block_hash == node.web3.eth.get_block(block)["hash"].to_0x_hex()
    assert 40_000 < receipt.gas_used < 200_000
    assert receipt.effective_gas_price > GWEI
    assert chain.receipts([receipt.hash, TxHash("0x" + "00" * 32)]) == (receipt, None)
    (called,) = chain.calls([receipt.hash])
    assert called.to == str(node.escrow.address)
    assert called.data[:4] == escrow.EXECUTE_PAYMENT
    with pytest.raises(ChainUnreachableError):
        chain.calls([TxHash("0x" + "00" * 32)])
    assert node.usdc.functions.balanceOf(PAYEE).call() == 900


def test_a_reverted_transaction_has_a_receipt_that_says_so(node: Node) -> None:
    """Gas was paid; nothing moved."""
    chain, _ = chain_on(node)
    node.rpc("anvil_setBalance", STRANGER.address, hex(10**20))
    raw = signed(STRANGER, call_of(node, body(node)), nonce=0)
    chain.send([raw])

    (receipt,) = chain.block_receipts([BlockNumber(node.mine())])

    assert not receipt.succeeded


def test_receipts_of_several_blocks_come_together(node: Node, wallet: LocalAccount) -> None:
    """Empty blocks among them have none."""
    chain, _ = chain_on(node)
    blocks, hashes = [], []
    for nonce in range(3):
        raw = signed(wallet, transfer(), nonce=nonce)
        chain.send([raw])
        hashes.append(transaction_hash(raw))
        blocks += [BlockNumber(node.mine()), BlockNumber(node.mine())]

    assert [receipt.hash for receipt in chain.block_receipts(blocks)] == hashes
    assert chain.block_receipts([]) == ()


def test_a_block_that_is_not_there_is_no_empty_block(node: Node) -> None:
    """Absence is not proof: the endpoint may lag."""
    chain, _ = chain_on(node)

    with pytest.raises(ChainUnreachableError):
        chain.block_receipts([BlockNumber(int(node.web3.eth.block_number) + 1)])


def test_only_mined_transactions_count(node: Node, wallet: LocalAccount) -> None:
    """The pending count moves before receipts exist, and decides nothing."""
    chain, _ = chain_on(node)
    chain.send([signed(wallet, transfer(), nonce=0)])

    before = chain.transaction_count(address_of(wallet))
    node.mine()

    assert (before, chain.transaction_count(address_of(wallet))) == (0, 1)


def test_counts_are_of_what_is_mined_of_what_waits_without_a_gap_and_of_old_blocks(
    node: Node, wallet: LocalAccount
) -> None:
    """What waits behind a gap is not counted: there a mempool has lost something."""
    chain, _ = chain_on(node)
    address, old = address_of(wallet), BlockNumber(node.mine())
    chain.send([signed(wallet, transfer(), nonce=0)])
    node.mine()
    chain.send([signed(wallet, transfer(), nonce=nonce) for nonce in (1, 2, 4)])

    counts = chain.transaction_counts([(address, Counted.LATEST), (address, Counted.PENDING), (address, old)])

    assert counts == (1, 3, 0)
    assert chain.transaction_counts([]) == ()


def test_balances_are_read_in_one_batch(node: Node) -> None:
    """Of several accounts, in the order asked, and of one that never had any."""
    chain, _ = chain_on(node)
    rich, empty = node.web3.eth.accounts[0], "0x" + "00" * 19 + "99"

    balances = chain.balances([Address(empty), Address(rich)])

    assert balances[0] == 0
    assert balances[1] == int(node.web3.eth.get_balance(rich)) > 0


def test_balances_come_along_with_a_simulation(node: Node, wallet: LocalAccount) -> None:
    """In its batch, and none of them is taken for an outcome."""
    chain, _ = chain_on(node)
    rich, empty = Address(node.web3.eth.accounts[0]), Address("0x" + "00" * 19 + "99")

    seen = chain.simulate(
        [call_of(node, body(node, nonce=1))], sender=address_of(wallet), payers=[empty, rich]
    )

    assert len(seen.outcomes) == 1
    assert isinstance(seen.outcomes[0], int)
    assert seen.balances == {empty: 0, rich: int(node.web3.eth.get_balance(node.web3.eth.accounts[0]))}


def test_an_account_with_a_delegation_is_known_by_its_code(node: Node) -> None:
    """EIP-7702's indicator; a contract and an ordinary account are none."""
    chain, _ = chain_on(node)
    delegated, contract = Address("0x" + "00" * 19 + "98"), Address(node.usdc.address)
    ordinary = Address(node.web3.eth.accounts[0])
    node.rpc("anvil_setCode", delegated, "0xef0100" + contract[2:].lower())

    assert chain.delegated([ordinary, delegated, contract]) == {delegated}


def test_the_same_bytes_again_are_known(node: Node, wallet: LocalAccount) -> None:
    """In the mempool that is success; once mined, the nonce is too low, and nobody knows by whom."""
    chain, _ = chain_on(node)
    raw = signed(wallet, transfer(), nonce=0)
    chain.send([raw])

    (known,) = chain.send([raw])
    node.mine()
    (mined,) = chain.send([raw])

    assert known.outcome is SendOutcome.SENT
    assert "already imported" in known.text.lower()
    assert (mined.outcome, mined.refusal) == (SendOutcome.POSSIBLY_SENT, Refusal.NONCE_TOO_LOW)
    assert "nonce too low" in mined.text.lower()


def test_another_transaction_with_the_nonce_is_not_taken_for_ours(node: Node, wallet: LocalAccount) -> None:
    """Replacing needs more; these bytes were not taken, and those that are there may be mined."""
    chain, _ = chain_on(node)
    chain.send([signed(wallet, transfer(value=1), nonce=0)])

    (refused,) = chain.send([signed(wallet, transfer(value=2), nonce=0)])

    assert (refused.outcome, refused.refusal) == (SendOutcome.REJECTED, Refusal.REPLACEMENT)
    assert "underpriced" in refused.text.lower()


def test_a_wallet_without_funds_is_certainly_refused(node: Node) -> None:
    """It passes when somebody tops the wallet up."""
    chain, _ = chain_on(node)
    node.rpc("anvil_setBalance", STRANGER.address, "0x0")

    (refused,) = chain.send([signed(STRANGER, transfer(), nonce=0)])

    assert (refused.outcome, refused.refusal) == (SendOutcome.REJECTED, Refusal.FUNDS)
    assert "insufficient funds" in refused.text.lower()


@pytest.mark.parametrize("gas", [20_000, 10**9])
def test_a_gas_limit_that_cannot_do_is_permanent(node: Node, wallet: LocalAccount, gas: int) -> None:
    """Too low for any transaction, or too high for any block: these bytes are never mined."""
    chain, _ = chain_on(node)
    node.rpc("anvil_setBalance", wallet.address, hex(10**22))

    (refused,) = chain.send([signed(wallet, transfer(), nonce=0, gas=gas)])

    assert (refused.outcome, refused.refusal) == (SendOutcome.PERMANENT, Refusal.PERMANENT)


def test_a_fee_below_the_base_fee_is_certainly_refused(node: Node, wallet: LocalAccount) -> None:
    """It passes when the base fee falls."""
    chain, _ = chain_on(node)

    (refused,) = chain.send([signed(wallet, transfer(), nonce=0, max_fee=1)])
    node.mine()

    assert (refused.outcome, refused.refusal) == (SendOutcome.REJECTED, Refusal.UNDERPRICED)
    assert chain.transaction_count(address_of(wallet)) == 0


def test_garbage_is_never_taken_for_sent(node: Node) -> None:
    """A node's words for it are not known, so it counts as possibly sent."""
    chain, _ = chain_on(node)

    (result,) = chain.send([b"\x02\xc0garbage"])

    assert result.outcome is SendOutcome.POSSIBLY_SENT
    assert result.text


def test_each_of_a_batch_has_its_own_outcome(node: Node, wallet: LocalAccount) -> None:
    """In the order sent."""
    chain, _ = chain_on(node)
    node.rpc("anvil_setBalance", STRANGER.address, "0x0")
    raws = [
        signed(wallet, transfer(), nonce=0),
        signed(STRANGER, transfer(), nonce=0),
        signed(wallet, transfer(), nonce=1),
        signed(wallet, transfer(), nonce=0),
    ]

    outcomes = [result.outcome for result in chain.send(raws)]
    node.mine()

    assert outcomes == [SendOutcome.SENT, SendOutcome.REJECTED, SendOutcome.SENT, SendOutcome.SENT]
    assert chain.transaction_count(address_of(wallet)) == 2


def test_an_unreachable_node_has_possibly_got_it(node: Node, wallet: LocalAccount) -> None:
    """Sending never raises; everything else says that the chain is away."""
    chain, _ = chain_on(node, f"http://{LOOPBACK}:{any_free_port()}")
    raws = [signed(wallet, transfer(), nonce=nonce) for nonce in (0, 1)]

    assert [result.outcome for result in chain.send(raws)] == [SendOutcome.POSSIBLY_SENT] * 2
    for ask in (
        chain.head,
        chain.fee_history,
        lambda: chain.read([], fresh=True),
        lambda: chain.simulate([transfer()], sender=address_of(wallet)),
        lambda: chain.transaction_count(address_of(wallet)),
        lambda: chain.receipts([TxHash("0x" + "00" * 32)]),
        lambda: chain.block_receipts([BlockNumber(1)]),
    ):
        with pytest.raises(ChainUnreachableError):
            ask()


def test_the_second_endpoint_answers_when_the_first_is_away(node: Node) -> None:
    """Nobody notices but the first one's operator."""
    chain, _ = chain_on(node, f"http://{LOOPBACK}:{any_free_port()}", node.url)

    assert int(chain.head().number) == node.web3.eth.block_number


def test_deep_reads_name_the_block_of_the_reading(node: Node) -> None:
    """Depth is a property of each call."""
    read = Read(node.settings().escrow, escrow.GRACE_PERIOD, Depth.CONFIRMED)
    chain, _ = chain_on(node, required_confirmations=2)

    reading = chain.read([read])

    assert reading.block == node.web3.eth.block_number - 1
    assert len(reading.answers) == 1


def test_the_newest_final_block_is_read_where_the_node_knows_it(node: Node) -> None:
    """Anvil counts two epochs of 32 blocks."""
    chain, _ = chain_on(node)
    node.web3.provider.make_request(RPCEndpoint("anvil_mine"), ["0x46", "0x0"])

    assert chain.finalized() == chain.head().number - 64


def test_a_node_that_knows_no_final_block_says_so() -> None:
    """By an error of its own, or by none at all: neither is trouble with the endpoint."""
    refused = {"error": {"code": -32602, "message": "unknown block tag: finalized"}}
    for answer in (refused, {"result": None}):
        body = json.dumps([{"jsonrpc": "2.0", "id": 0, **answer}]).encode()
        with serving(lambda _, body=body: Answer(200, body)) as served:  # type: ignore[misc]
            rpc = JsonRpc(CHAIN_ID, FakeEndpoints(served.url), metrics=FakeMetrics())

            assert EvmChain(chain_settings(), rpc, FakeClock(0)).finalized() is None
