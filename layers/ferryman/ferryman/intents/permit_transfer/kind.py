"""The kind `permit-transfer`: all that is signed for, through x402's exact proxy."""

from typing import Final

from ferryman.domain.permit2 import Permit2Settings
from ferryman.domain.units import Address
from ferryman.intents import permit2
from ferryman.intents.kind import SignedKind
from ferryman.intents.lifecycle import public_events
from ferryman.intents.permit_transfer.request import PermitTransferQuoteRequest, PermitTransferRequest
from ferryman.intents.permits import PermitKind, members_of
from ferryman.intents.uncharged import Payload


class PermitTransferKind(PermitKind):
    """Transfers of any token that its holder has signed for Permit2, through x402's exact proxy."""

    name = "permit-transfer"
    path: Final = "/permit-transfers"
    request_model = PermitTransferRequest
    quote_model = PermitTransferQuoteRequest
    call_bytes: Final = permit2.CALL_BYTES
    events: Final = public_events("permit_transfer")
    types = permit2.TYPES
    witness_hash = permit2.WITNESS_HASH

    def permit_of(self, payload: Payload) -> permit2.Permit:
        """Give what was signed."""
        return permit2.Permit(**members_of(payload), spender=Address(str(payload["spender"])))

    def contracts(self, ours: Permit2Settings) -> dict[str, str]:
        """Name the proxy."""
        return {"spender": str(ours.proxy)}


PERMIT_TRANSFER: Final[SignedKind] = PermitTransferKind()
