"""Quotes and the fee floor: what was quoted is taken, what is below every open quote is not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    InvalidFieldsError,
    StoreUnavailableError,
)
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import OBSERVED_MS, Discount, FeeSchedule, FeeTooLowError
from ferryman.domain.quotas import DAY_MS, SenderLimits
from ferryman.domain.transaction import Status
from ferryman.domain.units import Address, Gas, Milliseconds, TokenUnits, Wei
from ferryman.intents import KINDS
from ferryman.services.records import record_of
from tests.fakes.payers import Payer
from tests.fakes.settled import SETTINGS, MemoryWorld, memory_world

TOKEN = SETTINGS.tokens[0]
ORACLE = Address("0x420000000000000000000000000000000000000F")
AT_MARKET = FeeSchedule(
    base_units=TokenUnits(500), units_per_native=TokenUnits(2_000 * 10**6), gas=Gas(100_000)
)
FLAT = FeeSchedule(base_units=TokenUnits(500))
QUOTE_MS = SETTINGS.quote_seconds * 1_000


def priced(schedule: FeeSchedule = AT_MARKET, **more: Any) -> MemoryWorld:  # noqa: ANN401 (settings)
    """Build a world that charges."""
    return memory_world(fees={TOKEN: schedule}, **more)


def quote(memory: MemoryWorld, payer: Payer | None = None, *, priority: str = "normal") -> dict[str, Any]:
    """Ask for a fee."""
    body: dict[str, Any] = {
        "kind": "payment",
        "chain_id": memory.world.settings.chain_id,
        "token": TOKEN,
        "priority": priority,
    }
    return memory.world.ingest.quoting.quote(body | ({"from": payer.address} if payer else {}))


def pay(memory: MemoryWorld, fee: int, *, payer: int = 0, priority: str = "normal") -> bool:
    """Post a payment with a fee; give whether it is new."""
    body = memory.payers[payer].pay(1_000, fee=fee, priority=priority, deadline=memory.deadline())
    return memory.world.post(body).is_new


def test_without_a_schedule_a_fee_is_optional_and_nobody_looks_at_the_market() -> None:
    """As before: no read, no call, no fact."""
    memory = memory_world()
    memory.chain.fee_history = None  # type: ignore[method-assign, assignment]

    assert quote(memory)["fee"] == "0"
    assert pay(memory, 0)
    (row,) = memory.world.rows()
    assert (row.predicted_gas, row.predicted_cost) == (None, None)


def test_a_quote_says_how_its_fee_came_about() -> None:
    """500 + 100,000 gas at a base fee of 1 gwei and a tip of 0.001, at 2,000 to the coin."""
    memory = priced()

    said = quote(memory, memory.payers[0])

    assert said["fee"] == str(500 + 200_200)
    assert said["breakdown"] == {
        "base": "500",
        "gas": "200200",
        "l1": "0",
        "tier_bps": 10_000,
        "discount_bps": 0,
        "minimum_applied": False,
        "cap_applied": False,
    }
    assert (said["predicted_gas"], said["gas_price"], said["l1_fee"]) == (100_000, "1001000000", "0")
    assert (said["sender"], said["priority"]) == (memory.payers[0].address, "normal")
    expires = datetime.fromisoformat(said["expires_at"]).astimezone(UTC).timestamp() * 1_000
    assert round(expires) == memory.clock.now() + QUOTE_MS


def test_the_quoted_fee_is_taken_and_one_unit_less_is_not() -> None:
    """The refusal names the floor, and leaves nothing."""
    memory = priced()
    fee = int(quote(memory)["fee"])

    with pytest.raises(FeeTooLowError) as refused:
        pay(memory, fee - 1)

    assert (refused.value.floor, refused.value.fee) == (fee, fee - 1)
    assert not memory.world.rows()
    assert pay(memory, fee)


def test_what_it_is_expected_to_cost_is_kept_with_the_record() -> None:
    """To be compared with what it did cost."""
    memory = priced()

    pay(memory, 10**6)

    (row,) = memory.world.rows()
    assert (row.predicted_gas, row.predicted_cost) == (100_000, 100_000 * 1_001_000_000)
    assert record_of(row)["predicted_cost"] == str(100_000 * 1_001_000_000)


def test_without_any_quote_the_market_of_the_moment_is_asked() -> None:
    """A client that knows the schedule need not ask."""
    memory = priced()

    with pytest.raises(FeeTooLowError) as refused:
        pay(memory, 0)

    assert refused.value.floor == 200_700
    assert pay(memory, 200_700)


def test_a_quote_is_honoured_until_it_expires_though_the_market_has_doubled() -> None:
    """And not for ever."""
    memory = priced()
    fee = int(quote(memory)["fee"])
    memory.chain.base_fee = Wei(2 * 10**9)

    memory.clock.sleep(Milliseconds(QUOTE_MS))
    memory.world.restart()
    assert pay(memory, fee)
    memory.clock.sleep(Milliseconds(4 * OBSERVED_MS))

    with pytest.raises(FeeTooLowError) as refused:
        pay(memory, fee)
    assert refused.value.floor == int(quote(memory)["fee"])


def test_after_the_market_has_fallen_the_new_quote_is_enough_at_once() -> None:
    """What a process remembers only accepts: before it refuses, it reads what others quoted."""
    memory = priced()
    other = memory.world.rival()
    pay(memory, int(quote(memory)["fee"]))
    memory.chain.base_fee = Wei(10**8)
    memory.clock.sleep(Milliseconds(OBSERVED_MS))

    body = {"kind": "payment", "chain_id": 31337, "token": TOKEN}
    cheaper = int(other.ingest.quoting.quote(body)["fee"])

    assert cheaper < 200_700
    assert pay(memory, cheaper)


def test_all_quotes_of_a_few_seconds_rest_on_one_look_at_the_market() -> None:
    """Whoever asks, and whichever process answers."""
    memory = priced()
    first = quote(memory)
    memory.chain.base_fee = Wei(5 * 10**9)

    again = quote(memory)
    memory.world.restart()
    restarted = quote(memory)

    assert first["fee"] == again["fee"] == restarted["fee"]
    memory.clock.sleep(Milliseconds(OBSERVED_MS))
    assert int(quote(memory)["fee"]) > int(first["fee"])


@given(
    prices=st.lists(st.integers(10**8, 10**11), min_size=2, max_size=8),
    pauses=st.lists(st.just(12_000) | st.integers(0, 20_000), min_size=8, max_size=8),
    waited=st.just(QUOTE_MS) | st.integers(0, QUOTE_MS),
    tier=st.sampled_from(Tier),
    restart=st.booleans(),
)
@settings(max_examples=40)
def test_a_client_that_signs_a_fresh_quote_is_never_refused_for_its_fee(
    prices: list[int], pauses: list[int], waited: int, tier: Tier, *, restart: bool
) -> None:
    """Whatever the market does, and whichever process it meets, until the quote expires."""
    schedule = AT_MARKET.model_copy(
        update={"tier_bps": {Tier.FAST: 20_000}, "discounts": (Discount(count=1, bps=1_000),)}
    )
    memory = priced(schedule, sender_limits=SenderLimits(burst=10_000))
    payer, left = memory.payers[0], waited
    said = quote(memory, payer, priority=tier.value)

    for price, pause in zip(prices, pauses, strict=False):
        memory.chain.base_fee = Wei(price)
        step = min(pause, left)
        memory.clock.sleep(Milliseconds(step))
        left -= step
        world = memory.world.rival() if restart else memory.world
        world.ingest.quoting.quote({"kind": "payment", "chain_id": 31337, "token": TOKEN})
        body = memory.payers[1].pay(1, fee=10**5 * price, deadline=memory.deadline())
        if 10**5 * price <= 10**6:
            world.post(body)
    memory.clock.sleep(Milliseconds(left))
    if restart:
        memory.world.restart()

    assert pay(memory, int(said["fee"]), priority=tier.value)


def test_a_busy_sender_saves_and_the_discount_of_a_quote_outlives_midnight() -> None:
    """Thirty days back; the first of them is forgotten at midnight, but not for a quote of before."""
    schedule = FLAT.model_copy(update={"discounts": (Discount(count=3, bps=5_000),)})
    memory = priced(schedule, quote_seconds=600)
    payer = memory.payers[0]
    assert quote(memory, payer)["fee"] == "500"
    for _ in range(3):
        pay(memory, 500)
    assert quote(memory, payer)["fee"] == "250"
    assert quote(memory)["fee"] == "500"

    into_day = memory.clock.now() % DAY_MS
    memory.clock.sleep(Milliseconds(31 * DAY_MS - into_day - 1_000))
    said = quote(memory, payer)
    memory.clock.sleep(Milliseconds(300_000))

    assert said["fee"] == "250"
    assert quote(memory, payer)["fee"] == "500"
    assert pay(memory, 250)
    with pytest.raises(FeeTooLowError):
        pay(memory, 250, payer=1)


def test_a_flat_fee_needs_no_market() -> None:
    """Not even the chain."""
    memory = priced(FLAT)
    memory.chain.is_reachable = False

    assert quote(memory)["fee"] == "500"
    assert quote(memory)["gas_price"] is None
    with pytest.raises(FeeTooLowError):
        pay(memory, 499)
    assert pay(memory, 500)


def test_the_data_fee_of_an_op_style_chain_is_part_of_the_fee() -> None:
    """By size since Fjord, by bytes before."""
    memory = priced(l1_fee_oracle=ORACLE)
    memory.chain.l1_fee = Wei(10**13)

    assert quote(memory)["breakdown"]["l1"] == "20000"
    memory.chain.is_before_fjord = True
    memory.clock.sleep(Milliseconds(OBSERVED_MS))
    assert quote(memory)["breakdown"]["l1"] == "20000"
    assert pay(memory, 500 + 200_200 + 20_000)


def test_an_oracle_that_is_none_is_an_outage_and_no_free_ride() -> None:
    """A wrong address in the configuration: nobody is quoted a fee without its data."""
    memory = priced(l1_fee_oracle=Address("0x00000000000000000000000000000000000000AA"))
    memory.chain.settings = SETTINGS

    with pytest.raises(AssuranceUnavailableError):
        quote(memory)


def test_with_the_chain_away_nobody_is_quoted_and_the_last_market_is_asked_of_posts() -> None:
    """A quote that nobody could keep is not given; a payment is still received."""
    memory = priced()
    fee = int(quote(memory)["fee"])
    memory.chain.is_reachable = False
    memory.clock.sleep(Milliseconds(2 * QUOTE_MS))
    memory.world.restart()

    with pytest.raises(AssuranceUnavailableError):
        quote(memory)
    with pytest.raises(FeeTooLowError):
        pay(memory, fee - 1)
    assert pay(memory, fee)
    assert [row.status for row in memory.world.rows()] == [Status.RECEIVED]


def test_with_the_chain_away_from_the_beginning_only_the_flat_part_is_asked() -> None:
    """Nobody knows what gas costs; and nobody outside can bring this about."""
    memory = priced()
    memory.chain.is_reachable = False

    with pytest.raises(FeeTooLowError):
        pay(memory, 499)
    assert pay(memory, 500)


def test_a_quote_that_cannot_be_kept_is_not_given() -> None:
    """Else it would be broken."""

    class Closed:
        def newest(self, *_more: object, **_named: object) -> tuple[()]:
            return ()

        def keep(self, *_more: object) -> None:
            raise StoreUnavailableError("closed")

    memory = priced(wrap=lambda name, port: Closed() if name == "markets" else port)

    with pytest.raises(StoreUnavailableError):
        quote(memory)


def test_a_repeat_is_answered_with_its_record_however_dear_it_has_become() -> None:
    """It was accepted for what it paid."""
    memory = priced()
    body = memory.payers[0].pay(1_000, fee=int(quote(memory)["fee"]), deadline=memory.deadline())
    first = memory.world.post(body)
    memory.chain.base_fee = Wei(10**11)
    memory.clock.sleep(Milliseconds(3 * QUOTE_MS))

    again = memory.world.post(body)

    assert (again.is_new, again.transaction) == (False, first.transaction)


def test_a_fee_refused_costs_no_reading_of_funds_and_charges_no_limit() -> None:
    """It is refused before the escrow is asked."""
    memory = priced(FLAT)
    memory.chain.read = None  # type: ignore[method-assign, assignment]

    with pytest.raises(FeeTooLowError):
        pay(memory, 0)

    reservation = KINDS["payment"].reservation(
        memory.payers[0].pay(1, deadline=0) | {"escrow": SETTINGS.escrow}
    )
    assert memory.world.store.quota(reservation) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "meta"}, "kind"),
        ({"kind": 5}, "kind"),
        ({"kind": None}, "kind"),
        ({"chain_id": 1}, "chain_id"),
        ({"chain_id": "31337"}, "chain_id"),
        ({"token": "0x" + "12" * 20}, "token"),
        ({"token": "USDC"}, "token"),
        ({"from": "0x12"}, "from"),
        ({"priority": "turbo"}, "priority"),
        ({"amount": "5"}, "amount"),
    ],
)
def test_a_question_that_is_not_right_names_the_field(change: dict[str, object], field: str) -> None:
    """As strict as a payment."""
    memory = priced()
    body = {"kind": "payment", "chain_id": 31337, "token": TOKEN} | change

    with pytest.raises(InvalidFieldsError) as refused:
        memory.world.ingest.quoting.quote(body)

    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_question_without_a_kind_hears_of_its_other_fields_too() -> None:
    """As far as they are wrong whatever kind was meant."""
    with pytest.raises(InvalidFieldsError) as refused:
        priced().world.ingest.quoting.quote({"token": "USDC"})

    assert [problem.field for problem in refused.value.problems] == ["kind", "chain_id"]


def test_a_question_that_is_no_object_is_refused() -> None:
    """The parser lets only objects through; the service does not rely on it."""
    with pytest.raises(InvalidFieldsError):
        priced().world.ingest.quoting.quote(["payment"])


def test_a_schedule_for_a_token_that_nobody_pays_with_stops_the_function_at_its_start() -> None:
    """Else a slip of the pen would be a free ride."""
    stray = Address("0x00000000000000000000000000000000000000AA")
    values = SETTINGS.model_dump() | {"fees": {stray: {"base_units": 5}}}

    with pytest.raises(ValueError, match="fees names tokens"):
        ChainSettings.model_validate(values)


def test_the_market_is_asked_once_by_many_posts() -> None:
    """What this process remembers is enough to accept by."""
    memory = priced()
    looks = []
    fee_history = memory.chain.fee_history

    def counted() -> Any:  # noqa: ANN401 (a FeeHistory)
        looks.append(1)
        return fee_history()

    memory.chain.fee_history = counted  # type: ignore[method-assign]
    for _ in range(5):
        pay(memory, 10**6)

    assert len(looks) == 1


def test_an_unreachable_chain_is_not_asked_twice_for_one_post() -> None:
    """The endpoint's patience is spent on the funds."""
    memory = priced()
    memory.chain.is_reachable = False
    asked = []

    def away() -> None:
        asked.append(1)
        raise ChainUnreachableError(SETTINGS.chain_id, "away")

    memory.chain.fee_history = away  # type: ignore[method-assign, assignment]
    pay(memory, 10**6)

    assert len(asked) == 1
