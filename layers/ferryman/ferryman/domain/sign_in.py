"""Sign-In with Ethereum (EIP-4361): a message that proves an account to one origin."""

from dataclasses import dataclass

from ferryman.domain.units import Address, ChainId, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInTerms:
    """What a message is to say."""

    origin: str
    """Scheme and authority of who asks (RFC 6454)."""
    address: Address
    chain_id: ChainId
    nonce: str
    issued_at: Instant
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInMessage:
    """What a message says; who wrote it is not known yet."""

    text: str
    scheme: str | None
    """Of the domain, where the message names it."""
    domain: str
    """RFC 3986 authority of who asked for the signature."""
    uri: str
    address: Address
    chain_id: ChainId
    nonce: str

    def is_for(self, origin: str) -> bool:
        """Whether it is addressed to this origin: as domain, as URI, and as scheme if it names one."""
        scheme, _, authority = origin.partition("://")
        return self.domain == authority and self.uri == origin and self.scheme in {None, scheme}


def domain_of(origin: str) -> str:
    """Give an origin's authority: what EIP-4361 calls the domain."""
    return origin.partition("://")[2]
