"""Simulation: would each call go through now, what may it cost, and if not, will it ever?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import FeeCapExceededError
from ferryman.domain.fees import FeeHistory, price
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, Gas
from ferryman.intents.kind import IntentKind
from ferryman.ports import Reverted, Simulation
from ferryman.services.binding import Ready
from ferryman.services.chains import ChainAccess

GAS_HEADROOM_BPS: Final = 12_500
"""Gas limit over the estimate: a slot that is warm or set now may not be so at inclusion."""
_BPS: Final = 10_000
_SELECTOR_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Each simulated row in one of three lists."""

    ready: tuple[Ready, ...]
    failed: tuple[tuple[Transaction, str], ...]
    """With the reason that never passes."""
    waiting: tuple[tuple[Transaction, str], ...]
    """With what stands in the way now."""
    market: FeeHistory


def simulate(
    rows: Sequence[Transaction], access: ChainAccess, *, kinds: Mapping[str, IntentKind], sender: Address
) -> Verdicts:
    """Simulate rows, each on its own, from a relayer wallet. No nonce and no gas is spent on it.

    Raises:
        ChainUnreachableError: as `Chain.simulate`.

    """
    calls = [kinds[row.kind].to_call(row.payload) for row in rows]
    simulation = access.chain.simulate(calls, sender=sender)
    ready: list[Ready] = []
    failed: list[tuple[Transaction, str]] = []
    waiting: list[tuple[Transaction, str]] = []
    for row, outcome in zip(rows, simulation.outcomes, strict=True):
        if reason := _permanent_reason(row, outcome, simulation, kinds):
            failed.append((row, reason))
        elif isinstance(outcome, Reverted):
            waiting.append((row, f"simulation reverts: {outcome.text}"))
        elif cause := _too_dear(row, outcome, simulation, access):
            waiting.append((row, cause))
        else:
            ready.append(Ready(row, with_headroom(outcome)))
    return Verdicts(tuple(ready), tuple(failed), tuple(waiting), simulation.fee_history)


def with_headroom(estimate: Gas) -> Gas:
    """Give the gas limit for an estimate."""
    return Gas(estimate * GAS_HEADROOM_BPS // _BPS)


def _permanent_reason(
    row: Transaction, outcome: Gas | Reverted, simulation: Simulation, kinds: Mapping[str, IntentKind]
) -> str | None:
    """Give the reason of a revert that time does not heal, if the endpoint is as new as acceptance was."""
    if not isinstance(outcome, Reverted) or simulation.block.number < (row.accepted_block or 0):
        return None
    selector = "0x" + outcome.data[:_SELECTOR_BYTES].hex()
    return kinds[row.kind].permanent_errors.get(selector)


def _too_dear(row: Transaction, gas: Gas, simulation: Simulation, access: ChainAccess) -> str | None:
    """Say what costs more than the operator pays."""
    settings = access.settings
    if gas > settings.gas_limit_cap:
        return f"it needs {gas} gas, the cap is {settings.gas_limit_cap}"
    try:
        price(
            simulation.fee_history,
            row.priority,
            min_tip=settings.min_priority_fee_wei,
            cap=settings.max_fee_per_gas_cap_wei,
        )
    except FeeCapExceededError as error:
        return str(error)
    return None
