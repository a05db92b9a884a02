"""The facilitator, where the payer's wallet is not deployed yet (ERC-6492)."""

from typing import Any, Final

import pytest

from ferryman.domain.erc1271 import GAS_LIMIT
from ferryman.domain.erc6492 import DEPLOYMENT_GAS
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, hex_bytes
from ferryman.domain.wallet_factories import UndeployedWallets
from ferryman.intents.settlement import SETTLEMENT
from tests.fakes.market import FUNDS, NOTHING_SPENT, MemoryMarket, memory_market
from tests.support.payments import CHAIN_ID, PAYEE, STRANGER
from tests.support.settlements import (
    ASSET,
    DOMAIN,
    authorization,
    authorization_signature,
    counterfactual,
    settlement_settings,
)
from tests.support.x402 import requirements, signed_part

SETTLER: Final = Address("0x" + "51" * 20)
FACTORY: Final = Address("0x" + "52" * 20)
WALLET: Final = Address("0x" + "53" * 20)
CALLDATA: Final = b"deploy the wallet of " + hex_bytes(STRANGER.address)
WALLETS: Final = UndeployedWallets(settler=SETTLER, factories=(FACTORY,))
SETTINGS: Final = settlement_settings(undeployed_wallets=WALLETS)


def market_of(settings: Any = SETTINGS, *, funds: int = FUNDS) -> MemoryMarket:  # noqa: ANN401
    """Build a facilitator, and a wallet that has money and is not there."""
    market = memory_market(settings)
    market.chain.undeployed[WALLET.lower()] = CALLDATA
    market.chain.give(ASSET, WALLET, funds)
    return market


def asked(
    *, factory: str = FACTORY, calldata: bytes = CALLDATA, wrapped: bytes | None = None
) -> dict[str, Any]:
    """Ask for a payment of the wallet's, signed by its owner."""
    message = authorization(**{"from": WALLET})
    inner = authorization_signature(message, by=STRANGER)
    signature = counterfactual(factory, calldata, inner) if wrapped is None else wrapped
    wanted = requirements(message)
    offered = {
        "x402Version": 2,
        "resource": {"url": "https://api.example.com"},
        "accepted": wanted,
        "payload": signed_part(message, signature),
    }
    return {"x402Version": 2, "paymentPayload": offered, "paymentRequirements": wanted}


def test_a_wallet_is_deployed_with_its_first_settlement() -> None:
    """In one transaction, of the contract that may call its factory."""
    market = market_of()

    verified, answer = market.verify(asked()), market.settle(asked())

    (row,) = market.world.rows()
    assert verified == {"isValid": True, "payer": WALLET}
    assert (answer["success"], row.status, row.assured) == (True, Status.CONFIRMED, False)
    assert SETTLEMENT.to_call(row.payload).to == SETTLER
    assert market.chain.state.tokens.balances[ASSET.lower(), PAYEE.lower()] == 1_000_000
    assert market.settle(asked()) == answer


REFUSED: Final = {
    "a factory that is not listed": (asked(factory=STRANGER.address), "eip6492_factory_not_allowed"),
    "a factory that deploys another": (asked(calldata=b"?"), "invalid_exact_evm_payload_signature"),
    "a wallet that says no": (
        asked(wrapped=counterfactual(FACTORY, CALLDATA, b"")),
        "invalid_exact_evm_payload_signature",
    ),
    "nothing but the suffix": (
        asked(wrapped=bytes.fromhex("6492" * 16)),
        "invalid_exact_evm_payload_signature",
    ),
    "garbage before it": (
        asked(wrapped=b"\xff" * 96 + bytes.fromhex("6492" * 16)),
        "invalid_exact_evm_payload_signature",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_may_not_be_deployed_is_refused_and_costs_nothing(name: str) -> None:
    """No row, no signature, no transaction."""
    market, (body, reason) = market_of(), REFUSED[name]

    verified, settled = market.verify(body), market.settle(body)

    assert (verified["invalidReason"], settled["errorReason"]) == (reason, reason)
    assert (market.world.rows(), market.world.reserved(), market.spent) == ((), 0, NOTHING_SPENT)


@pytest.mark.parametrize(
    "settings",
    [
        settlement_settings(),
        SETTINGS.model_copy(
            update={"authorized_tokens": {ASSET: DOMAIN.model_copy(update={"takes_bytes": False})}}
        ),
    ],
    ids=["no factory is listed", "the token takes keys only"],
)
def test_without_a_factory_or_a_token_that_asks_wallets_none_is_deployed(settings: Any) -> None:  # noqa: ANN401
    """As without ERC-6492."""
    market = market_of(settings)

    assert market.verify(asked())["invalidReason"] == "invalid_exact_evm_payload_signature"
    assert market.spent == NOTHING_SPENT


def test_a_wallet_without_money_is_told_so() -> None:
    """Who vouches is asked apart from the transfer."""
    assert (
        market_of(funds=999_999).verify(asked())["invalidReason"] == "invalid_exact_evm_insufficient_balance"
    )


def test_what_a_factory_may_burn_is_capped() -> None:
    """It is foreign code, as wallets and tokens are."""
    intent = SETTLEMENT.parse(
        {
            "chain_id": CHAIN_ID,
            "asset": ASSET,
            "from": WALLET,
            "to": PAYEE,
            "value": "1",
            "valid_after": 0,
            "valid_before": 1_893_456_000,
            "nonce": "0x" + "2c" * 32,
            "signature": "0x" + counterfactual(FACTORY, CALLDATA, b"\x01").hex(),
        },
        {CHAIN_ID: SETTINGS},
    )

    (trial,) = SETTLEMENT.trials(intent.payload)

    assert intent.vouching
    assert intent.vouching.gas == GAS_LIMIT + DEPLOYMENT_GAS
    assert trial.gas == 300_000 + DEPLOYMENT_GAS
    assert trial.gas <= SETTINGS.gas_limit_cap
