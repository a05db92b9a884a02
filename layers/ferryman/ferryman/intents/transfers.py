"""Transfers out of a holder's own account: what kinds of them have in common, whatever was signed.

Nobody has locked the money, and all of it goes to the payee: the ledger is our own bookkeeping of what is on
its way, so that messages which together exceed the balance are not all accepted (ADR 33).
"""

from abc import ABC, abstractmethod
from hashlib import sha256
from typing import Annotated, ClassVar, Final

from pydantic import Field, ValidationInfo, field_validator

from ferryman.domain.chain import ChainSettings
from ferryman.domain.erc6492 import is_of_undeployed_wallet
from ferryman.domain.errors import (
    FieldProblem,
    InvalidFieldsError,
    NonceUsedError,
    RequestError,
    TrialFailedError,
    WrongSignerError,
)
from ferryman.domain.fees import Tier
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.units import Address, ChainId, Gas, Instant, Seconds, TokenUnits
from ferryman.intents.deadlines import check_begun, check_deadline
from ferryman.intents.fields import (
    AddressField,
    ChainIdField,
    DeadlineField,
    PositiveMoneyField,
    RequestModel,
    SignatureField,
    checked_payee,
)
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import QuoteRequest
from ferryman.intents.ordered import OrderedNonces
from ferryman.intents.uncharged import Payload, UnchargedKind
from ferryman.ports import Funds, NonceMarker, Reservation

TRIAL_GAS: Final = Gas(300_000)
"""A token is foreign code: what a transfer may take of it when it is tried."""
CLOCK_SLACK_SECONDS: Final = Seconds(6)
"""How far the chain's clock may be ahead of ours."""
LONGEST_SECONDS: Final = Seconds(7 * 86_400)
"""How far ahead the end of a message may be: nothing is kept open for longer."""
_ADDRESS: Final = "0x and 40 hex digits: lower case, or with the right EIP-55 checksum."


TransferredField = Annotated[
    PositiveMoneyField,
    Field(description="Token units for the payee, more than 0, in decimal.", examples=["1000000"]),
]
ValidAfterField = Annotated[
    DeadlineField, Field(description="Unix seconds that must have passed.", examples=[0])
]
_Asset = Annotated[
    AddressField,
    Field(
        description=f"Token that is settled on that chain. {_ADDRESS}",
        examples=["0x5FbDB2315678afecb367f032d93F642f64180aa3"],
    ),
]
_ChainId = Annotated[ChainIdField, Field(description="EIP-155 chain id.", examples=[31337])]
_Priority = Annotated[
    Tier, Field(strict=False, description="How fast it should be mined.", examples=["normal"])
]


class TransferQuoteRequest(RequestModel):
    """A transfer that is not signed yet: what is signed goes to the payee whole, so it pays no fee."""

    chain_id: _ChainId
    asset: _Asset
    payer: Annotated[
        AddressField | None,
        Field(
            alias="from",
            description=f"Who would pay. {_ADDRESS}",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ] = None
    priority: _Priority = Tier.NORMAL


class TransferRequest(RequestModel):
    """A signed transfer: what every one says, whatever its signer calls the rest."""

    chain_id: _ChainId
    asset: _Asset
    payer: Annotated[
        AddressField,
        Field(
            alias="from",
            description=f"Who pays, and signed. {_ADDRESS}",
            examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"],
        ),
    ]
    payee: Annotated[
        AddressField,
        Field(
            alias="to",
            description=f"Who is paid. {_ADDRESS}",
            examples=["0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"],
        ),
    ]
    signature: Annotated[
        SignatureField,
        Field(
            description="EIP-712 signature: r, s, v; low s, v 27 or 28. Or what an ERC-1271 wallet takes.",
            examples=["0x" + "1b" * 65],
        ),
    ]
    resource: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=2_000,
            description="What is paid for, such as its URL; the record keeps its SHA-256.",
            examples=["https://api.example.com/weather"],
        ),
    ] = None
    priority: _Priority = Tier.NORMAL

    @field_validator("payee", mode="after")
    @classmethod
    def _another_account(cls, payee: str, so_far: ValidationInfo) -> str:
        """Refuse what moves nothing, or what nobody could spend there."""
        if payee == so_far.data.get("asset"):
            msg = "must not be the token: nobody could spend it there"
            raise ValueError(msg)
        return checked_payee(payee, so_far.data.get("payer"))

    def payload(self) -> dict[str, str | int]:
        """Give everything that was sent, with the hash of what is paid for."""
        payload: dict[str, str | int] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        if self.resource is not None:
            payload["resource"] = "0x" + sha256(self.resource.encode()).hexdigest()
        return payload


