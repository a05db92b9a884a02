"""Settlements on a real chain with the real token: what is mined, by whom, and what a token can do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from eth_account.signers.local import LocalAccount
from web3 import Web3

from ferryman.domain.chain import TokenDomain
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Milliseconds
from ferryman.ports import Chain, SendOutcome, SendResult
from ferryman.services.x402 import Facilitator
from local.accounts import dev_accounts
from tests.fakes.market import WorkingClock, facilitator_over
from tests.fakes.world import Wrap, unwrapped
from tests.faults.real_chain import RealChain, RealWorld, request
from tests.support.payments import PAYEE
from tests.support.settlements import authorization_signature, counterfactual
from tests.support.x402 import URL, requirements, signed_part

USED: Final = "invalid_exact_evm_nonce_already_used"
BURNS_GAS: Final = "0x5b600056"
"""Code that never ends, whatever is called."""
CLAIMS_MOST: Final = "0x5f19" + "5f52" + "60205ff3"
"""Code that answers every call with the greatest number there is."""
HOSTILE: Final = Address("0x" + "66" * 20)


class DeafOnce:
    """A chain whose node does not hear the first broadcast."""

    def __init__(self, chain: Chain, outcome: SendOutcome) -> None:
        self._chain, self._outcome = chain, outcome
        self.unheard = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (everything else is the chain's)
        """Do all else as the chain does."""
        return getattr(self._chain, name)

    def send(self, envelopes: Sequence[bytes]) -> tuple[SendResult, ...]:
        """Broadcast, but for the first time."""
        if self.unheard:
            return self._chain.send(envelopes)
        self.unheard = len(envelopes)
        return tuple(SendResult(self._outcome, "the connection broke") for _ in envelopes)


@dataclass
class RealMarket:
    """A facilitator over anvil, whose other functions work while it waits."""

    chain: RealChain
    real: RealWorld
    facilitator: Facilitator
    payer: LocalAccount
    others: WorkingClock

    def asked(
        self,
        number: int = 1,
        *,
        value: int = 1_000_000,
        asset: str = "",
        by: LocalAccount | None = None,
        wallet: str = "",
    ) -> dict[str, Any]:
        """Ask for a payment of this payer's, or another one's, or of a wallet that it signs for."""
        now, payer = self.real.clock.now() // 1_000, by or self.payer
        message = {
            "from": wallet or payer.address,
            "to": PAYEE,
            "value": value,
            "validAfter": now - 600,
            "validBefore": now + 300,
            "nonce": number.to_bytes(32),
        }
        asset = asset or self.chain.contracts.usdc.address
        signature = authorization_signature(message, by=payer, asset=asset)
        wanted = requirements(message, asset=asset)
        return {
            "x402Version": 2,
            "paymentPayload": {
                "x402Version": 2,
                "resource": {"url": URL},
                "accepted": wanted,
                "payload": signed_part(message, signature),
            },
            "paymentRequirements": wanted,
        }

    def payers(self) -> list[LocalAccount]:
        """Give all accounts that have the token, but for the payee's."""
        return [account for account in dev_accounts(self.chain.payers) if str(account.address) != PAYEE]

    def carry_out(self, body: dict[str, Any]) -> str:
        """Have a stranger send the payer's authorization; give the transaction's hash."""
        part = body["paymentPayload"]["payload"]
        one, signature = part["authorization"], bytes.fromhex(part["signature"][2:])
        transfer = self.chain.contracts.usdc.get_function_by_signature(
            "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)"
        )(
            one["from"],
            one["to"],
            int(one["value"]),
            int(one["validAfter"]),
            int(one["validBefore"]),
            one["nonce"],
            signature,
        )
        sent = transfer.transact({"from": self.chain.web3.eth.accounts[0]})
        request(self.chain.web3, "anvil_mine", "0x1", "0x1")
        return str(Web3.to_hex(sent))

    def paid(self) -> int:
        """What the payee has."""
        units: int = self.chain.contracts.usdc.functions.balanceOf(PAYEE).call()
        return units

    def row(self) -> Transaction:
        """The one row, which must equal the fold of its events."""
        self.real.world.check_events()
        (row,) = self.real.world.rows()
        return row


@pytest.fixture(scope="module")
def running() -> Iterator[RealChain]:
    """An anvil with the token on it, and payers that have some of it."""
    with RealChain.running() as started:
        yield started


@pytest.fixture
def market(running: RealChain) -> Iterator[RealMarket]:
    """A facilitator on that chain, with whatever a test does undone."""
    with running.rewound():
        yield market_on(running)


