"""The kind `faucet`: a grant, and the call that gives it."""

from collections.abc import Mapping, Sequence
from typing import Final

from eth_hash.auto import keccak

from ferryman.domain.abi import words
from ferryman.domain.chain import ChainSettings
from ferryman.domain.eip712 import transaction_id
from ferryman.domain.eip1559 import Call
from ferryman.domain.errors import DeadlinePassedError, FieldProblem, RequestError, TrialFailedError
from ferryman.domain.fees import Tier
from ferryman.domain.units import Address, ChainId, Gas, Instant, Seconds, TokenUnits, TransactionId
from ferryman.intents import eip3009
from ferryman.intents.faucet.request import KIND, Grant
from ferryman.intents.fields import validated
from ferryman.intents.followed import FollowedContract
from ferryman.intents.kind import IntentKind, Leg, SignedIntent
from ferryman.intents.lifecycle import public_events
from ferryman.intents.ordered import OrderedNonces
from ferryman.intents.uncharged import Payload, UnchargedKind
from ferryman.ports import EventLog, LogFilter, NonceMarker, Read, Reservation

_NAME: Final = keccak(b"ferryman faucet")
"""Begins what a grant's id is the hash of: no signed message does, so no two ids are the same."""
MINT: Final = keccak(b"mint(address,uint256)")[:4]
TRANSFER: Final = keccak(b"transfer(address,uint256)")[:4]
_READ_GAS: Final = Gas(400_000)
_EMPTY: Final = "insufficient_funds"
_NOBODY: Final = Address("0x" + "00" * 20)
"""The faucet holds no funds of its accounts: their ledgers here count what they asked for, and no more."""
_NOTHING: Final = TokenUnits(0)


class FaucetKind(UnchargedKind):
    """Gives tokens. Nobody signs for that, so whoever accepts one has to know that it may be given."""

    name: Final = KIND
    path: Final = "/faucet/usdc"
    call_bytes: Final = 4 + 32 * 2
    events: Final = public_events("faucet")
    is_public: Final = True
    is_replay_protected: Final = False
    locks_funds: Final = False
    asks_wallets: Final = False
    followed: Final[FollowedContract | None] = None
    ordered: Final[OrderedNonces | None] = None

    def permanent_reason(self, revert: bytes) -> str | None:
        """By the token's error, unless it is that the faucet is empty."""
        reason = eip3009.reason_of(revert)
        return None if reason == _EMPTY else reason

    def is_passing(self, revert: bytes) -> bool:
        """A pause passes, and so does an empty faucet: somebody fills it."""
        return eip3009.is_passing(revert) or eip3009.reason_of(revert) == _EMPTY

    def signing(self, _chain: ChainSettings) -> None:
        """None: there is nothing to sign."""
        return

    def parse(self, body: object, _chains: Mapping[ChainId, ChainSettings]) -> SignedIntent:
        """Read a grant, as `Wanted` writes it."""
        grant = validated(Grant, body)
        to, asset = Address(grant.to), Address(grant.token)
        digest = keccak(words([_NAME, grant.chain_id, asset, to, grant.window]))
        return SignedIntent(
            kind=self.name,
            transaction_id=transaction_id(digest),
            chain_id=ChainId(grant.chain_id),
            sender=to,
            signature=b"",
            needs_signature=False,
            digest=digest,
            deadline_seconds=Seconds(grant.deadline),
            priority=Tier.NORMAL,
            payload=grant.model_dump(mode="json"),
        )

    def check_time(self, intent: SignedIntent, _chain: ChainSettings, now: Instant) -> None:
        """Only a grant of long ago is too late."""
        if intent.deadline_seconds <= now // 1000:
            raise DeadlinePassedError("The grant is over.", FieldProblem("window", "has passed"))

    def contract_reads(self, _chain: ChainSettings, _payload: Payload | None = None) -> tuple[Read, ...]:
        """None: `state_reads` shows whether there is a token at all."""
        return ()

    def is_our_contract(
        self, answers: Sequence[bytes], _chain: ChainSettings, _payload: Payload | None = None
    ) -> bool:
        """Nothing was asked."""
        return not answers

    def state_reads(self, payload: Payload) -> tuple[Read, ...]:
        """Ask for the account's balance, which an address without a token gives no answer to."""
        return (Read(_token(payload), eip3009.balance_call(_to(payload)), gas=_READ_GAS),)

    def assess(self, _payload: Payload, _answers: Sequence[bytes]) -> TokenUnits:
        """Nothing of the account's is held, and that always fits."""
        return _NOTHING

    def trials(self, _payload: Payload) -> tuple[Read, ...]:
        """None: which wallet gives is chosen later, and submit tries it as that one."""
        return ()

    def refusal(self, _trial: int, revert: bytes) -> RequestError:
        """Say what the token says."""
        return TrialFailedError(eip3009.reason_of(revert) or "reverted")

    def spent_at(self, _payload: Payload, _answers: Sequence[bytes]) -> tuple[bool, bool]:
        """No state of the token says whether a grant was given."""
        return False, False

    def executions(self, payload: Payload) -> LogFilter:
        """Transfers of the token, though none says for which grant it was."""
        return LogFilter(contracts=(_token(payload),), topics=(eip3009.TRANSFERRED,))

    def is_execution(
        self, _transaction_id: TransactionId, _payload: Payload, _logs: Sequence[EventLog]
    ) -> bool:
        """Never: whoever else gives an account as much has not given this."""
        return False

    def call_head(self, _payload: Payload) -> None:
        """None: no transaction of others counts at all."""
        return

    def marker(self, payload: Payload) -> NonceMarker:
        """The account's share of the span of time."""
        return NonceMarker(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=_token(payload),
            signer=_to(payload),
            nonce=f"faucet#{payload['window']}",
        )

    def reservation(self, payload: Payload) -> Reservation:
        """None of the account's funds; what it asks for is counted beside them."""
        return Reservation(
            chain_id=ChainId(int(payload["chain_id"])),
            escrow=_NOBODY,
            token=_token(payload),
            payer=_to(payload),
            units=_NOTHING,
            marker=self.marker(payload),
        )

    def to_batch_call(self, _payloads: Sequence[Payload], _chain: ChainSettings) -> Call | None:
        """None: each has its own."""
        return None

    def leg(self, _transaction_id: TransactionId, payload: Payload, logs: Sequence[EventLog]) -> Leg:
        """Find the token's own word that the account got what it was to get."""
        receiver = words([_to(payload)])
        for log in logs:
            is_transfer = log.contract == _token(payload) and log.topics[:1] == (eip3009.TRANSFERRED,)
            if is_transfer and log.topics[2:] == (receiver,) and int.from_bytes(log.data) == _units(payload):
                return Leg(is_done=True)
        return Leg(is_done=False, cause="the token did not mention it")

    def to_call(self, payload: Payload) -> Call:
        """Call `mint`, or `transfer` out of the wallet's own."""
        selector = MINT if payload["mint"] else TRANSFER
        return Call(_token(payload), selector + words([_to(payload), _units(payload)]))


FAUCET: Final[IntentKind] = FaucetKind()


def _token(payload: Payload) -> Address:
    return Address(str(payload["token"]))


def _to(payload: Payload) -> Address:
    return Address(str(payload["to"]))


def _units(payload: Payload) -> TokenUnits:
    return TokenUnits(int(payload["units"]))
