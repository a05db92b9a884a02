"""Agreement: what ends a transaction is the word of two endpoints, or of the only one."""

import pytest

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.units import Address, WalletNonce
from ferryman.ports import Chain
from ferryman.services.agreement import Hearing, hear, hear_each
from tests.fakes.chain import FakeChain
from tests.fakes.clock import FakeClock
from tests.support.payments import PAYEE, TOKEN, chain_settings

WALLETS = (Address(PAYEE), Address(TOKEN))


def counts_of(chain: Chain) -> tuple[WalletNonce, ...]:
    """Ask for the counts of two wallets."""
    return tuple(chain.transaction_count(wallet) for wallet in WALLETS)


def test_a_chain_with_one_endpoint_has_one_witness() -> None:
    """Which the record says."""
    heard = hear(FakeChain(chain_settings(), FakeClock()), lambda chain: chain.head().number)

    assert heard == Hearing((0,))
    assert (heard.witnesses, heard.is_unanimous()) == (1, True)


def test_two_witnesses_that_say_the_same_agree() -> None:
    """Each is asked for itself."""
    chain = FakeChain(chain_settings(), FakeClock())
    first, second = chain.served_by_two()

    heard = hear(chain, lambda witness: witness.head().number)

    assert (heard.witnesses, heard.is_unanimous()) == (2, True)
    assert first.asked == second.asked == ["head"]


@pytest.mark.parametrize("liar", [0, 1])
def test_a_single_lie_breaks_the_agreement(liar: int) -> None:
    """Whichever endpoint tells it, and only about what it is told of."""
    chain = FakeChain(chain_settings(), FakeClock())
    chain.served_by_two()[liar].counts[WALLETS[1]] = WalletNonce(7)

    honest, lied = hear_each(chain, counts_of)

    assert honest.is_unanimous()
    assert not lied.is_unanimous()
    assert not lied.confirms(lambda count: count == 0)
    assert honest.confirms(lambda count: count == 0)


@pytest.mark.parametrize("away", [0, 1])
def test_one_of_two_is_not_heard_alone(away: int) -> None:
    """Else a lying endpoint would only have to outlive the other one."""
    chain = FakeChain(chain_settings(), FakeClock())
    chain.served_by_two()[away].is_reachable = False

    with pytest.raises(ChainUnreachableError):
        hear(chain, lambda witness: witness.head())