def market_on(chain: RealChain, *, patience_ms: int = 20_000, wrap: Wrap = unwrapped) -> RealMarket:
    """Build a facilitator on a chain."""
    real = chain.world(wrap)
    others = WorkingClock(real.world, real.clock)
    facilitator = facilitator_over(real.world, others, Milliseconds(patience_ms))
    return RealMarket(chain, real, facilitator, dev_accounts(1)[0], others)


def test_a_payment_is_settled_by_the_token_itself(market: RealMarket) -> None:
    """The money is the payee's, by the transaction that the answer names."""
    before = market.paid()

    verified = market.facilitator.verify(market.asked())
    answer = market.facilitator.settle(market.asked())

    assert verified == {"isValid": True, "payer": market.payer.address}
    assert answer["success"]
    assert market.paid() == before + 1_000_000
    receipt = market.chain.web3.eth.get_transaction_receipt(answer["transaction"])
    assert (receipt["status"], market.row().status) == (1, Status.CONFIRMED)
    assert market.facilitator.verify(market.asked())["invalidReason"] == USED


def test_twenty_at_once_are_one_transaction_at_half_the_gas(running: RealChain) -> None:
    """The BatchSettler's; each has its own place in the token's log."""
    with running.rewound():
        market = market_on(running, patience_ms=1)
        market.others.is_working = False
        bodies = [market.asked(number) for number in range(1, 22)]
        alone = market.facilitator.settle(bodies.pop())
        market.real.world.settle()
        before, spent = market.paid(), running.spent_nonces()

        for body in bodies:
            market.facilitator.settle(body)
        market.real.world.submit(market.real.world.queue.everything())
        market.real.world.queue.lose()
        market.real.world.settle()

        answers = [market.facilitator.settle(body) for body in bodies]
        assert alone["errorReason"] == "settlement_pending"
        assert all(answer["success"] for answer in answers)
        assert len({answer["transaction"] for answer in answers}) == 1
        assert running.spent_nonces() == spent + 1
        assert market.paid() == before + 20 * 1_000_000
        shares = [row.gas_share or 0 for row in market.real.world.rows() if row.batch_size]
        assert max(shares) <= 46_000


def test_what_a_stranger_carries_out_counts_for_the_seller(market: RealMarket) -> None:
    """After acceptance, before ours is sent: the payee has its money, by the transaction that is named."""
    body, before = market.asked(), market.paid()
    market.others.is_working = False
    market.facilitator.settle(body)
    theirs = market.carry_out(body)
    market.others.is_working = True

    answer = market.facilitator.settle(body)

    assert (answer["success"], answer["transaction"]) == (True, theirs)
    assert market.paid() == before + 1_000_000
    assert market.row().hash == theirs
    assert market.real.world.reserved() == 0


def test_what_a_stranger_carries_out_in_the_same_block_counts_as_well(market: RealMarket) -> None:
    """Ours is mined behind it and reverts."""
    body, before = market.asked(), market.paid()
    market.others.is_working = False
    market.facilitator.settle(body)
    market.real.world.deliver()
    request(market.chain.web3, "anvil_dropAllTransactions")
    theirs = market.carry_out(body)
    market.others.is_working = True
    market.real.world.settle()

    answer = market.facilitator.settle(body)

    assert (answer["success"], answer["transaction"]) == (True, theirs)
    assert market.paid() == before + 1_000_000
    market.real.world.check_nonces()


