"""Explaining: each state of a transaction has its words, its blocker and its next step."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from ferryman.adapters.dynamodb.pauses import DynamoPauses
from ferryman.adapters.dynamodb.wallets import DynamoWallets
from ferryman.adapters.http.openapi.document import openapi_document
from ferryman.domain.errors import InvalidFieldsError, NotFoundError
from ferryman.domain.nonces import FillReason
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, Milliseconds, TransactionId, WalletNonce, Wei
from ferryman.intents import SIGNED
from ferryman.ports import Change
from ferryman.services.chains import ChainAccess
from ferryman.services.explaining import Explaining, wallet_request
from tests.fakes.payers import PAYEE
from tests.fakes.settled import MemoryWorld, memory_world
from tests.fakes.witness import FakeWitness


def explaining_of(memory: MemoryWorld) -> Explaining:
    """Build the service over a world's tables."""
    world = memory.world
    return Explaining(
        chains={world.settings.chain_id: ChainAccess(world.settings, memory.chain)},
        store=world.store,
        wallets=DynamoWallets(world.tables),
        pauses=DynamoPauses(world.tables),
        clock=memory.clock,
    )


def posted(memory: MemoryWorld, payer: int = 0) -> Transaction:
    """Accept a payment."""
    return memory.world.post(memory.payers[payer].pay(1_000, deadline=memory.deadline())).transaction


def delivered(memory: MemoryWorld) -> None:
    """Let submit do all it can."""
    while memory.world.deliver():
        pass


def blocked_by(memory: MemoryWorld, row: Transaction) -> str:
    """Explain a transaction; give the blocker."""
    return str(explaining_of(memory).transaction(row.transaction_id)["blocked_by"])


