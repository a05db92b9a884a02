"""The registry of intent kinds: a new kind is one folder here and one line below."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ferryman.intents.faucet import FAUCET
from ferryman.intents.forward_request import FORWARD_REQUEST
from ferryman.intents.kind import IntentKind, SignedKind
from ferryman.intents.meta_transaction import META_TRANSACTION
from ferryman.intents.payment import PAYMENT
from ferryman.intents.permit_transfer import PERMIT_TRANSFER
from ferryman.intents.settlement import SETTLEMENT
from ferryman.intents.upto_transfer import UPTO_TRANSFER

SIGNED: Final[Mapping[str, SignedKind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            PAYMENT,
            SETTLEMENT,
            PERMIT_TRANSFER,
            UPTO_TRANSFER,
            META_TRANSACTION,
            FORWARD_REQUEST,
        )
    }
)
"""Every kind that is posted as a signed message, by its name."""
KINDS: Final[Mapping[str, IntentKind]] = MappingProxyType({**SIGNED, FAUCET.name: FAUCET})
"""Every kind that is carried out, by its name."""
