"""Simulation: would each call go through now, what may it cost, and if not, will it ever?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ferryman.domain.errors import ChainUnreachableError, FeeCapExceededError
from ferryman.domain.fees import FeeHistory, price
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import Address, Gas, WalletNonce, Wei
from ferryman.intents.kind import IntentKind
from ferryman.ports import Reverted, Simulation
from ferryman.services.agreement import hear
from ferryman.services.chains import ChainAccess
from ferryman.services.parcels import Ready

GAS_HEADROOM_BPS: Final = 12_500
"""Gas limit over the estimate: a slot that is warm or set now may not be so at inclusion."""
_BPS: Final = 10_000
_SELECTOR_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Doomed:
    """A row that will never go through."""

    row: Transaction
    reason: str
    """A machine-readable word."""
    witnesses: int
    """How many endpoints say so."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Each simulated row in one of four lists."""

    ready: tuple[Ready, ...]
    failed: tuple[Doomed, ...]
    waiting: tuple[tuple[Transaction, str], ...]
    """With what stands in the way now, and is not their own fault."""
    failing: tuple[tuple[Transaction, str], ...]
    """With a cause that may be their own, and may pass."""
    market: FeeHistory
    sender_count: WalletNonce
    """Mined transactions of the wallet it was done for."""
    balances: Mapping[Address, Wei]
    """Of the accounts that were asked about."""


def simulate(
    rows: Sequence[Transaction],
    access: ChainAccess,
    *,
    kinds: Mapping[str, IntentKind],
    sender: Address,
    payers: Sequence[Address] = (),
) -> Verdicts:
    """Simulate rows, each on its own, from a relayer wallet, and read `payers`' balances along the way.

    No nonce and no gas is spent on it.

    Raises:
        ChainUnreachableError: as `Chain.simulate`.

    """
    calls = [kinds[row.kind].to_call(row.payload) for row in rows]
    simulation = access.chain.simulate(calls, sender=sender, payers=payers)
    ready: list[Ready] = []
    suspects: list[Transaction] = []
    waiting: list[tuple[Transaction, str]] = []
    failing: list[tuple[Transaction, str]] = []
    for row, outcome in zip(rows, simulation.outcomes, strict=True):
        if _permanent_reason(row, outcome, simulation, kinds):
            suspects.append(row)
        elif isinstance(outcome, Reverted):
            to = failing if _may_be_its_own(row, outcome, kinds) else waiting
            to.append((row, f"simulation reverts: {outcome.text}"))
        elif outcome > access.settings.gas_limit_cap:
            failing.append((row, f"it needs {outcome} gas, the cap is {access.settings.gas_limit_cap}"))
        elif cause := _too_dear(row, simulation, access):
            waiting.append((row, cause))
        else:
            ready.append(Ready(row, with_headroom(outcome)))
    failed, doubted = _witnessed(suspects, access, kinds=kinds, sender=sender)
    return Verdicts(
        tuple(ready),
        failed,
        (*waiting, *doubted),
        tuple(failing),
        simulation.fee_history,
        simulation.sender_count,
        simulation.balances,
    )


def with_headroom(estimate: Gas) -> Gas:
    """Give the gas limit for an estimate."""
    return Gas(estimate * GAS_HEADROOM_BPS // _BPS)


def _witnessed(
    rows: Sequence[Transaction], access: ChainAccess, *, kinds: Mapping[str, IntentKind], sender: Address
) -> tuple[tuple[Doomed, ...], tuple[tuple[Transaction, str], ...]]:
    """Ask every witness about rows that one endpoint says will never go through.

    Returns:
        Those that all of them doom, for the same reason, and those that wait until they agree.

    """
    if not rows:
        return (), ()
    calls = [kinds[row.kind].to_call(row.payload) for row in rows]
    try:
        heard = hear(access.chain, lambda witness: witness.simulate(calls, sender=sender))
    except ChainUnreachableError as error:
        return (), tuple((row, f"its end waits for a second endpoint: {error.cause}") for row in rows)
    failed: list[Doomed] = []
    doubted: list[tuple[Transaction, str]] = []
    for place, row in enumerate(rows):
        reasons = {_permanent_reason(row, one.outcomes[place], one, kinds) for one in heard.answers}
        reason = reasons.pop()
        if reason and not reasons:
            failed.append(Doomed(row, reason, heard.witnesses))
        else:
            doubted.append((row, "the endpoints do not agree whether it will ever go through"))
    return tuple(failed), tuple(doubted)


def _permanent_reason(
    row: Transaction, outcome: Gas | Reverted, simulation: Simulation, kinds: Mapping[str, IntentKind]
) -> str | None:
    """Give the reason of a revert that time does not heal, if the endpoint is as new as acceptance was."""
    if not isinstance(outcome, Reverted) or simulation.block.number < (row.accepted_block or 0):
        return None
    return kinds[row.kind].permanent_errors.get(_selector(outcome))


def _may_be_its_own(row: Transaction, outcome: Reverted, kinds: Mapping[str, IntentKind]) -> bool:
    """Whether the call was tried and failed, for nothing that its kind knows to pass."""
    return outcome.is_execution and _selector(outcome) not in kinds[row.kind].passing_errors


def _selector(outcome: Reverted) -> str:
    return "0x" + outcome.data[:_SELECTOR_BYTES].hex()


def _too_dear(row: Transaction, simulation: Simulation, access: ChainAccess) -> str | None:
    """Say whether gas costs more than the operator pays now."""
    settings = access.settings
    try:
        price(
            simulation.fee_history,
            row.priority,
            min_tip=settings.min_priority_fee_wei,
            cap=settings.fee_cap(row.priority),
        )
    except FeeCapExceededError as error:
        return str(error)
    return None