class TransferKind(UnchargedKind, ABC):
    """What such a kind says of itself, but for what was signed and who carries it out.

    All that is signed for goes to the payee, so there is no fee.
    """

    judge: ClassVar[str]
    """Who takes signature and nonce or refuses them, as it is called."""
    nonce_seen: ClassVar[str]
    """What is the matter with a nonce that it does not take."""

    is_public: Final = True
    is_replay_protected: Final = True
    locks_funds: Final = False
    asks_wallets: Final = True
    followed: Final[FollowedContract | None] = None
    ordered: Final[OrderedNonces | None] = None

    @abstractmethod
    def permanent_reason(self, revert: bytes) -> str | None:
        """Give our reason, in one word, for a revert that time does not heal; None for any other."""

    def refusal(self, _trial: int, revert: bytes) -> RequestError:
        """Say what the one says that judges it."""
        reason = self.permanent_reason(revert)
        if reason == "nonce_used":
            return self.nonce_used()
        if reason == "signature_invalid":
            problem = FieldProblem("signature", f"is refused by {self.judge}")
            return WrongSignerError(f"The signature is refused by {self.judge}.", problem)
        return TrialFailedError(reason or "reverted")

    def nonce_used(self) -> NonceUsedError:
        """Say what is the matter with the nonce."""
        return NonceUsedError(self.nonce_seen, FieldProblem("nonce", "is used on chain"))


def quote_request(request: TransferQuoteRequest) -> QuoteRequest:
    """Give what is asked for in our own terms."""
    chain_id, asset, spending = ChainId(request.chain_id), Address(request.asset), None
    if request.payer is not None:
        spending = Funds(chain_id=chain_id, escrow=asset, token=asset, payer=Address(request.payer))
    return QuoteRequest(
        chain_id=chain_id,
        token=asset,
        tier=Tier(request.priority),
        spending=spending,
        schedule=FeeSchedule(),
    )


def reservation(payload: Payload, units: TokenUnits, marker: NonceMarker) -> Reservation:
    """Hold what is signed for, out of the payer's balance: in the token's own ledger."""
    asset = Address(str(payload["asset"]))
    return Reservation(
        chain_id=ChainId(int(payload["chain_id"])),
        escrow=asset,
        token=asset,
        payer=Address(str(payload["from"])),
        units=units,
        marker=marker,
    )


def check_deployed(signature: bytes) -> None:
    """Refuse signatures that no call to the token could carry.

    Raises:
        InvalidFieldsError: its wallet would have to be deployed first.

    """
    if is_of_undeployed_wallet(signature):
        reason = "is of a wallet that is not deployed yet (ERC-6492): deploy it first"
        raise InvalidFieldsError("No wallets are deployed here.", FieldProblem("signature", reason))


def check_window(
    chain: ChainSettings, now: Instant, *, begins: tuple[str, Seconds], ends: tuple[str, Seconds]
) -> None:
    """Take what is valid already, and for as long as its inclusion may take.

    Args:
        chain: its chain.
        now: by our clock.
        begins: the field that says since when it is valid, and the last Unix time at which it is not.
        ends: the field that says until when, and the first Unix time at which it is not.

    Raises:
        DeadlinePassedError: it is too late.
        InvalidFieldsError: the end is too near or too far, or the beginning is still to come.

    """
    (first_field, begin), (last_field, end) = begins, ends
    inclusion = Seconds(chain.inclusion_seconds + CLOCK_SLACK_SECONDS)
    check_deadline(end, now, field=last_field, inclusion=inclusion, longest=LONGEST_SECONDS)
    check_begun(begin, now, field=first_field)


def room_beside(units: TokenUnits, *, deep: TokenUnits, newest: TokenUnits) -> TokenUnits:
    """Give how much of a token may be held already for units more to fit; below 0: they do not, by so much.

    Args:
        units: that are to be held.
        deep: the payer's balance where no reorg is expected to reach.
        newest: at the head. It counts no further: what is mined and not yet let go has left it already.

    """
    return TokenUnits((deep if newest >= units else min(deep, newest)) - units)
