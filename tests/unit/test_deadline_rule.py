"""The rule of deadlines as times: no withdrawal or invalidation overtakes an accepted payment."""

from dataclasses import dataclass, replace

from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ferryman.domain.chain import LOOK_BACK_BLOCKS, ChainSettings
from ferryman.domain.errors import RequestError
from ferryman.domain.units import Instant, Seconds
from ferryman.intents.payment import PAYMENT
from tests.support.payments import CHAIN_ID, NOW_SECONDS, chain_settings, signed_request

INTENT = PAYMENT.parse(signed_request(), {CHAIN_ID: chain_settings()})


@dataclass(frozen=True, slots=True)
class Moment:
    """A deployment, and the moment at which it accepts."""

    settings: ChainSettings
    now: Instant
    """Milliseconds."""
    head_seconds: int
    """The time of the head that was read, by an endpoint or by watch."""


@st.composite
def configurations(draw: st.DrawFn) -> ChainSettings:
    """Draw what an operator may configure: whatever does not start is not deployed."""
    try:
        return chain_settings(
            block_time_ms=draw(st.integers(100, 20_000)),
            required_confirmations=draw(st.integers(1, 64)),
            grace_seconds=draw(st.integers(2, 700_000)),
            withdrawal_margin_seconds=draw(st.integers(1, 100_000)),
            inclusion_seconds=draw(st.integers(0, 600)),
        )
    except ValidationError:
        assume(False)  # noqa: FBT003 (Hypothesis' own way)
        raise


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Draw a moment whose head is not too old to be used."""
    settings = draw(configurations())
    now = Instant(NOW_SECONDS * 1000 + draw(st.integers(0, 999)))
    head = NOW_SECONDS - draw(st.integers(0, settings.withdrawal_margin_seconds))
    assume(not settings.is_too_old(Seconds(head), now))
    return Moment(settings, now, head)


def is_accepted(moment: Moment, deadline: int) -> bool:
    """Ask the rule itself."""
    intent = replace(INTENT, deadline_seconds=Seconds(deadline))
    try:
        PAYMENT.check_time(intent, moment.settings, moment.now)
    except RequestError:
        return False
    return True


def latest_deadline(moment: Moment) -> int:
    """Give the last deadline that is accepted."""
    settings = moment.settings
    return moment.now // 1000 + settings.grace_seconds - settings.withdrawal_margin_seconds


@given(moments(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_what_no_reading_showed_cannot_be_claimed_before_an_accepted_deadline(
    moment: Moment, later: int, longer: int
) -> None:
    """Requested after the oldest block that was read; the contract's period may be longer than ours."""
    settings = moment.settings
    back_ms = (settings.required_confirmations + LOOK_BACK_BLOCKS) * settings.block_time_ms
    oldest_read = moment.head_seconds - back_ms // 1000
    deadline = latest_deadline(moment)
    assume(is_accepted(moment, deadline))

    claimable_at = oldest_read + later + settings.grace_seconds + longer

    # The contract executes up to the deadline's own second, and pays a claim from `claimable_at` on.
    assert deadline < claimable_at


@given(moments())
def test_the_latest_deadline_is_as_late_as_the_rule_says(moment: Moment) -> None:
    """One second more is refused: else the test above would say nothing."""
    assert is_accepted(moment, latest_deadline(moment))
    assert not is_accepted(moment, latest_deadline(moment) + 1)


@given(configurations(), st.integers(0, 999))
def test_an_older_head_would_let_a_claim_overtake(settings: ChainSettings, milliseconds: int) -> None:
    """The limit is no more careful than it has to be: at the margin itself the order is lost."""
    now = Instant(NOW_SECONDS * 1000 + milliseconds)
    head = NOW_SECONDS - settings.withdrawal_margin_seconds
    moment = Moment(settings, now, head)

    assert settings.is_too_old(Seconds(head), now)
    assert latest_deadline(moment) >= head + settings.grace_seconds


@given(configurations())
def test_the_cache_is_always_younger_than_the_margin(settings: ChainSettings) -> None:
    """Its age is added to the blocks that are read back over, and checked at start."""
    oldest_seconds = NOW_SECONDS - -(-settings.cache_age_ms // 1000)

    assert settings.cache_age_ms < settings.withdrawal_margin_seconds * 1000
    assert is_fresh_enough(settings, oldest_seconds)


def is_fresh_enough(settings: ChainSettings, head_seconds: int) -> bool:
    """Whether a cursor as old as it may be is believed, but for the second that its time is cut to."""
    return not settings.is_too_old(Seconds(head_seconds + 1), Instant(NOW_SECONDS * 1000))
