"""What the conformance tests need to know of each kind to sign messages of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eth_account.signers.local import LocalAccount

from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import TokenUnits
from tests.fakes.chain import FakeChain
from tests.support.payments import CHAIN_ID, PAYER, TOKEN, address_of, chain_settings, signed_request

Signed = Callable[..., dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleKind:
    """How to make requests of one kind."""

    settings: ChainSettings
    signed: Signed
    """Gives a body signed by `by`, for a signer's `nonce`, until `deadline` (Unix seconds)."""
    changes: Mapping[str, object]
    """Fields of the body, each with a value that some other message has: signed fields, all of them."""
    quote: Mapping[str, object]
    """A body that asks for its fee."""
    fund: Callable[[FakeChain, LocalAccount], None]
    """Gives a signer what it needs for one message."""


def _fund_payments(chain: FakeChain, payer: LocalAccount) -> None:
    token = chain.settings.tokens[0]
    chain.lock(token, address_of(payer), TokenUnits(1_001_000))


SAMPLE_KINDS: Final[Mapping[str, SampleKind]] = {
    "payment": SampleKind(
        settings=chain_settings(),
        signed=signed_request,
        changes={
            "token": "0x" + "12" * 20,
            "from": "0x" + "13" * 20,
            "to": "0x" + "14" * 20,
            "amount": "1000001",
            "fee": "1001",
            "nonce": "8",
            "deadline": 1_893_452_401,
        },
        quote={
            "kind": "payment",
            "chain_id": CHAIN_ID,
            "token": TOKEN,
            "from": PAYER.address,
            "priority": "fast",
        },
        fund=_fund_payments,
    ),
}
"""By the kind's name: a new kind adds one entry here, and inherits the tests."""
