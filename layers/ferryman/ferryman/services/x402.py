"""The x402 facilitator: verifies what a seller was offered, settles it, and says what is served.

Every refusal is an answer with the standard's reason: sellers' middleware takes anything else for an outage.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import FerrymanError, NonceUsedError, RequestError
from ferryman.domain.transaction import Status, Transaction
from ferryman.domain.units import Address, ChainId, CorrelationId, Seconds, TxHash
from ferryman.intents.x402.catalogue import ListedResource
from ferryman.intents.x402.networks import network_of, old_network_of
from ferryman.intents.x402.reasons import (
    Reason,
    RefusedError,
    of_permit2,
    of_upto,
    reason_of,
    reason_of_end,
)
from ferryman.intents.x402.request import (
    OPEN_SCHEMES,
    SCHEMES,
    Asked,
    Method,
    Phase,
    Scheme,
    method_of,
    network_asked,
    parsed,
    payer_of,
    scheme_of,
    settles,
)
from ferryman.ports import Clock, Log, WalletStore
from ferryman.services.about import about
from ferryman.services.asking import number_parameter, refuse_unknown_parameters
from ferryman.services.awaiting import Awaiting
from ferryman.services.ingest import Accepted, Ingest
from ferryman.services.reading import DEFAULT_PAGE, LARGEST_PAGE

Answer = dict[str, Any]
_FAMILY: Final = "eip155:*"
_FURTHEST: Final = 10**6


@dataclass(frozen=True, slots=True, kw_only=True)
class Facilitator:
    """Speaks the standard, over the same acceptance as any other intent."""

    ingest: Ingest
    awaiting: Awaiting
    wallets: WalletStore
    catalogue: Sequence[ListedResource] = ()
    """What is listed for buyers."""
    schemes: frozenset[Scheme] = OPEN_SCHEMES
    """What is settled for whoever asks."""
    clock: Clock
    log: Log

    def of_known_sellers(self) -> "Facilitator":
        """Give the same for sellers whom the operator knows: what they say besides the payer is believed."""
        return replace(self, schemes=SCHEMES)

    def verify(self, body: object) -> Answer:
        """Say whether a payment would be settled, as things are; nothing is stored."""
        try:
            asked = parsed(body, self._settings, Phase.VERIFY, self.schemes)
            intent = self.ingest.verify(asked.kind, asked.body)
        except FerrymanError as error:
            return self.invalid(error, body)
        return {"isValid": True, "payer": intent.sender}

    def settle(self, body: object, *, correlation_id: CorrelationId | None = None) -> Answer:
        """Settle a payment, and wait until it is confirmed.

        The same payment for the same resource is settled once, and answered again while its seller may still
        be waiting for it; for another resource, or later, it is refused.
        """
        began = self.clock.now()
        try:
            asked = parsed(body, self._settings, Phase.SETTLE, self.schemes)
            if asked.is_nothing:
                return self._nothing_settled(asked)
            accepted = self.ingest(asked.kind, asked.body, correlation_id=correlation_id)
            self._check_repeat(accepted, asked.max_timeout_seconds)
            row = self.awaiting(accepted.transaction, since=began)
            transaction = self._hash_of(row)
        except FerrymanError as error:
            return self.unsettled(error, body)
        told = {"payer": row.sender, "transaction": transaction, "network": asked.network}
        self.log.info("settled" if row.status is Status.CONFIRMED else "not settled yet", **about(row))
        if row.status is Status.CONFIRMED:
            return {"success": True, **told, "amount": asked.amount}
        if row.status is Status.FAILED:
            reason, message = _said(reason_of_end(row.reason), body), f"It failed: {row.reason}."
        else:
            reason, message = Reason.PENDING, f"It is {row.status.value}: ask again with the same payment."
        return {"success": False, "errorReason": reason.value, "errorMessage": message, **told}

    def supported(self) -> Answer:
        """Say which payments are settled here, and by which accounts.

        Raises:
            StoreUnavailableError: the accounts cannot be read.

        """
        chains = [one for one in self._settings.values() if settles(one)]
        named = [(2, network_of(one.chain_id)) for one in chains]
        named += [
            (1, name) for one in chains if one.authorized_tokens and (name := old_network_of(one.chain_id))
        ]
        exact = [
            {"x402Version": version, "scheme": Scheme.EXACT.value, "network": name} for version, name in named
        ]
        upto = [kind for one in chains if Scheme.UPTO in self.schemes for kind in _kinds_upto(one)]
        return {
            "kinds": exact + upto,
            "extensions": [],
            "signers": {_FAMILY: self._signers([one.chain_id for one in chains])},
        }

    def resources(self, parameters: Mapping[str, str]) -> Answer:
        """List what can be bought, a page at a time.

        Raises:
            InvalidFieldsError: a parameter is unknown or of the wrong form.

        """
        refuse_unknown_parameters(parameters, {"type", "limit", "offset"})
        limit = number_parameter("limit", parameters.get("limit", str(DEFAULT_PAGE)), 1, LARGEST_PAGE)
        offset = number_parameter("offset", parameters.get("offset", "0"), 0, _FURTHEST)
        wanted = parameters.get("type")
        listed = [one for one in self.catalogue if wanted in {None, one.type}]
        page = [one.model_dump(exclude_none=True) for one in listed[offset : offset + limit]]
        pagination = {"limit": limit, "offset": offset, "total": len(listed)}
        return {"x402Version": 2, "items": page, "pagination": pagination}

    def invalid(self, error: FerrymanError, body: object = None) -> Answer:
        """Shape the refusal of a verification."""
        reason = self._reason(error, body, otherwise=Reason.VERIFY_ERROR)
        refused = {"isValid": False, "invalidReason": reason.value, "invalidMessage": _message(error)}
        return refused | _payer(body)

    def unsettled(self, error: FerrymanError, body: object = None) -> Answer:
        """Shape the refusal of a settlement, which has cost nothing."""
        reason = self._reason(error, body, otherwise=Reason.SETTLE_ERROR)
        refused = {"success": False, "errorReason": reason.value, "errorMessage": _message(error)}
        return {**refused, **_payer(body), "transaction": "", "network": network_asked(body)}

    @property
    def _settings(self) -> Mapping[ChainId, ChainSettings]:
        return {chain_id: access.settings for chain_id, access in self.ingest.chains.items()}

    def _nothing_settled(self, asked: Asked) -> Answer:
        """Answer a seller that took nothing: what was signed is checked, and stays as it is.

        Raises:
            RequestError: it is not valid, or something was taken of it.

        """
        intent = self.ingest.verify(asked.kind, asked.body)
        told = {"payer": intent.sender, "transaction": "", "network": asked.network}
        return {"success": True, **told, "amount": asked.amount}

    def _check_repeat(self, accepted: Accepted, max_timeout_seconds: Seconds) -> None:
        """Answer a repeat only while the first request may not have been answered.

        Raises:
            NonceUsedError: it comes too late for that: the payment has been sold.

        """
        row = accepted.transaction
        if not accepted.is_new and self.clock.now() - row.received_at > max_timeout_seconds * 1_000:
            raise NonceUsedError("The authorization was settled before.")

    def _hash_of(self, row: Transaction) -> TxHash | str:
        """Give what was mined, or else the newest that was signed for it."""
        if row.hash or row.wallet is None or row.nonce is None:
            return row.hash or ""
        nonce = self.wallets.nonce_row(row.chain_id, row.wallet, row.nonce)
        return nonce.attempts[-1].hash if nonce and nonce.attempts else ""

    def _signers(self, chain_ids: list[ChainId]) -> list[Address]:
        found = (one.address for chain_id in chain_ids for one in self.wallets.wallets(chain_id))
        return list(dict.fromkeys(found))

    def _reason(self, error: FerrymanError, body: object, *, otherwise: Reason) -> Reason:
        reason = _said(reason_of(error, otherwise=otherwise), body)
        if reason is otherwise:
            self.log.error("could not be judged", cause=str(error))
        else:
            self.log.info("refused", reason=reason.value)
        return reason


def _said(reason: Reason, body: object) -> Reason:
    """Say it of what was signed."""
    if scheme_of(body) is Scheme.UPTO:
        return of_upto(reason)
    return of_permit2(reason) if method_of(body) is Method.PERMIT2 else reason


def _kinds_upto(chain: ChainSettings) -> list[Answer]:
    """Give the scheme `upto`, if a chain has it: payers sign for whom it names as the facilitator."""
    if chain.permit2 is None or chain.permit2.upto is None:
        return []
    named = {"x402Version": 2, "scheme": Scheme.UPTO.value, "network": network_of(chain.chain_id)}
    return [named | {"extra": {"facilitatorAddress": chain.permit2.upto.settler}}]


def _message(error: FerrymanError) -> str:
    """Say what went wrong; what is not the caller's business is not told."""
    if isinstance(error, RefusedError):
        return error.message
    if not isinstance(error, RequestError):
        return "Something went wrong here: try again."
    problems = "; ".join(f"{problem.field} {problem.reason}" for problem in error.problems)
    return f"{error.detail} {problems}".strip()


def _payer(body: object) -> Answer:
    # Null rather than absent: sellers of version 1 fail on an answer without the member.
    return {"payer": payer_of(body)}
