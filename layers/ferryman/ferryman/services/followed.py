"""Which contracts of a chain are followed."""

from collections.abc import Mapping

from ferryman.domain.chain import ChainSettings
from ferryman.intents.kind import IntentKind


def followed_name(kinds: Mapping[str, IntentKind], settings: ChainSettings) -> str:
    """Name all that watch checked and followed: what was followed under another name says nothing."""
    return ",".join(
        f"{kind.followed.contract(settings)}@{kind.followed.first_block(settings)}/{settings.grace_seconds}"
        for kind in kinds.values()
        if kind.followed
    )
