"""MetaTxRelay on a real anvil, as the local stack deploys it, with what eth_account signs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import pytest
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from web3.logs import DISCARD
from web3.types import TxReceipt

from local.accounts import dev_account, operator
from local.chain import LocalChain
from local.contracts import ONE_USDC, USDC_PER_COIN, LocalContracts, allow_relayers, deploy_contracts
from tests.support.anvil import Node

FOREVER: Final = 2**256 - 1
MAX_FEE: Final = 50 * ONE_USDC
TOKEN_PER_NATIVE: Final = USDC_PER_COIN * ONE_USDC
WEI_PER_COIN: Final = 10**18
REQUEST_MEMBERS: Final = (
    ("user", "address"),
    ("target", "address"),
    ("data", "bytes"),
    ("gasLevel", "string"),
    ("gasLimit", "uint256"),
    ("maxFee", "uint256"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
AUTHORIZATION_MEMBERS: Final = (
    ("from", "address"),
    ("to", "address"),
    ("value", "uint256"),
    ("validAfter", "uint256"),
    ("validBefore", "uint256"),
    ("nonce", "bytes32"),
)


@dataclass(frozen=True)
class Relayed:
    """A chain with a relay, a relayer and a user who has nothing but USDC."""

    chain: LocalChain
    contracts: LocalContracts
    relayer: LocalAccount
    user: LocalAccount

    def sign(self, domain: tuple[str, str, str], name: str, members: Any, message: Any) -> bytes:  # noqa: ANN401 (EIP-712)
        """Sign typed data as a wallet does."""
        title, version, contract = domain
        signed = self.user.sign_typed_data(
            domain_data={
                "name": title,
                "version": version,
                "chainId": self.chain.web3.eth.chain_id,
                "verifyingContract": contract,
            },
            message_types={name: [{"name": member, "type": kind} for member, kind in members]},
            message_data=message,
        )
        return bytes(signed.signature)

    def request(self, function: str, arguments: list[str], *, nonce: int) -> dict[str, object]:
        """Write a request to call the guestbook."""
        data = self.contracts.guestbook.encode_abi(function, arguments)
        return {
            "user": self.user.address,
            "target": self.contracts.guestbook.address,
            "data": bytes.fromhex(data.removeprefix("0x")),
            "gasLevel": "normal",
            "gasLimit": 100_000,
            "maxFee": MAX_FEE,
            "nonce": nonce,
            "deadline": FOREVER,
        }

    def execute(self, request: dict[str, object]) -> TxReceipt:
        """Have the relayer bring a request and its fee, both signed."""
        relay, usdc, eth = self.contracts.relay, self.contracts.usdc, self.chain.web3.eth
        request_signature = self.sign(
            ("CroGas", "1", relay.address), "MetaTransaction", REQUEST_MEMBERS, request
        )
        fee_signature = self.sign(
            ("USDC", "2", usdc.address),
            "ReceiveWithAuthorization",
            AUTHORIZATION_MEMBERS,
            {
                "from": self.user.address,
                "to": relay.address,
                "value": MAX_FEE,
                "validAfter": 0,
                "validBefore": FOREVER,
                "nonce": relay.functions.hashRequest(tuple(request.values())).call(),
            },
        )
        call = relay.functions.executeMetaTx(
            tuple(request.values()),
            request_signature,
            (usdc.address, 0, FOREVER, fee_signature),
            TOKEN_PER_NATIVE,
        )
        transaction = call.build_transaction(
            {
                "from": self.relayer.address,
                "nonce": eth.get_transaction_count(self.relayer.address),
                "gas": 500_000,
            }
        )
        signed = self.relayer.sign_transaction(cast("dict[str, Any]", transaction))
        sent = eth.send_raw_transaction(signed.raw_transaction)
        self.chain.web3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]
        return eth.get_transaction_receipt(sent)


@pytest.fixture
def relayed(node: Node) -> Iterator[Relayed]:
    """Deploy everything as on the local stack."""
    with node.rewound():
        chain = LocalChain.at(node.url, operator())
        contracts, relayer, user = deploy_contracts(chain), dev_account(3), dev_account(4)
        allow_relayers(chain, contracts, [relayer.address])
        chain.call([contracts.usdc.functions.mint(user.address, 10 * MAX_FEE)])
        yield Relayed(chain, contracts, relayer, user)


@pytest.mark.parametrize("message", ["", "hello" * 200], ids=["short", "long"])
def test_a_fee_is_what_the_receipt_says_was_spent_and_one_percent(relayed: Relayed, message: str) -> None:
    """Neither does the relayer lose, nor the user pay much for what the contract cannot meter."""
    relayed.execute(relayed.request("sign", [""], nonce=0))
    held = relayed.contracts.usdc.functions.balanceOf(relayed.contracts.relay.address).call()

    receipt = relayed.execute(relayed.request("sign", [message], nonce=1))

    assert receipt["status"] == 1
    assert relayed.contracts.guestbook.functions.signaturesOf(relayed.user.address).call() == 2
    fee = relayed.contracts.usdc.functions.balanceOf(relayed.contracts.relay.address).call() - held
    spent = receipt["gasUsed"] * receipt["effectiveGasPrice"] * TOKEN_PER_NATIVE / WEI_PER_COIN
    assert 1.01 * spent <= fee <= 1.03 * spent + 1


def test_a_call_that_fails_is_paid_for_and_told(relayed: Relayed) -> None:
    """The relayer's transaction succeeds, and its log says that the target's call did not."""
    receipt = relayed.execute(relayed.request("deface", [], nonce=0))

    assert receipt["status"] == 1
    [log] = relayed.contracts.relay.events.MetaTxExecuted().process_receipt(receipt, errors=DISCARD)
    assert log["args"]["success"] is False
    assert log["args"]["reason"].startswith(keccak(text="GuestbookDefaced(address)")[:4])
    assert 0 < log["args"]["fee"] < MAX_FEE
    assert relayed.contracts.relay.functions.nextNonce(relayed.user.address).call() == 1
