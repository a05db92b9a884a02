"""The registry of intent kinds: a new kind is one folder here and one line below."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.intents.kind import IntentKind
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.payment import PAYMENT
from ferryman.intents.settlement import SETTLEMENT

KINDS: Final[Mapping[str, IntentKind]] = MappingProxyType(
    {kind.name: kind for kind in (PAYMENT, SETTLEMENT, META_TRANSACTION)}
)
"""Every kind by its name."""
