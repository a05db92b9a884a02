"""Who calls: tokens, API keys and tickets, looked up by their digests."""

import hmac
from dataclasses import dataclass

from ferryman.domain.access import ANONYMOUS, Caller
from ferryman.domain.credentials import ApiKeyText, digest_of, is_secret
from ferryman.domain.errors import NotAuthenticatedError
from ferryman.ports import AccessStore, Clock

_UNKNOWN = "is unknown, expired or revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorizer:
    """Recognises callers; what they may do is the services' to say."""

    access: AccessStore
    clock: Clock

    def request(self, *, token: str | None, api_key: str | None) -> Caller:
        """Give who sends a request.

        Args:
            token: what a sign-in gave.
            api_key: what an operator gave; one of the two, not both.

        Raises:
            NotAuthenticatedError: nobody we know.

        """
        if token is not None and api_key is not None:
            raise NotAuthenticatedError("X-Api-Key", "cannot be sent together with a token")
        if token is not None:
            return self._signed_in(token)
        if api_key is not None:
            return self._keyed(api_key)
        raise NotAuthenticatedError("Authorization", "is required, or X-Api-Key")

    def connection(self, ticket: str | None) -> Caller:
        """Give who opens a connection, and use the ticket up; without one, it is nobody in particular.

        Raises:
            NotAuthenticatedError: there is a ticket, and it is not good.

        """
        if ticket is None:
            return ANONYMOUS
        now = self.clock.now()
        caller = self.access.take_ticket(digest_of(ticket), now=now) if is_secret(ticket) else None
        if caller is None:
            raise NotAuthenticatedError("ticket", "is unknown, used or expired")
        return caller

    def _signed_in(self, token: str) -> Caller:
        now = self.clock.now()
        session = self.access.session(digest_of(token), now=now) if is_secret(token) else None
        if session is None:
            raise NotAuthenticatedError("Authorization", _UNKNOWN)
        return session.caller

    def _keyed(self, text: str) -> Caller:
        carried = ApiKeyText.parsed(text)
        key = self.access.api_key(carried.key_id) if carried else None
        if key is None or carried is None or not hmac.compare_digest(digest_of(carried.secret), key.digest):
            raise NotAuthenticatedError("X-Api-Key", _UNKNOWN)
        if key.revoked_at is not None:
            raise NotAuthenticatedError("X-Api-Key", _UNKNOWN)
        return key.caller
