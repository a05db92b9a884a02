"""Filling: the transaction that uses a nonce up and does nothing, so that later ones can be mined."""

from typing import Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.fees import Eip1559Fees, price_fill
from ferryman.domain.nonces import FILL_GAS, NonceRow, Purpose
from ferryman.domain.terms import terms_of
from ferryman.domain.units import Gas, Wei
from ferryman.ports import Reverted
from ferryman.services.chains import ChainAccess
from ferryman.services.coverage import Coverage
from ferryman.services.simulating import with_headroom

NO_DATA: Final = b""


def fill_call(row: NonceRow) -> Call:
    """Give the call of a fill: nothing, to the wallet itself."""
    return Call(row.wallet, NO_DATA)


def fill_terms(row: NonceRow, access: ChainAccess, coverage: Coverage) -> tuple[NonceRow, Gas, Eip1559Fees]:
    """Give gas limit and fees of a nonce's fill, above all that was signed with the nonce before.

    What was kept for those bytes is more than the least of that: they needed more gas. So a fill is never
    above what its wallet can pay for, but for a nonce that nobody bound, for which nothing is kept.

    Returns:
        The nonce with what is kept for it, the gas limit, and the fees.

    Raises:
        ChainUnreachableError, StoreUnavailableError: as its ports say.

    """
    simulation = access.chain.simulate([fill_call(row)], sender=row.wallet)
    (estimate,) = simulation.outcomes
    terms = terms_of(row, Purpose.FILL, access.settings)
    earlier, gas_limit = [attempt.fees for attempt in row.attempts], _gas_limit(row, estimate)

    def priced(cap: Wei) -> Eip1559Fees:
        return price_fill(simulation.fee_history, earlier, min_tip=terms.min_tip, cap=cap)

    covered, fees = coverage(row, gas_limit, priced, cap=terms.cap)
    return covered, gas_limit, fees


def _gas_limit(row: NonceRow, estimate: Gas | Reverted) -> Gas:
    """Give a limit that no node refuses; a fill that fails uses its nonce up as well."""
    if isinstance(estimate, Reverted):
        return max(row.gas_limit, FILL_GAS)
    return estimate if estimate == FILL_GAS else max(with_headroom(estimate), FILL_GAS)
