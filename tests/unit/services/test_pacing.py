"""Pacing: looks come just after the blocks, wherever a run begins and however late blocks get to it."""

import pytest

from ferryman.domain.units import BlockHash, BlockNumber, Instant, Milliseconds, Seconds
from ferryman.ports import Block
from ferryman.services.pacing import Pace

START_MS = 1_700_000_000_000


def looks(block_time_ms: int, *, begun_ms: int, late_ms: int, blocks: int) -> dict[int, list[int]]:
    """Look for some block times; give, by block, how long after it got here each look at it was."""
    pace, now, seen = Pace(Milliseconds(block_time_ms)), START_MS + begun_ms, dict[int, list[int]]()
    while now < START_MS + blocks * block_time_ms:
        number = (now - START_MS - late_ms) // block_time_ms
        arrived = START_MS + number * block_time_ms + late_ms
        seen.setdefault(number, []).append(now - arrived)
        now = pace.after(block(number, START_MS + number * block_time_ms), Instant(now))
    return seen


def block(number: int, at_ms: int) -> Block:
    """Build one; chains know whole seconds only."""
    blank = BlockHash(f"0x{number % 2**32:064x}")
    return Block(
        number=BlockNumber(number), hash=blank, parent_hash=blank, timestamp_seconds=Seconds(at_ms // 1_000)
    )


@pytest.mark.parametrize("begun_ms", [0, 300, 990])
@pytest.mark.parametrize(
    ("block_time_ms", "late_ms"), [(1_000, 0), (1_000, 700), (2_000, 900), (12_000, 0), (12_000, 2_500)]
)
def test_blocks_are_seen_soon_with_few_looks(block_time_ms: int, late_ms: int, begun_ms: int) -> None:
    """After the first ones: late by a sixteenth of a block time at most, a thirty-second on average."""
    seen = looks(block_time_ms, begun_ms=begun_ms, late_ms=late_ms, blocks=60)

    settled = [seen[number] for number in sorted(seen)[6:-1]]
    firsts = [offsets[0] for offsets in settled]
    assert len(settled) >= 50
    assert max(firsts) <= block_time_ms // 16
    assert sum(firsts) / len(firsts) <= block_time_ms / 32
    assert sum(map(len, settled)) / len(settled) <= 1.5


def test_the_first_block_of_a_run_is_looked_for_when_its_timestamp_says() -> None:
    """A lone payment has no other: a run that looked a block time later would be late by half of one."""
    seen = looks(12_000, begun_ms=7_000, late_ms=1_000, blocks=3)

    first = min(number for number in seen if number > 0)
    assert seen[first][0] <= 12_000 // 16


def test_a_look_that_took_long_is_made_up_for_within_some_blocks() -> None:
    """What a flood delays once is not late at every block after."""
    pace, now, late = Pace(Milliseconds(2_000)), START_MS, list[int]()
    for number in range(10):
        late.append(now - START_MS - number * 2_000)
        following = pace.after(block(number, START_MS + number * 2_000), Instant(now))
        now = following + (900 if number == 1 else 0)

    assert late[:2] == [0, 0]
    assert late[2] > 600
    assert late[7] < 100


def test_a_chain_whose_clock_is_ahead_is_looked_at_within_a_block() -> None:
    """Its timestamps say nothing of when the next block comes here."""
    pace = Pace(Milliseconds(2_000))

    following = pace.after(block(1, START_MS + 3_600_000), Instant(START_MS))

    assert following - START_MS <= 2_000


def test_a_chain_that_stands_still_is_asked_four_times_a_block() -> None:
    """Each look is paid for, and a block that is not there soon may not come for long."""
    pace, now, pauses = Pace(Milliseconds(12_000)), Instant(START_MS), list[int]()
    for _ in range(8):
        following = pace.after(block(1, START_MS), now)
        pauses.append(following - now)
        now = following

    assert pauses == [12_000, 375, 750, 750, 750, 3_000, 3_000, 3_000]


def test_a_look_that_came_a_little_too_soon_is_made_up_for_at_once() -> None:
    """On a chain with blocks of a second whoever waits for the end of one would notice a tenth of it."""
    pace, block_time_ms = Pace(Milliseconds(1_000)), 1_000
    pace.after(block(0, START_MS), Instant(START_MS))

    soon = pace.after(block(1, START_MS + 1_000), Instant(START_MS + 1_000 + 5))
    again = pace.after(block(1, START_MS + 1_000), Instant(soon))
    and_again = pace.after(block(1, START_MS + 1_000), Instant(again))

    assert again - soon == block_time_ms // 32
    assert and_again - again == 100, "but no more than ten times a second otherwise"


def test_where_no_block_was_ever_seen_looks_are_no_denser() -> None:
    """A chain that does not answer is asked again soon, and then now and then."""
    pace, now = Pace(Milliseconds(2_000)), Instant(START_MS)

    pauses = [pace.after(None, now) - now for _ in range(6)]

    assert pauses == [62, 125, 125, 125, 500, 500]
