"""What a payer has used of its limits: part of the ledger's item, which acceptance writes anyway."""

from dataclasses import dataclass, field

from ferryman.adapters.dynamodb.operations import Absent, AnyOf, AtMost, Condition, Equals, Item
from ferryman.domain.quotas import NONE, Charge, Quota
from ferryman.domain.units import TokenUnits


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUpdate:
    """The part of an update that counts one transaction."""

    set_to: dict[str, object] = field(default_factory=dict)
    add: dict[str, int] = field(default_factory=dict)
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
        history={int(day): count for day, count in item["history"].items()},
    )


def quota_update(charge: Charge) -> QuotaUpdate:
    """Count one transaction.

    The first of a day replaces what it has read. All others change numbers on conditions that hold
    in any order, so concurrent transactions of one payer do not get in each other's way.
    """
    return _first_of_day(charge) if charge.is_first_of_day else _next_of_day(charge)


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
    return QuotaUpdate(set_to=set_to, add=add, where=tuple(where))
