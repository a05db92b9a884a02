"""What a payer has used of its limits: part of the ledger's item, which acceptance writes anyway."""

from dataclasses import dataclass, field, replace
from typing import Final

from ferryman.adapters.dynamodb.operations import Absent, AnyOf, AtMost, Condition, Equals, Item
from ferryman.domain.economics import counted_gas
from ferryman.domain.quotas import NONE, Charge, Quota, day_of
from ferryman.domain.transaction import Transaction
from ferryman.domain.units import TokenUnits, Wei

_GAS: Final = "gas_"
"""Before the number of a day: what is accepted on one day may end on the next, and corrects its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUpdate:
    """The part of an update that counts one transaction."""

    set_to: dict[str, object] = field(default_factory=dict)
    add: dict[str, int] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    where: tuple[Condition, ...]


def quota_of(item: Item | None) -> Quota | None:
    """Read the part of a ledger's item, if it is there."""
    if item is None or "day" not in item:
        return None
    return Quota(
        full_at_us=item["full_at_us"],
        day=item["day"],
        count=item["day_count"],
        units=TokenUnits(item.get("day_units", NONE)),
        gas={int(name[len(_GAS) :]): Wei(gas) for name, gas in item.items() if name.startswith(_GAS)},
        history={int(day): count for day, count in item["history"].items()},
    )


def quota_update(charge: Charge) -> QuotaUpdate:
    """Count one transaction.

    The first of a day replaces what it has read. All others change numbers on conditions that hold
    in any order, so concurrent transactions of one payer do not get in each other's way.
    """
    update = _first_of_day(charge) if charge.is_first_of_day else _next_of_day(charge)
    stale = tuple(f"{_GAS}{day}" for day in charge.stale_days)
    return replace(update, add=update.add | _gas_on(charge.day, charge.gas), remove=stale)


def gas_correction(before: Transaction, after: Transaction) -> dict[str, int]:
    """Give what a change of a transaction adds to the gas of the day on which it was accepted."""
    return _gas_on(day_of(after.received_at), counted_gas(after) - counted_gas(before))


def _gas_on(day: int, wei: int) -> dict[str, int]:
    return {f"{_GAS}{day}": wei} if wei else {}


def _first_of_day(charge: Charge) -> QuotaUpdate:
    """Every charge moves the day or the count, so the two together name one state."""
    before, quota = charge.before, charge.after
    unchanged: tuple[Condition, ...] = (Absent("day"),)
    if before is not None:
        unchanged = (Equals("day", before.day), Equals("day_count", before.count))
    return QuotaUpdate(
        set_to={
            "full_at_us": quota.full_at_us,
            "day": quota.day,
            "day_count": quota.count,
            "day_units": quota.units,
            "history": {str(day): count for day, count in quota.history.items()},
        },
        where=unchanged,
    )


def _next_of_day(charge: Charge) -> QuotaUpdate:
    add, set_to = {"day_count": 1}, dict[str, object]()
    where: list[Condition] = [Equals("day", charge.day), AtMost("day_count", charge.limits.daily_count - 1)]
    if charge.finds_full_bucket:
        set_to["full_at_us"] = charge.at_us + charge.limits.interval_us
        where.append(AtMost("full_at_us", charge.at_us))
    else:
        add["full_at_us"] = charge.limits.interval_us
        where.append(AtMost("full_at_us", charge.latest_full_at_us))
    if (cap := charge.units_cap) is not None:
        add["day_units"] = charge.units
        where.append(AnyOf((Absent("day_units"), AtMost("day_units", cap - charge.units))))
    if (budget := charge.limits.daily_gas_wei) is not None:
        name = f"{_GAS}{charge.day}"
        where.append(AnyOf((Absent(name), AtMost(name, budget - charge.gas))))
    return QuotaUpdate(set_to=set_to, add=add, where=tuple(where))
