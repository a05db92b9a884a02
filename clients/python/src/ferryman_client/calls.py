"""The calls of the API, each once, as flows that either driver runs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ferryman_client.effects import Flow, Request, Stream
from ferryman_client.errors import (
    ConfigurationError,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    TransactionFailedError,
)
from ferryman_client.following import Known, Timer, followed, read_events, until_status
from ferryman_client.models import Chain, Deployment, Event, Page, Quote, Record, SignedPayment, Status
from ferryman_client.retrying import answered
from ferryman_client.signing import PaymentOptions, Signer, signed_payment, token_of

OFFER_SECONDS: Final = 300.0
"""How long what the deployment offers is believed."""


_NO_SUCH_ROUTE: Final = frozenset({"MISSING_AUTHENTICATION_TOKEN", "not_found", "unknown"})
"""What API Gateway, Ferryman and the local emulator say of a path that does not exist."""


@dataclass(slots=True)
class _Offer:
    deployment: Deployment | None = None
    read_at: float = 0.0


@dataclass(slots=True, kw_only=True)
class Calls:
    """What a client can ask, and what it needs for that."""

    signer: Signer | None
    patience_seconds: float
    _offer: _Offer = field(default_factory=_Offer)

    def asked(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Flow[Any]:
        """Send a request until it is answered."""
        request = Request(method=method, path=path, params=params or {}, body=body)
        return (yield from answered(request, patience_seconds=self.patience_seconds))

    def deployment(self) -> Flow[Deployment]:
        """Read what the deployment offers, now and then."""
        known = self._offer.deployment
        if known is None or time.monotonic() - self._offer.read_at > OFFER_SECONDS:
            known = Deployment.of((yield from self.asked("GET", "/chains")))
            self._offer.deployment, self._offer.read_at = known, time.monotonic()
        return known

    def signed(self, to: str, amount: int, options: PaymentOptions) -> Flow[SignedPayment]:
        """Sign a payment."""
        signer = self._signer()
        chain = (yield from self.deployment()).chain(options.get("chain_id"))
        fee = options["fee"] if "fee" in options else (yield from self._quoted_fee(signer, chain, options))
        return signed_payment(signer, chain, to=to, amount=amount, fee=fee, options=options)

    def quoted(self, chain: Chain, payer: str | None, options: PaymentOptions) -> Flow[Quote]:
        """Ask what a payment would have to pay."""
        body = {
            "kind": "payment",
            "chain_id": chain.chain_id,
            "token": token_of(chain, options),
            "priority": options.get("priority", "normal"),
        }
        if payer is not None:
            body["from"] = payer
        return Quote.of((yield from self.asked("POST", "/quote", body=body)))

    def quote(self, options: PaymentOptions) -> Flow[Quote]:
        """Ask what a payment of the signer's would have to pay, or anybody's."""
        chain = (yield from self.deployment()).chain(options.get("chain_id"))
        payer = self.signer.address if self.signer else None
        return (yield from self.quoted(chain, payer, options))

    def _quoted_fee(self, signer: Signer, chain: Chain, options: PaymentOptions) -> Flow[int]:
        """Take the quote; a deployment of a version without quotes takes payments without a fee."""
        try:
            return (yield from self.quoted(chain, signer.address, options)).fee
        except (ForbiddenError, NotFoundError) as error:
            if error.code not in _NO_SUCH_ROUTE:
                raise
            return 0

    def sent(self, payment: SignedPayment) -> Flow[Record]:
        """Post a payment."""
        return Record.of((yield from self.asked("POST", "/payments", body=payment.body)))

    def record(self, transaction_id: str) -> Flow[Record]:
        """Read a record."""
        return Record.of((yield from self.asked("GET", f"/transactions/{transaction_id}")))

    def events(self, transaction_id: str, after: int) -> Flow[tuple[Event, ...]]:
        """Read events."""
        path, params = f"/transactions/{transaction_id}/events", {"after": str(after)}
        answer = yield from self.asked("GET", path, params)
        if not isinstance(answer, dict) or not isinstance(answer.get("events"), list):
            raise ProtocolError("a list of events without events")
        return tuple(map(Event.of, answer["events"]))

    def page(
        self, sender: str | None, status: str | None, limit: int | None, cursor: str | None
    ) -> Flow[Page]:
        """Read a page of a list."""
        given = {
            "sender": sender or self._signer().address,
            "status": status,
            "limit": limit,
            "cursor": cursor,
        }
        params = {name: str(value) for name, value in given.items() if value is not None}
        return Page.of((yield from self.asked("GET", "/transactions", params)))

    def followed(self, transaction_id: str, after: int) -> Stream:
        """Give a transaction's events until the last."""
        known = Known(transaction_id, after)
        return (yield from self._stream(known, Timer(None, known, "over")))

    def waited(self, transaction_id: str, status: Status, timeout: float) -> Flow[Record]:
        """Wait for a status, and read the record then."""
        known = Known(transaction_id)
        record = yield from self._reached(known, status, Timer(timeout, known, status))
        if record.status is Status.FAILED and status is not Status.FAILED:
            raise TransactionFailedError(record)
        return record

    def _reached(self, known: Known, status: Status, timer: Timer) -> Flow[Record]:
        """Read first: who waits for what has long happened opens no WebSocket."""
        yield from read_events(known, patience_seconds=self.patience_seconds)
        yield from until_status(self._stream(known, timer), status)
        return (yield from self.record(known.transaction_id))

    def _stream(self, known: Known, timer: Timer) -> Stream:
        url = (yield from self.deployment()).websocket_url
        yield from followed(known, url, timer=timer, patience_seconds=self.patience_seconds)

    def _signer(self) -> Signer:
        if self.signer is None:
            raise ConfigurationError("give the client a signer")
        return self.signer
