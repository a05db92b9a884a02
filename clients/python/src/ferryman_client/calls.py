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
    UnauthorizedError,
)
from ferryman_client.following import Known, Timer, followed, read_events, until_status
from ferryman_client.models import Chain, Deployment, Event, Page, Quote, Record, SignedPayment, Status
from ferryman_client.retrying import answered
from ferryman_client.signing import PaymentOptions, PersonalMessage, Signer, signed_payment, token_of
from ferryman_client.watching import sender_followed

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
    chain_id: int | None = None
    """The chain that is meant where a call names none; None: the only one there is."""
    token: str | None = None
    """Of the session, once signed in."""
    _offer: _Offer = field(default_factory=_Offer)

    def asked(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Flow[Any]:
        """Send a request until it is answered; a session that has run out is begun again, once."""
        try:
            return (yield from self._asked_as_known(method, path, params, body))
        except UnauthorizedError as error:
            if self.token is None or error.code == "wrong_signer":
                raise
        yield from self.signed_in()
        return (yield from self._asked_as_known(method, path, params, body))

    def _asked_as_known(
        self, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, Any] | None
    ) -> Flow[Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = Request(method=method, path=path, params=params or {}, body=body, headers=headers)
        return (yield from answered(request, patience_seconds=self.patience_seconds))

    def signed_in(self) -> Flow[None]:
        """Sign in with the signer's account (EIP-4361)."""
        signer = self._signer()
        self.token = None
        offer = yield from self.deployment()
        chain = offer.chains[0] if self.chain_id is None else offer.chain(self.chain_id)
        wanted = {"address": signer.address, "chain_id": chain.chain_id}
        challenge = yield from self._asked_as_known("POST", "/sign-in/challenge", None, wanted)
        message = text_of(challenge, "message")
        signature = bytes(signer.sign_message(PersonalMessage.of(message)).signature).hex()
        signed = {"message": message, "signature": f"0x{signature}"}
        session = yield from self._asked_as_known("POST", "/sign-in", None, signed)
        self.token = text_of(session, "token")

    def signed_out(self) -> Flow[None]:
        """End the session, if there is one."""
        if self.token is not None:
            yield from self._asked_as_known("POST", "/sign-out", None, None)
            self.token = None

    def ticket(self) -> Flow[str]:
        """Get the right to open one WebSocket as the caller."""
        return text_of((yield from self.asked("POST", "/socket-tickets")), "ticket")

    def sender_followed(self, sender: str | None) -> Stream:
        """Give the events of all of a sender's transactions, from now on."""
        url = (yield from self.deployment()).websocket_url
        yield from sender_followed(self, sender or self._signer().address, url)

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
        chain = (yield from self.deployment()).chain(options.get("chain_id", self.chain_id))
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
        chain = (yield from self.deployment()).chain(options.get("chain_id", self.chain_id))
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


def text_of(answer: object, name: str) -> str:
    """Read a text out of an answer.

    Raises:
        ProtocolError: there is none of that name.

    """
    text = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise ProtocolError(f"an answer without {name}")
    return text