class TestWithoutANonce:
    """No gas can be spent on it yet."""

    def test_a_fresh_one_waits_for_submit(self) -> None:
        """Its sweep is the next thing that happens, if the message is lost."""
        memory = memory_world()
        row = posted(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert (found["status"], found["blocked_by"]) == ("VALIDATED", "queue")
        assert found["next_at"] is not None
        assert found["endpoints"][0]["head"] > 0
        assert found["nonce"] is None

    def test_a_pause_is_named_with_who_and_why(self) -> None:
        """And how to lift it."""
        memory = memory_world()
        row = posted(memory)
        pause = Pause(scope=Scope(), by="arn:ada", note="upgrade", since=memory.clock.now())
        DynamoPauses(memory.world.tables).put(pause)
        delivered(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "pause"
        assert "arn:ada" in found["summary"]
        assert "upgrade" in found["summary"]
        assert "resume" in found["next_action"]

    def test_a_full_window_is_named(self) -> None:
        """It waits for something else to be mined."""
        memory = memory_world(wallets=1, window=1, express_window=0, batch_size=0)
        memory.chain.is_mining = False
        posted(memory)
        row = posted(memory, 1)
        delivered(memory)

        assert blocked_by(memory, row) == "window"

    def test_what_wallets_lack_is_named_with_what_ends_it(self) -> None:
        """Money here: the next action says that one of them has to get some."""
        memory = memory_world()
        for wallet in memory.signer.wallets():
            memory.chain.coins[wallet] = Wei(0)
        row = posted(memory)
        delivered(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "wallets"
        assert "no wallet can pay for it" in found["summary"]
        assert "more coin" in found["next_action"]

    def test_every_endpoint_is_asked_and_told_by_its_number_in_the_list(self) -> None:
        """Also a third one, and whichever of them is away: the number is what an operator looks up."""
        memory = memory_world()
        row = posted(memory)
        first, second = memory.chain.served_by_two()
        memory.chain.endpoints = (first, second, FakeWitness(memory.chain))
        first.is_reachable = False

        found = explaining_of(memory).transaction(row.transaction_id)

        assert [(one["endpoint"], one["error"] is None) for one in found["endpoints"]] == [
            (1, False),
            (2, True),
            (3, True),
        ]

    def test_endpoints_that_are_away_are_named(self) -> None:
        """The answer comes all the same."""
        memory = memory_world()
        row = posted(memory)
        memory.chain.is_reachable = False
        delivered(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "endpoints"
        assert found["endpoints"][0]["error"]

    def test_a_revert_is_told_in_its_own_words_with_its_count(self) -> None:
        """It may pass, or be given up."""
        memory = memory_world()
        memory.chain.refused_payees.add(PAYEE)
        row = posted(memory)
        delivered(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert (found["blocked_by"], found["failures"]) == ("simulation", 1)
        assert "SafeERC20FailedOperation" in found["summary"]

    def test_what_is_given_up_is_with_deadletter(self) -> None:
        """Until that has ended it."""
        memory = memory_world(failures_allowed=1)
        memory.chain.refused_payees.add(PAYEE)
        row = posted(memory)
        delivered(memory)

        assert blocked_by(memory, row) == "dead_letter"

    def test_a_passed_deadline_is_said_before_anybody_ended_it(self) -> None:
        """Nobody waits for anything else any more."""
        memory = memory_world()
        row = posted(memory)
        memory.clock.sleep(Milliseconds(3_601_000))

        assert blocked_by(memory, row) == "deadline"


class TestWithANonce:
    """It holds it until something is mined."""

    def test_one_that_is_broadcast_waits_for_a_block(self) -> None:
        """Each endpoint says what it knows, and each attempt is listed."""
        memory = memory_world(wallets=1)
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert (found["status"], found["blocked_by"]) == ("PENDING", "block")
        assert len(found["nonce"]["attempts"]) == 1
        (endpoint,) = found["endpoints"]
        assert (endpoint["transaction_count"], endpoint["mined"]) == (0, None)
        assert found["wallet"]["open"] == 1

    def test_one_behind_another_names_it(self) -> None:
        """With the command that explains that one."""
        memory = memory_world(wallets=1, batch_size=0)
        memory.chain.is_mining = False
        first, second = posted(memory), posted(memory, 1)
        delivered(memory)

        found = explaining_of(memory).transaction(second.transaction_id)

        assert found["blocked_by"] == "lower_nonce"
        assert first.transaction_id in found["next_action"]
        assert [one["transactions"] for one in found["behind"]] == [[first.transaction_id]]

    def test_a_market_above_its_offer_is_named_with_both_figures(self) -> None:
        """The next step is a higher offer."""
        memory = memory_world(wallets=1)
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)
        memory.chain.base_fee = Wei(50 * 10**9)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "fees"
        assert "50.000" in found["summary"]
        assert found["next_action"] == "submit offers more."

    def test_at_its_cap_it_waits_for_the_market(self) -> None:
        """Nothing more may be offered."""
        memory = memory_world(wallets=1, max_fee_per_gas_cap_wei=Wei(2 * 10**9 + 10**6))
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)
        memory.chain.base_fee = Wei(50 * 10**9)

        assert "at its cap" in explaining_of(memory).transaction(row.transaction_id)["next_action"]

    def test_a_wallet_without_money_is_named_first(self) -> None:
        """Whoever reads it knows where to send coin."""
        memory = memory_world(wallets=1)
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)
        (wallet,) = memory.signer.wallets()
        memory.chain.coins[wallet] = Wei(1)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "balance"
        assert wallet in found["summary"]

    def test_an_unsigned_one_waits_for_the_key_service(self) -> None:
        """It was bound, and then something died."""
        memory = memory_world(wallets=1)
        row = posted(memory)
        memory.signer.is_available = False
        delivered(memory)

        assert blocked_by(memory, row) == "signature"

    def test_a_mined_one_counts_its_blocks(self) -> None:
        """Also before confirm has seen it."""
        memory = memory_world(wallets=1, required_confirmations=5)
        row = posted(memory)
        delivered(memory)
        memory.clock.sleep(Milliseconds(1_000))

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "confirmations"
        assert "of 5 blocks deep" in found["summary"]

    def test_one_that_is_used_up_says_why(self) -> None:
        """With the reason it will end with."""
        memory = memory_world(wallets=1)
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)
        bound = memory.world.store.get(row.transaction_id)
        assert bound is not None
        assert bound.wallet is not None
        assert bound.nonce is not None
        wallets = DynamoWallets(memory.world.tables)
        nonce_row = wallets.nonce_row(bound.chain_id, bound.wallet, bound.nonce)
        assert nonce_row is not None
        filling = replace(nonce_row.filling(FillReason.DEADLINE_PASSED), version=nonce_row.version + 1)
        wallets.replace_nonce_row(nonce_row, filling)

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "fill"
        assert "deadline has passed" in found["summary"]

    def test_one_whose_nonce_does_not_name_it_needs_a_recovery(self) -> None:
        """As after a restore of one table."""
        memory = memory_world(wallets=1)
        memory.chain.is_mining = False
        row = posted(memory)
        delivered(memory)
        bound = memory.world.store.get(row.transaction_id)
        assert bound is not None
        elsewhere = replace(bound, nonce=WalletNonce(77), version=bound.version + 1)
        memory.world.store.write(Change(before=bound, after=elsewhere))

        found = explaining_of(memory).transaction(row.transaction_id)

        assert found["blocked_by"] == "restore"
        assert "ferryman recover" in found["next_action"]


class TestWhatIsOver:
    """Nothing blocks it."""

    def test_a_confirmed_one_is_done(self) -> None:
        """No endpoint is asked for it."""
        memory = memory_world()
        row = posted(memory)
        memory.world.settle()

        found = explaining_of(memory).transaction(row.transaction_id)

        assert (found["blocked_by"], found["next_action"], found["endpoints"]) == ("nothing", None, [])
        assert found["summary"].startswith("Done")

    def test_a_failed_one_says_how_to_bring_it_back_while_there_is_time(self) -> None:
        """And says nothing of it later."""
        memory = memory_world(failures_allowed=1)
        memory.chain.refused_payees.add(PAYEE)
        row = posted(memory)
        memory.world.settle()

        found = explaining_of(memory).transaction(row.transaction_id)
        memory.clock.sleep(Milliseconds(4_000_000))
        later = explaining_of(memory).transaction(row.transaction_id)

        assert "retries_exhausted" in found["summary"]
        assert "ferryman retry" in found["next_action"]
        assert later["next_action"] is None

    def test_an_unknown_one_is_not_found(self) -> None:
        """404, not an empty page."""
        with pytest.raises(NotFoundError):
            explaining_of(memory_world()).transaction(TransactionId("0x" + "00" * 32))


class TestAWallet:
    """The page of a wallet."""

    def test_it_names_its_head_and_what_is_open(self) -> None:
        """Lowest first."""
        memory = memory_world(wallets=1, batch_size=0)
        memory.chain.is_mining = False
        rows = [posted(memory), posted(memory, 1)]
        delivered(memory)
        (address,) = memory.signer.wallets()

        found = explaining_of(memory).wallet(address, memory.world.settings.chain_id)

        assert [one["transactions"] for one in found["nonces"]] == [[row.transaction_id] for row in rows]
        assert rows[0].transaction_id in found["summary"]
        assert found["endpoints"][0]["transaction_count"] == 0

    def test_an_idle_one_says_so_and_what_the_chain_has_counted_beyond_it(self) -> None:
        """The sign of somebody else with its key."""
        memory = memory_world(wallets=1)
        posted(memory)
        memory.world.settle()
        (address,) = memory.signer.wallets()

        found = explaining_of(memory).wallet(address, memory.world.settings.chain_id)

        assert found["summary"] == "Nothing is open; the next nonce is 1."

    def test_a_stranger_to_the_deployment_is_not_found(self) -> None:
        """Whoever's wallet it is."""
        memory = memory_world()
        with pytest.raises(NotFoundError):
            explaining_of(memory).wallet(Address(PAYEE), memory.world.settings.chain_id)

    def test_the_chain_may_be_left_out_where_there_is_one(self) -> None:
        """A chain that is not served is refused by name."""
        memory = memory_world()
        chains = explaining_of(memory).chains
        chain_id = memory.world.settings.chain_id

        assert wallet_request(PAYEE, {}, chains) == (PAYEE, chain_id)
        assert wallet_request(PAYEE, {"chain_id": str(chain_id)}, chains) == (PAYEE, chain_id)
        with pytest.raises(InvalidFieldsError) as refused:
            wallet_request(PAYEE, {"chain_id": "1"}, chains)
        assert refused.value.problems[0].field == "chain_id"


def test_what_is_answered_is_what_the_document_says() -> None:
    """Before a nonce, with one behind another, at the end, and of the wallet."""
    memory = memory_world(wallets=1, batch_size=0)
    memory.chain.is_mining = False
    rows = [posted(memory), posted(memory, 1)]
    explaining, answers = explaining_of(memory), list[object]()
    answers.append(explaining.transaction(rows[1].transaction_id))
    delivered(memory)
    answers.append(explaining.transaction(rows[1].transaction_id))
    memory.chain.is_mining = True
    memory.world.settle()
    answers.append(explaining.transaction(rows[1].transaction_id))
    (address,) = memory.signer.wallets()

    for answer in answers:
        check("Explanation", answer)
    check("WalletExplanation", explaining.wallet(address, memory.world.settings.chain_id))


def check(model: str, answer: object) -> None:
    """Validate an answer by the document's schema of its model."""
    document = openapi_document(SIGNED.values(), version="0")
    schema = {"$ref": f"#/components/schemas/{model}", "components": document["components"]}
    Draft202012Validator(schema).validate(json.loads(json.dumps(answer)))
