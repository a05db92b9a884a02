"""Meta-transactions on a real chain, with the real relay, token, target and price feed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from web3 import Web3

from ferryman.adapters.dynamodb.accounts import DynamoAccounts
from ferryman.adapters.dynamodb.markets import DynamoMarkets
from ferryman.domain.chain import TokenDomain
from ferryman.domain.errors import TargetNotAllowedError, TrialFailedError
from ferryman.domain.relaying import PriceFeed, RelaySettings
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, TokenUnits
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.services.chains import ChainAccess
from ferryman.services.drafting import Drafting
from ferryman.services.market import MarketBook
from ferryman.services.nonces import FreeNonces
from local.accounts import dev_accounts
from local.contracts import NEVER_STALE, ONE_USDC, USDC_PER_COIN
from tests.fakes.world import unwrapped
from tests.faults.real_chain import RealChain, RealWorld

COIN: Final = TokenUnits(USDC_PER_COIN * ONE_USDC)


@dataclass
class Office:
    """A deployment over anvil, and what proposes messages for it."""

    chain: RealChain
    real: RealWorld
    drafting: Drafting
    user: LocalAccount

    def quote(self, function: str, *arguments: object) -> dict[str, Any]:
        """Ask what a call of the guestbook costs, and what to sign."""
        return self.drafting(
            {
                "chain_id": self.chain.settings.chain_id,
                "target": self.chain.contracts.guestbook.address,
                "calldata": self.chain.contracts.guestbook.encode_abi(function, list(arguments)),
                "userAddress": self.user.address,
            }
        )

    def signed(self, quote: dict[str, Any]) -> dict[str, Any]:
        """Write the post as a wallet that signs both typed data."""
        request, payment = quote["typedData"]["metaTransaction"], quote["typedData"]["feeAuthorization"]
        return {
            "chain_id": quote["chain_id"],
            "target": request["message"]["target"],
            "calldata": request["message"]["data"],
            "gasLevel": request["message"]["gasLevel"],
            "userAddress": self.user.address,
            "gasLimit": quote["gasLimit"],
            "maxFee": quote["maxFee"],
            "nonce": quote["nonce"],
            "deadline": quote["deadline"],
            "signature": self._signature(request),
            "feeAuthorization": {
                "validAfter": int(payment["message"]["validAfter"]),
                "validBefore": int(payment["message"]["validBefore"]),
                "signature": self._signature(payment),
            },
        }

    def balance(self, holder: str) -> int:
        """What somebody has of the token."""
        units: int = self.chain.contracts.usdc.functions.balanceOf(Web3.to_checksum_address(holder)).call()
        return units

    def _signature(self, typed_data: dict[str, Any]) -> str:
        signed = self.user.sign_message(encode_typed_data(full_message=typed_data))
        return "0x" + bytes(signed.signature).hex()


@pytest.fixture(scope="module")
def chain() -> Iterator[RealChain]:
    """Run a chain whose relay takes the token, by the price of the feed."""
    with RealChain.running(payers=1) as one:
        usdc = Address(one.contracts.usdc.address)
        feed = PriceFeed(
            address=Address(one.contracts.price_feed.address),
            max_age_seconds=NEVER_STALE,
            least_units=TokenUnits(COIN // 10),
            most_units=TokenUnits(COIN * 10),
        )
        relay = RelaySettings(address=Address(one.contracts.relay.address), fee_token=usdc, price_feed=feed)
        tokens = {usdc: TokenDomain(name="USDC", version="2", takes_bytes=True)}
        settings = one.settings.model_copy(update={"relay": relay, "authorized_tokens": tokens})
        yield replace(one, settings=settings)


@pytest.fixture
def office(chain: RealChain) -> Iterator[Office]:
    """Build one, and undo on the chain what it did."""
    with chain.rewound():
        real = chain.world(unwrapped)
        reached = chain.reached(real.clock)
        drafting = Drafting(
            kind=META_TRANSACTION,
            chains={chain.settings.chain_id: ChainAccess(chain.settings, reached)},
            book=MarketBook(DynamoMarkets(real.world.tables), real.clock),
            next_nonce=FreeNonces(META_TRANSACTION, DynamoAccounts(real.world.tables)),
            clock=real.clock,
        )
        yield Office(chain, real, drafting, dev_accounts(1)[0])


def test_a_user_without_coin_signs_the_guestbook_and_pays_in_the_token(office: Office) -> None:
    """What is proposed is taken and carried out; the relay keeps what the gas cost and one percent."""
    before, quote = office.balance(office.user.address), office.quote("sign", "hello")

    office.real.world.ingest("meta-transaction", office.signed(quote))
    office.real.world.settle()

    (row,) = office.real.world.rows()
    assert (row.status, row.reason) == (Status.CONFIRMED, None)
    guestbook, relay = office.chain.contracts.guestbook, office.chain.contracts.relay
    assert guestbook.functions.signaturesOf(office.user.address).call() == 1
    assert row.fee_taken
    assert before - office.balance(office.user.address) == office.balance(relay.address) == row.fee_taken
    assert row.fee_taken <= int(quote["maxFee"])
    assert row.margin is not None
    assert row.margin >= 0
    assert office.drafting.nonce(Address(office.user.address))["nonce"] == "1"
    assert office.real.world.reserved() == office.real.world.held() == 0


def test_what_the_quote_says_covers_what_the_relay_charges(office: Office) -> None:
    """`overhead_gas` is no less than what the relay needs besides the target's call."""
    quote = office.quote("sign", "hello")
    office.real.world.ingest("meta-transaction", office.signed(quote))
    office.real.world.settle()

    (row,) = office.real.world.rows()
    assert row.gas_used
    assert row.gas_used <= quote["gas"]


def test_the_real_contracts_say_why_a_request_would_fail(office: Office) -> None:
    """A target that reverts, a function that is not on the list, a payment that somebody else signed."""
    body = office.signed(office.quote("sign", "hello"))
    forged = {**body["feeAuthorization"], "signature": body["signature"]}

    with pytest.raises(TrialFailedError):
        office.quote("deface")
    with pytest.raises(TargetNotAllowedError):
        office.quote("signaturesOf", office.user.address)
    with pytest.raises(TrialFailedError):
        office.real.world.ingest("meta-transaction", body | {"feeAuthorization": forged})
    assert not office.real.world.rows()
