"""The kind `upto-transfer`: a part of what is signed for, through our settler and x402's upto proxy.

The proxy takes the amount from nobody but the facilitator that was signed. We send from many wallets, so
payers name the UptoSettler, and the wallets speak through it. Nor do we take it from anybody: the amount is
not signed, so it is the word of a seller whom the operator knows (ADR 41).
"""

from collections.abc import Mapping, Sequence
from typing import Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import FieldProblem, InvalidFieldsError
from ferryman.domain.permit2 import CANONICAL_UPTO_PROXY, Permit2Settings
from ferryman.domain.units import Address, ChainId, TokenUnits, hex_bytes
from ferryman.intents import permit2
from ferryman.intents.kind import SERVICE_PATH, SignedIntent, SignedKind
from ferryman.intents.lifecycle import public_events
from ferryman.intents.permits import PermitKind, members_of, signature_of
from ferryman.intents.transfers import TRIAL_GAS
from ferryman.intents.uncharged import Payload
from ferryman.intents.upto_transfer.request import UptoTransferQuoteRequest, UptoTransferRequest
from ferryman.ports import Read


class UptoTransferKind(PermitKind):
    """Transfers of which the payer has signed the most, and whoever asks for them says how much of it."""

    name = "upto-transfer"
    path: Final = f"{SERVICE_PATH}/upto-transfers"
    request_model = UptoTransferRequest
    quote_model = UptoTransferQuoteRequest
    call_bytes: Final = permit2.UPTO_CALL_BYTES
    events: Final = public_events("upto_transfer")
    types = permit2.UPTO_TYPES
    witness_hash = permit2.UPTO_WITNESS_HASH

    def permit_of(self, payload: Payload) -> permit2.UptoPermit:
        """Give what was signed, and how much of it is taken."""
        return permit2.UptoPermit(
            **members_of(payload),
            spender=Address(str(payload.get("spender", CANONICAL_UPTO_PROXY))),
            most=TokenUnits(int(payload["maximum"])),
            facilitator=Address(str(payload["settler"])),
        )

    def contracts(self, ours: Permit2Settings) -> dict[str, str] | None:
        """Name the settler; and the proxy, unless it is at its usual address."""
        if ours.upto is None:
            return None
        named = {"settler": str(ours.upto.settler)}
        return named if ours.upto.proxy == CANONICAL_UPTO_PROXY else named | {"spender": ours.upto.proxy}

    def parse(self, body: object, chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read the body of `POST /service/upto-transfers`."""
        intent = super().parse(body, chains)
        if intent.payload["to"] == intent.payload["settler"]:
            problem = FieldProblem("to", "must not be the settler: nobody could spend it there")
            raise InvalidFieldsError("The settler pays nothing out.", problem)
        return intent

    def contract_reads(self, chain: ChainSettings, payload: Payload | None = None) -> tuple[Read, ...]:
        """Ask as of any permit, and the settler which proxy it calls."""
        asked = super().contract_reads(chain, payload)
        if payload is None:
            return asked
        return (*asked, Read(self.permit_of(payload).facilitator, permit2.SETTLER_PROXY))

    def is_our_contract(
        self, answers: Sequence[bytes], chain: ChainSettings, payload: Payload | None = None
    ) -> bool:
        """Compare them as of any permit, and the settler's proxy with the one that was signed."""
        if payload is None:
            return super().is_our_contract(answers, chain)
        *others, called = answers
        proxy = hex_bytes(self.permit_of(payload).spender).rjust(32, b"\0")
        return called == proxy and super().is_our_contract(others, chain, payload)

    def trials(self, payload: Payload) -> tuple[Read, ...]:
        """The transfer itself, as the settler has the proxy make it: no wallet has to be known for that."""
        call = self.to_call(payload)
        return (Read(self.permit_of(payload).spender, call.data, gas=TRIAL_GAS, sender=call.to),)

    def to_call(self, payload: Payload) -> Call:
        """Call the settler's `settle`, which hands all of it on."""
        permit = self.permit_of(payload)
        return Call(permit.facilitator, permit2.settle(permit, signature_of(payload)))


UPTO_TRANSFER: Final[SignedKind] = UptoTransferKind()
