"""Signing in: an account proves itself by a signature, and gets a token for a while (EIP-4361)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.access import Caller, Challenge, Session
from ferryman.domain.credentials import digest_of, new_nonce, new_secret
from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotAllowedError, SignInRefusedError
from ferryman.domain.sign_in import SignInMessage, SignInTerms, domain_of
from ferryman.domain.units import Address, ChainId, Instant, Seconds, rfc3339
from ferryman.intents.fields import validated
from ferryman.intents.sign_in import ChallengeRequest, SignInRequest
from ferryman.ports import AccessStore, Clock, SignInMessages

CHALLENGE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Gives challenges, takes them back signed, and ends what it began."""

    access: AccessStore
    messages: SignInMessages
    clock: Clock
    chain_ids: Collection[ChainId]
    session_seconds: Seconds
    """How long a token is good for."""

    def challenge(self, body: object, *, origins: Sequence[str]) -> dict[str, Any]:
        """Give a message to sign, good for five minutes and once.

        Args:
            body: a ChallengeRequest.
            origins: who may ask for sign-ins here; the first is the default.

        Raises:
            InvalidFieldsError: a field is wrong, or names a chain or an origin that is not served.

        """
        request = validated(ChallengeRequest, body)
        origin = request.origin or origins[0]
        if problems := self._unserved(request.chain_id, origin, origins):
            raise InvalidFieldsError("Some fields are not as they should be.", *problems)
        now = self.clock.now()
        terms = SignInTerms(
            origin=origin,
            address=Address(request.address),
            chain_id=ChainId(request.chain_id),
            nonce=new_nonce(),
            issued_at=now,
            expires_at=_after(now, CHALLENGE_SECONDS),
        )
        message = self.messages.write(terms)
        self.access.put_challenge(
            Challenge(
                nonce=terms.nonce,
                address=terms.address,
                chain_id=terms.chain_id,
                expires_at=terms.expires_at,
            )
        )
        return {
            "message": message,
            "domain": domain_of(origin),
            "uri": origin,
            "address": terms.address,
            "chain_id": terms.chain_id,
            "nonce": terms.nonce,
            "issued_at": rfc3339(terms.issued_at),
            "expires_at": rfc3339(terms.expires_at),
        }

    def sign_in(self, body: object, *, origins: Sequence[str]) -> dict[str, Any]:
        """Take a signed message, and give a token.

        Args:
            body: a SignInRequest.
            origins: as in `challenge`; the request has no say in them.

        Raises:
            InvalidFieldsError: it is no such message.
            SignInRefusedError: it is, and proves nothing here and now.

        """
        request = validated(SignInRequest, body)
        message, now = self.messages.read(request.message), self.clock.now()
        origin = next((one for one in origins if message.is_for(one)), None)
        if origin is None:
            raise _refused(*_foreign(message, origins))
        if message.chain_id not in self.chain_ids:
            raise _refused(FieldProblem("chain_id", "is not served here"))
        self.messages.check(message, request.signature, origin=origin, now=now)
        # Last, so that only the account itself can use its nonce up.
        if not self.access.take_challenge(
            message.nonce, address=message.address, chain_id=message.chain_id, now=now
        ):
            raise _refused(FieldProblem("nonce", "is unknown, used or expired; ask for a new challenge"))
        return self._begun(message.address, now)

    def sign_out(self, caller: Caller, token: str | None) -> dict[str, Any]:
        """End the session of a token.

        Raises:
            NotAllowedError: the caller came with an API key, which an operator revokes.

        """
        if caller.address is None or token is None:
            problem = FieldProblem("Authorization", "must be the token that is to end")
            raise NotAllowedError("An API key has no session to end.", problem)
        self.access.end_session(digest_of(token))
        return {"address": caller.address, "status": "signed_out"}

    def _begun(self, address: Address, now: Instant) -> dict[str, Any]:
        token = new_secret()
        # Whole seconds, as the table keeps them: the answer promises what the door will honour.
        expires_at = Instant(_after(now, self.session_seconds) // 1000 * 1000)
        self.access.put_session(Session(digest=digest_of(token), address=address, expires_at=expires_at))
        return {"token": token, "address": address, "expires_at": rfc3339(expires_at)}

    def _unserved(self, chain_id: int, origin: str, origins: Sequence[str]) -> list[FieldProblem]:
        problems = []
        if chain_id not in self.chain_ids:
            problems.append(FieldProblem("chain_id", "is not served here"))
        if origin not in origins:
            problems.append(FieldProblem("origin", f"must be one of {', '.join(origins)}"))
        return problems


def _foreign(message: SignInMessage, origins: Sequence[str]) -> list[FieldProblem]:
    """Say which of the parts that name an origin are not ours."""
    problems = []
    if message.domain not in map(domain_of, origins):
        problems.append(FieldProblem("domain", f"must be one of {', '.join(map(domain_of, origins))}"))
    if message.uri not in origins:
        problems.append(FieldProblem("uri", f"must be one of {', '.join(origins)}"))
    return problems or [FieldProblem("domain", "and uri must be of one origin, with its scheme")]


def _refused(*problems: FieldProblem) -> SignInRefusedError:
    return SignInRefusedError("The sign-in was refused.", *problems)


def _after(moment: Instant, seconds: int) -> Instant:
    return Instant(moment + seconds * 1000)
