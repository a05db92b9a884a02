"""Statistics of a chain: two items, one of running sums, one of the state that confirm saw last."""

from collections.abc import Mapping
from dataclasses import asdict

from ferryman.adapters.dynamodb.operations import Item, Put, Table, Tables, Update
from ferryman.domain.nonces import WalletState
from ferryman.domain.statistics import EndpointGauge, Gauges, Snapshot, WalletGauge
from ferryman.domain.units import Address, BlockNumber, ChainId, Instant, Seconds, TokenUnits


class DynamoStatistics:
    """The StatisticsStore."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def count(self, chain_id: ChainId, counts: Mapping[str, int]) -> None:
        """Add to the sums."""
        self._tables.write(Update(table=Table.CURSORS, key=_counts_key(chain_id), add=counts))

    def counts(self, chain_id: ChainId) -> Mapping[str, int]:
        """Read the sums."""
        item = self._tables.get(Table.CURSORS, _counts_key(chain_id)) or {}
        return {name: value for name, value in item.items() if name != "cursor"}

    def keep(self, chain_id: ChainId, gauges: Gauges) -> None:
        """Replace what was seen before."""
        item: Item = {
            **_gauges_key(chain_id),
            "at": gauges.at,
            "head": gauges.head,
            "final": gauges.final,
            "head_age_seconds": gauges.head_age_seconds,
            "outbox_age_seconds": gauges.outbox_age_seconds,
            "unpayable": gauges.unpayable,
            "open_by_status": dict(gauges.open_by_status),
            "reserved": dict(gauges.reserved),
            "earned": dict(gauges.earned),
            **({} if gauges.gas_price_wei is None else {"gas_price_wei": gauges.gas_price_wei}),
            "wallets": [asdict(wallet) | {"state": wallet.state.value} for wallet in gauges.wallets],
            "endpoints": [asdict(endpoint) for endpoint in gauges.endpoints],
            "past": [asdict(snapshot) for snapshot in gauges.past],
        }
        self._tables.write(Put(table=Table.CURSORS, item=item))

    def gauges(self, chain_id: ChainId) -> Gauges | None:
        """Read what was seen last."""
        item = self._tables.get(Table.CURSORS, _gauges_key(chain_id))
        if item is None:
            return None
        return Gauges(
            at=Instant(item["at"]),
            head=item.get("head"),
            final=BlockNumber(item.get("final", 0)),
            head_age_seconds=item.get("head_age_seconds"),
            outbox_age_seconds=Seconds(item["outbox_age_seconds"]),
            unpayable=item["unpayable"],
            open_by_status=item["open_by_status"],
            reserved=_units(item["reserved"]),
            earned=_units(item.get("earned", {})),
            gas_price_wei=item.get("gas_price_wei"),
            wallets=tuple(
                WalletGauge(**wallet | {"state": WalletState(wallet["state"])}) for wallet in item["wallets"]
            ),
            # A release before this one kept none.
            endpoints=tuple(EndpointGauge(**endpoint) for endpoint in item.get("endpoints", ())),
            past=tuple(Snapshot(**snapshot) for snapshot in item.get("past", ())),
        )


def _units(item: Item) -> dict[Address, TokenUnits]:
    return {Address(token): TokenUnits(units) for token, units in item.items()}


def _counts_key(chain_id: ChainId) -> dict[str, str]:
    return {"cursor": f"{chain_id}:counts"}


def _gauges_key(chain_id: ChainId) -> dict[str, str]:
    return {"cursor": f"{chain_id}:gauges"}
