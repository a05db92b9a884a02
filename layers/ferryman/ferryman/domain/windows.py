"""A wallet's window: how many of its nonces may be open at once, as far as nodes have taken them.

A node keeps only so many transactions of one account (geth promises 16), and whoever sends more
finds them dropped. Nobody says how many are kept today, so the window feels its way, as TCP's does
(RFC 5681): one more after an inclusion in which all of it was in use, half after a refusal.
"""

from typing import Final

LEAST: Final = 1


def grown(window: int, *, used: int, usual: int, most: int) -> int:
    """Give the window after an inclusion.

    Args:
        window: as it was, nonces.
        used: how many nonces were open.
        usual: how many of them standard payments may have: whoever uses fewer learns nothing about more.
        most: the operator's limit.

    """
    if window > most:
        return most
    return min(window + 1, most) if used >= usual else window


def shrunk(window: int) -> int:
    """Give the window after a node has refused or dropped what was inside it."""
    return max(window // 2, LEAST)
