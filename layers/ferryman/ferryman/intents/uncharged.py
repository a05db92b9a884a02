"""What kinds have in common that charge nothing: neither a fee, nor a price that one would follow."""

from collections.abc import Mapping, Sequence

from ferryman.domain.chain import ChainSettings
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import Address, Instant, TokenUnits, TransactionId
from ferryman.intents.kind import MoneyFields
from ferryman.ports import EventLog, Read

Payload = Mapping[str, str | int]


class UnchargedKind:
    """What such a kind says of fees. One that has to foresee its gas has a `schedule` of its own."""

    money: MoneyFields = MoneyFields()
    added: frozenset[str] = frozenset()

    def schedule(self, _payload: Payload, _chain: ChainSettings) -> FeeSchedule:
        """Nothing is charged."""
        return FeeSchedule()

    def fees_held(self, _chain: ChainSettings) -> Mapping[Address, Read]:
        """None: there is no fee."""
        return {}

    def price_reads(self, _chain: ChainSettings) -> tuple[Read, ...]:
        """None: the coin's price is configured, if it matters."""
        return ()

    def native_price(self, _chain: ChainSettings, _answers: Sequence[bytes], _now: Instant) -> None:
        """None is asked for."""
        return

    def terms(self, _payload: Payload, _chain: ChainSettings, _price: TokenUnits | None) -> Payload:
        """Nothing: what was sent says it all."""
        return {}

    def fee(self, _payload: Payload) -> TokenUnits:
        """Nothing."""
        return TokenUnits(0)

    def fee_taken(
        self, _transaction_id: TransactionId, _payload: Payload, _logs: Sequence[EventLog]
    ) -> TokenUnits:
        """Nothing."""
        return TokenUnits(0)
