"""What blockspace cost, as it was quoted: one item a span of time, gone after a day."""

from typing import Final

from ferryman.adapters.dynamodb.operations import (
    Absent,
    ConditionFailedError,
    Item,
    Put,
    Query,
    SortRange,
    Table,
    Tables,
)
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import Market
from ferryman.domain.units import ChainId, Instant, Wei

_KEPT_SECONDS: Final = 86_400


class DynamoMarkets:
    """The MarketStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def newest(self, chain_id: ChainId, kind: str, *, limit: int) -> tuple[Market, ...]:
        """Read the newest observations."""
        query = Query(
            table=Table.ACCOUNTS,
            partition=("account", _account(chain_id)),
            sort=SortRange("item", f"{kind}#", f"{kind}#~"),
            descending=True,
            limit=limit,
        )
        return tuple(_market_of(item) for item in self._tables.query(query))

    def keep(self, chain_id: ChainId, kind: str, market: Market) -> Market:
        """Store an observation unless its span of time has one."""
        item: Item = {
            "account": _account(chain_id),
            "item": f"{kind}#{market.observed_at:015d}",
            "observed_at": market.observed_at,
            "l1_fee": market.l1_fee,
            "expires_at": market.observed_at // 1_000 + _KEPT_SECONDS,
            **{f"gas_price_{tier}": price for tier, price in market.gas_prices.items()},
        }
        if market.units_per_native is not None:
            item["units_per_native"] = market.units_per_native
        try:
            self._tables.write(Put(table=Table.ACCOUNTS, item=item, where=(Absent("account"),)))
        except ConditionFailedError as error:
            stored = error.failed[0]
            return _market_of(stored) if stored else market
        return market


def _account(chain_id: ChainId) -> str:
    return f"{chain_id}:market"


def _market_of(item: Item) -> Market:
    return Market(
        observed_at=Instant(item["observed_at"]),
        gas_prices={tier: Wei(item[f"gas_price_{tier}"]) for tier in Tier},
        l1_fee=Wei(item["l1_fee"]),
        units_per_native=item.get("units_per_native"),
    )
