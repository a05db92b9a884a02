"""Drafts: what a message would cost that nobody has signed yet, and what to sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    ContractMismatchError,
    FieldProblem,
    InvalidFieldsError,
)
from ferryman.domain.fees import BPS
from ferryman.domain.pricing import fee_of
from ferryman.domain.units import Gas, Instant, Seconds, TokenUnits
from ferryman.intents.drafted import Draft, DraftedKind, Proposal
from ferryman.ports import Clock, Reverted
from ferryman.services.asking import number_parameter, refuse_unknown_parameters
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.market import MarketBook
from ferryman.services.nonces import FreeNonces
from ferryman.services.topics import parsed_address

_HEADROOM_BPS: Final = 2 * BPS
"""What is signed for, in parts of what it costs now: gas may be dearer by the block that takes it."""
_LARGEST_CHAIN_ID: Final = 2**53 - 1
_PROPOSED_SECONDS: Final = Seconds(3_600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Works out what to sign."""

    kind: DraftedKind
    chains: Chains
    book: MarketBook
    nonces: FreeNonces
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
        try:
            self._check(draft, access)
            proposal = self._proposal(draft, self._estimated(draft, access), access)
        except ChainUnreachableError as error:
            msg = "The chain cannot be asked now what it would cost; try again."
            raise AssuranceUnavailableError(msg) from error
        return self.kind.proposed(draft, proposal, access.settings)

    def nonce(self, signer: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Give a nonce that somebody can use now.

        Args:
            signer: an address, as the path has it.
            parameters: of the query: `chain_id`, which is not needed where only one chain has the contract.

        Raises:
            InvalidFieldsError: one is unknown or of the wrong form.
            AssuranceUnavailableError: the chain cannot be read.

        """
        refuse_unknown_parameters(parameters, {"chain_id"})
        address = parsed_address("user", signer)
        offered = [one for one in self.chains.values() if self.kind.signing(one.settings)]
        if "chain_id" in parameters:
            chain_id = number_parameter("chain_id", parameters["chain_id"], 1, _LARGEST_CHAIN_ID)
            offered = [one for one in offered if one.settings.chain_id == chain_id]
        if len(offered) != 1:
            reason = "must be that of a chain with such a contract: GET /chains names them"
            raise InvalidFieldsError("Which chain is meant?", FieldProblem("chain_id", reason))
        (access,) = offered
        nonce = self.nonces(self.kind, address, access)
        return {"user": address, "chain_id": access.settings.chain_id, "nonce": str(nonce)}

    def _check(self, draft: Draft, access: ChainAccess) -> None:
        answers = access.chain.read(self.kind.draft_reads(draft)).answers
        given = [answer for answer in answers if isinstance(answer, bytes) and answer]
        if len(given) != len(answers):
            raise ContractMismatchError(
                "The contract on chain is not the one this deployment is configured for."
            )
        self.kind.check_draft(given)

    def _estimated(self, draft: Draft, access: ChainAccess) -> Gas:
        (outcome,) = access.chain.simulate([draft.call], sender=draft.caller).outcomes
        if not isinstance(outcome, Reverted):
            return outcome
        if not outcome.is_execution:
            raise ChainUnreachableError(draft.chain_id, outcome.text)
        raise self.kind.draft_refusal(outcome.data)

    def _proposal(self, draft: Draft, estimate: Gas, access: ChainAccess) -> Proposal:
        settings, now = access.settings, self.clock.now()
        gas_limit = draft.gas_limit or self.kind.gas_limit(estimate)
        schedule = self.kind.draft_schedule(gas_limit, settings)
        market = self.book.quotable(self.kind, access)
        fee = fee_of(schedule, draft.tier, market, count=0)
        nonce = draft.nonce
        if nonce is None:
            nonce = self.nonces(self.kind, draft.signer, access)
        return Proposal(
            gas_estimate=estimate,
            gas_limit=gas_limit,
            gas=schedule.gas,
            gas_price=market.gas_prices[draft.tier],
            units_per_native=schedule.price(market),
            fee=fee,
            max_fee=TokenUnits(fee.total * _HEADROOM_BPS // BPS),
            nonce=nonce,
            deadline_seconds=draft.deadline_seconds or Seconds(now // 1_000 + _PROPOSED_SECONDS),
            expires_at=Instant(now + settings.quote_seconds * 1_000),
        )
