"""Filling: the transaction that uses a nonce up and does nothing, so that later ones can be mined."""

from typing import Final

from ferryman.domain.eip1559 import Call
from ferryman.domain.fees import Eip1559Fees, price_fill
from ferryman.domain.nonces import FILL_GAS, NonceRow, Purpose
from ferryman.domain.terms import terms_of
from ferryman.domain.units import Gas
from ferryman.ports import Reverted
from ferryman.services.chains import ChainAccess
from ferryman.services.simulating import with_headroom

NO_DATA: Final = b""


def fill_call(row: NonceRow) -> Call:
    """Give the call of a fill: nothing, to the wallet itself."""
    return Call(row.wallet, NO_DATA)


def fill_terms(row: NonceRow, access: ChainAccess) -> tuple[Gas, Eip1559Fees]:
    """Give gas limit and fees of a nonce's fill, above all that was signed with the nonce before.

    Raises:
        ChainUnreachableError: as `Chain.simulate`.

    """
    simulation = access.chain.simulate([fill_call(row)], sender=row.wallet)
    (estimate,) = simulation.outcomes
    terms = terms_of(row, Purpose.FILL, access.settings)
    earlier = (attempt.fees for attempt in row.attempts)
    fees = price_fill(simulation.fee_history, earlier, min_tip=terms.min_tip, cap=terms.cap)
    return _gas_limit(row, estimate), fees


def _gas_limit(row: NonceRow, estimate: Gas | Reverted) -> Gas:
    """Give a limit that no node refuses; a fill that fails uses its nonce up as well."""
    if isinstance(estimate, Reverted):
        return max(row.gas_limit, FILL_GAS)
    return estimate if estimate == FILL_GAS else max(with_headroom(estimate), FILL_GAS)
