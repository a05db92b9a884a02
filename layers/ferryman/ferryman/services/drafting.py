"""Drafts: what a message would cost that nobody has signed yet, and what to sign."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    ContractMismatchError,
    FieldProblem,
    InvalidFieldsError,
)
from ferryman.domain.fees import BPS
from ferryman.domain.pricing import fee_of
from ferryman.domain.units import Address, ChainId, Gas, Instant, Seconds, TokenUnits
from ferryman.intents.deadlines import check_deadline
from ferryman.intents.drafted import Draft, DraftedKind, Proposal
from ferryman.ports import Clock, Reverted
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.market import MarketBook

NextNonce = Callable[[Address, ChainAccess], int]
"""Finds a nonce for a signer."""

_HEADROOM_BPS: Final = 2 * BPS
"""What is signed for, in parts of what it costs now: gas may be dearer by the block that takes it."""
_PROPOSED_SECONDS: Final = Seconds(3_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Works out what to sign, of one kind."""

    kind: DraftedKind
    chains: Chains
    book: MarketBook
    next_nonce: NextNonce
    clock: Clock

    def __call__(self, body: object) -> dict[str, Any]:
        """Propose a message: its gas, its fee, a free nonce, and all that has to be signed.

        Raises:
            RequestError: such a message would be refused.
            AssuranceUnavailableError: the chain cannot be read.
            StoreUnavailableError: the quote could not be kept, so it would not be honoured.

        """
        settings = {chain_id: access.settings for chain_id, access in self.chains.items()}
        draft = self.kind.parse_draft(body, settings)
        access = self.chains[draft.chain_id]
        self._check_time(draft, access.settings)
        try:
            self._check(draft, access)
            proposal = self._proposal(draft, self._estimated(draft, access), access)
        except ChainUnreachableError as error:
            msg = "The chain cannot be asked now what it would cost; try again."
            raise AssuranceUnavailableError(msg) from error
        return self.kind.proposed(draft, proposal, access.settings)

    def nonce(self, signer: Address, chain_id: ChainId | None = None) -> dict[str, Any]:
        """Give a nonce that somebody can use now.

        Args:
            signer: who will sign.
            chain_id: not needed where only one chain has the contract.

        Raises:
            InvalidFieldsError: which chain is meant is not known.
            NonceOutOfOrderError: its messages are taken in order, and too many wait already.
            AssuranceUnavailableError: the chain cannot be read.

        """
        offered = [one for one in self.chains.values() if self.kind.signing(one.settings)]
        if chain_id is not None:
            offered = [one for one in offered if one.settings.chain_id == chain_id]
        if len(offered) != 1:
            reason = "must be that of a chain with such a contract: GET /chains names them"
            raise InvalidFieldsError("Which chain is meant?", FieldProblem("chain_id", reason))
        (access,) = offered
        nonce = self.next_nonce(signer, access)
        return {
            "user": signer,
            "chain_id": access.settings.chain_id,
            "kind": self.kind.name,
            "nonce": str(nonce),
        }

    def _check_time(self, draft: Draft, settings: ChainSettings) -> None:
        if draft.deadline_seconds is not None:
            longest, inclusion = self.kind.longest_seconds(settings), settings.inclusion_seconds
            check_deadline(draft.deadline_seconds, self.clock.now(), inclusion=inclusion, longest=longest)

    def _check(self, draft: Draft, access: ChainAccess) -> None:
        answers = access.chain.read(self.kind.draft_reads(draft)).answers
        given = [answer for answer in answers if isinstance(answer, bytes) and answer]
        if len(given) != len(answers):
            raise ContractMismatchError(
                "The contract on chain is not the one this deployment is configured for."
            )
        self.kind.check_draft(given, access.settings)

    def _estimated(self, draft: Draft, access: ChainAccess) -> Gas:
        (outcome,) = access.chain.simulate([draft.call], sender=draft.caller).outcomes
        if not isinstance(outcome, Reverted):
            return outcome
        if not outcome.is_execution:
            raise ChainUnreachableError(draft.chain_id, outcome.text)
        raise self.kind.draft_refusal(outcome.data)

    def _proposal(self, draft: Draft, estimate: Gas, access: ChainAccess) -> Proposal:
        kind, settings, now = self.kind, access.settings, self.clock.now()
        gas_limit = draft.gas_limit or kind.gas_limit(draft, estimate, settings)
        schedule = kind.draft_schedule(draft, gas_limit, settings)
        market = self.book.quotable(kind, access) if schedule.follows_market else None
        fee = fee_of(schedule, draft.tier, market, count=0)
        away = min(_PROPOSED_SECONDS, kind.longest_seconds(settings))
        return Proposal(
            gas_estimate=estimate,
            gas_limit=gas_limit,
            gas=schedule.gas,
            gas_price=market.gas_prices[draft.tier] if market else None,
            units_per_native=schedule.price(market),
            fee=fee,
            max_fee=TokenUnits(fee.total * _HEADROOM_BPS // BPS),
            nonce=self.next_nonce(draft.signer, access) if draft.nonce is None else draft.nonce,
            deadline_seconds=(
                Seconds(now // 1_000 + away) if draft.deadline_seconds is None else draft.deadline_seconds
            ),
            expires_at=Instant(now + settings.quote_seconds * 1_000),
        )
