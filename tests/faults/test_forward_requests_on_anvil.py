"""Forward requests on a real chain, with OpenZeppelin's forwarder and a target that trusts it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3.exceptions import Web3Exception

from ferryman.domain.errors import NonceUsedError, TargetNotAllowedError, TrialFailedError
from ferryman.domain.forwarding import AllowedTarget, ForwarderSettings
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, Gas
from ferryman.intents.forward_request import FORWARD_REQUEST
from local.accounts import dev_accounts, operator
from local.chain import LocalChain
from local.contracts import FORWARDER_NAME, GUESTBOOK_SELECTORS
from tests.fakes.world import unwrapped
from tests.faults.real_chain import RealChain, RealWorld
from tests.support.forward_requests import forward_request, signable_forward_request

DONE: Final = (Status.CONFIRMED, None)


@dataclass
class Office:
    """A deployment over anvil with a forwarder, and a user without coin."""

    chain: RealChain
    real: RealWorld
    user: LocalAccount

    def signed(self, function: str = "sign", *arguments: object, **members: object) -> dict[str, Any]:
        """Write the post of a call of the guestbook as the user's wallet would."""
        guestbook = self.chain.contracts.guestbook
        given = arguments or (("hello",) if function == "sign" else ())
        data = bytes.fromhex(guestbook.encode_abi(function, list(given)).removeprefix("0x"))
        deadline = self.real.clock.now() // 1_000 + 600
        message = forward_request(
            **{"from": self.user.address, "to": guestbook.address, "data": data, "deadline": deadline},
        )
        message |= members
        contract = self.chain.contracts.forwarder.address
        signature = self.user.sign_message(signable_forward_request(message, contract=contract)).signature
        return {
            "chain_id": self.chain.settings.chain_id,
            **{name: message[name] for name in ("from", "to", "gas", "deadline")},
            "value": "0",
            "nonce": str(message["nonce"]),
            "data": "0x" + message["data"].hex(),
            "signature": "0x" + bytes(signature).hex(),
        }

    def post(self, body: dict[str, Any]) -> Transaction:
        """Post it; give its row."""
        return self.real.world.ingest("forward-request", body).transaction

    def end_of(self, *rows: Transaction) -> list[tuple[Status, str | None]]:
        """Let everything end; give how each did."""
        self.real.world.settle()
        self.real.world.check_events()
        self.real.world.check_nonces()
        known = self.real.world.store.get_many([row.transaction_id for row in rows])
        return [(row.status, row.reason) for row in known]

    def forward_elsewhere(self, *bodies: dict[str, Any], in_batch: bool = False) -> None:
        """Forward requests as somebody else."""
        settings, forwarder = self.chain.settings, self.chain.contracts.forwarder
        if not in_batch:
            stranger = LocalChain.at(self.chain.rpc_url, operator())
            for body in bodies:
                stranger.call([forwarder.functions.execute(_struct(body))])
            return
        assert settings.forwarder
        structs = [_struct(body) for body in bodies]
        LocalChain.at(self.chain.rpc_url, operator()).call(
            [forwarder.functions.executeBatch(structs, operator().address)]
        )

    def signatures(self) -> int:
        """How often the user has signed the book."""
        count: int = self.chain.contracts.guestbook.functions.signaturesOf(self.user.address).call()
        return count


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """Run a chain with a forwarder."""
    with RealChain.running(payers=1) as one:
        allowed = AllowedTarget(
            target=Address(one.contracts.guestbook.address), selectors=GUESTBOOK_SELECTORS
        )
        ours = ForwarderSettings(
            address=Address(one.contracts.forwarder.address), name=FORWARDER_NAME, allowed=(allowed,)
        )
        yield replace(one, settings=one.settings.model_copy(update={"forwarder": ours}))


@pytest.fixture
def office(chain: RealChain) -> Iterator[Office]:
    """Build one, and undo on the chain what it did."""
    with chain.rewound():
        yield Office(chain, chain.world(unwrapped), dev_accounts(1)[0])