def test_a_nonce_that_its_payer_cancels_fails_and_pays_nobody(market: RealMarket) -> None:
    """Seen before ours is sent: no gas is spent."""
    body, before = market.asked(), market.paid()
    market.others.is_working = False
    market.facilitator.settle(body)
    cancelled = market.payer.sign_typed_data(
        domain_data={
            "name": "USDC",
            "version": "2",
            "chainId": market.chain.settings.chain_id,
            "verifyingContract": market.chain.contracts.usdc.address,
        },
        message_types={
            "CancelAuthorization": [
                {"name": "authorizer", "type": "address"},
                {"name": "nonce", "type": "bytes32"},
            ]
        },
        message_data={"authorizer": market.payer.address, "nonce": (1).to_bytes(32)},
    )
    market.chain.contracts.usdc.get_function_by_signature("cancelAuthorization(address,bytes32,bytes)")(
        market.payer.address, (1).to_bytes(32), cancelled.signature
    ).transact({"from": market.chain.web3.eth.accounts[0]})
    request(market.chain.web3, "anvil_mine", "0x1", "0x1")
    spent = market.chain.spent_nonces()
    market.others.is_working = True

    answer = market.facilitator.settle(body)

    assert (answer["success"], answer["errorReason"]) == (False, USED)
    assert (market.paid(), market.chain.spent_nonces()) == (before, spent)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("0x", "asset_not_deployed_contract"),
        (BURNS_GAS, "asset_not_deployed_contract"),
        (CLAIMS_MOST, "asset_not_deployed_contract"),
    ],
    ids=["no contract", "burns gas", "claims anything"],
)
def test_a_token_that_is_not_what_is_configured_is_refused_at_no_cost(
    running: RealChain, code: str, reason: str
) -> None:
    """However it answers: what it may burn is capped, and what it claims is compared with its domain."""
    with running.rewound():
        request(running.web3, "anvil_setCode", HOSTILE, code)
        domain = TokenDomain(name="USDC", version="2")
        settings = running.settings.model_copy(update={"authorized_tokens": {HOSTILE: domain}})
        market, spent = market_on(replace(running, settings=settings)), running.spent_nonces()
        body = market.asked(asset=HOSTILE)

        verified, settled = market.facilitator.verify(body), market.facilitator.settle(body)

        assert (verified["invalidReason"], settled["errorReason"]) == (reason, reason)
        assert (running.spent_nonces(), market.real.world.rows()) == (spent, ())
        assert market.real.world.reserved() == 0


@pytest.mark.parametrize("outcome", [SendOutcome.POSSIBLY_SENT, SendOutcome.REJECTED])
def test_a_broadcast_that_fails_once_leaves_no_gap(running: RealChain, outcome: SendOutcome) -> None:
    """The next payment has the next nonce, and waits for nobody for long: the first is sent again."""
    with running.rewound():
        deaf = list[DeafOnce]()

        def wrap(name: str, port: Any) -> Any:  # noqa: ANN401 (any port)
            if name != "chain":
                return port
            deaf.append(DeafOnce(port, outcome))
            return deaf[0]

        market = market_on(running, patience_ms=0, wrap=wrap)
        before, bodies = market.paid(), [market.asked(number) for number in (1, 2)]
        for body in bodies:
            market.facilitator.settle(body)
            market.real.world.deliver()
        market.real.world.settle()

        answers = [market.facilitator.settle(body) for body in bodies]

        assert deaf[0].unheard == 1
        assert all(answer["success"] for answer in answers)
        assert market.paid() == before + 2_000_000
        market.real.world.check_nonces()


def test_a_wallet_is_deployed_by_its_factory_and_pays_at_once(market: RealMarket) -> None:
    """By one transaction; the next payment finds it there. By another factory none is deployed."""
    contracts, owner = market.chain.contracts, market.payer
    wallet = contracts.wallet_factory.functions.walletOf(owner.address).call()
    contracts.usdc.functions.transfer(wallet, 2_000_000).transact({"from": owner.address})
    request(market.chain.web3, "anvil_mine", "0x2", "0x1")
    deployment = bytes.fromhex(contracts.wallet_factory.encode_abi("deploy", [owner.address])[2:])
    before = market.paid()

    def asked(number: int, factory: str) -> dict[str, Any]:
        body = market.asked(number, wallet=wallet)
        part = body["paymentPayload"]["payload"]
        inner = bytes.fromhex(part["signature"][2:])
        part["signature"] = "0x" + counterfactual(factory, deployment, inner).hex()
        return body

    ours = contracts.wallet_factory.address
    elsewhere = market.facilitator.settle(asked(1, contracts.usdc.address))
    code_before = market.chain.web3.eth.get_code(wallet)
    answers = [market.facilitator.settle(asked(number, ours)) for number in (1, 2)]

    assert elsewhere["errorReason"] == "eip6492_factory_not_allowed"
    assert not code_before
    assert all(answer["success"] for answer in answers), answers
    assert market.chain.web3.eth.get_code(wallet)
    assert market.paid() == before + 2_000_000


def test_a_node_that_dies_before_the_answer_changes_nothing(market: RealMarket) -> None:
    """The facilitator's process ends between broadcast and answer: the repeat names the same transaction."""
    body = market.asked()
    market.others.is_working = False
    market.facilitator.settle(body)
    market.real.world.deliver()
    pending = market.facilitator.settle(body)
    market.real.world.restart()
    another = facilitator_over(market.real.world, market.others, Milliseconds(20_000))
    market.others.is_working = True

    answer = another.settle(body)

    assert pending["errorReason"] == "settlement_pending"
    assert answer["success"]
    assert answer["transaction"] == pending["transaction"] != ""