def test_requests_are_forwarded_in_order_and_none_in_vain(office: Office) -> None:
    """Three at once, with two wallets: the real forwarder never has one out of turn to refuse."""
    before = office.chain.spent_nonces()

    rows = [office.post(office.signed(nonce=nonce)) for nonce in range(3)]

    assert office.end_of(*rows) == [DONE] * 3
    assert office.signatures() == 3
    assert office.chain.spent_nonces() - before == 3
    assert office.chain.contracts.forwarder.functions.nonces(office.user.address).call() == 3


def test_a_target_gets_all_the_gas_that_was_asked_for(office: Office) -> None:
    """More than it needs was asked for: the forwarder, which burns everything otherwise, is content."""
    row = office.post(office.signed(gas=400_000))

    assert office.end_of(row) == [DONE]
    (known,) = office.real.world.store.get_many([row.transaction_id])
    assert known.hash
    sent = office.chain.web3.eth.get_transaction(HexBytes(known.hash))
    least = ForwarderSettings.transaction_gas(Gas(400_000), call_bytes=len(bytes(sent["input"])))
    assert sent["gas"] >= least > 400_000 * 64 // 63
    assert known.gas_used
    assert known.gas_used < 150_000


def test_with_less_the_real_forwarder_burns_it_all(office: Office) -> None:
    """What the least gas is for: what is enough for the same call is not, once more was asked for."""
    execute = office.chain.contracts.forwarder.functions.execute
    enough = execute(_struct(office.signed(gas=60_000))).estimate_gas()

    with pytest.raises(Web3Exception, match="InvalidFEOpcode"):
        execute(_struct(office.signed(gas=400_000))).call({"gas": enough})


def test_the_real_contracts_say_why_a_request_would_fail(office: Office) -> None:
    """A target that reverts, a function that is not on the list."""
    with pytest.raises(TrialFailedError):
        office.post(office.signed("deface"))
    with pytest.raises(TargetNotAllowedError):
        office.post(office.signed("signaturesOf", office.user.address))
    assert not office.real.world.rows()


@pytest.mark.parametrize("in_batch", [False, True])
def test_a_strangers_transaction_counts_where_its_calldata_holds_our_signature(
    office: Office, *, in_batch: bool
) -> None:
    """By itself or in a batch; another request with the nonce is another one."""
    body = office.signed()
    first, second = office.post(body), office.post(office.signed(nonce=1))
    office.forward_elsewhere(body, office.signed(nonce=1, gas=90_000), in_batch=in_batch)

    assert office.end_of(first, second) == [DONE, (Status.FAILED, "nonce_used")]
    assert office.signatures() == 2
    with pytest.raises(NonceUsedError):
        office.post(office.signed(nonce=1, gas=80_000))


def test_a_repeat_of_what_was_forwarded_is_its_record(office: Office) -> None:
    """The same message again, after its nonce is used."""
    body = office.signed()
    row = office.post(body)
    office.end_of(row)

    again = office.real.world.ingest("forward-request", body)

    assert (again.is_new, again.transaction.transaction_id) == (False, row.transaction_id)
    assert FORWARD_REQUEST.marker(row.payload).nonce == "0"


def _struct(body: dict[str, Any]) -> dict[str, Any]:
    """Write what `execute` takes."""
    return {
        "from": body["from"],
        "to": body["to"],
        "value": 0,
        "gas": body["gas"],
        "deadline": body["deadline"],
        "data": body["data"],
        "signature": body["signature"],
    }


@pytest.mark.parametrize("gas", [1_000, 25_000])
def test_a_request_with_less_gas_than_its_target_takes_is_refused(office: Office, gas: int) -> None:
    """It would wait until its deadline, and all that its signer signed next with it."""
    with pytest.raises(TrialFailedError):
        office.post(office.signed(gas=gas))
