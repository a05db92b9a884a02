"""The body of `POST /faucet/usdc`, and what is made of it: a grant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from ferryman.domain.chain import ChainSettings
from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotAllowedError, NotFoundError
from ferryman.domain.faucet import FaucetSettings, is_test_chain
from ferryman.domain.units import Address, ChainId
from ferryman.intents.fields import AddressField, ChainIdField, MoneyField, RequestModel, validated

KIND: Final = "faucet"
"""The kind of intent that a grant is."""


class FaucetRequest(RequestModel):
    """Who wants tokens, and on which chain."""

    address: AddressField = Field(
        description="The account that gets them.", examples=["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
    )
    chain_id: Annotated[
        ChainIdField | None,
        Field(description="May be left out where one chain has a faucet.", examples=[31337]),
    ] = None


class Grant(RequestModel):
    """What an account gets in one span of time: everything that its row says."""

    chain_id: ChainIdField
    token: AddressField
    to: AddressField
    units: MoneyField
    mint: Annotated[int, Field(ge=0, le=1)]
    """1: the token makes them."""
    window: Annotated[int, Field(ge=0)]
    """The number of the span."""
    deadline: Annotated[int, Field(ge=0)]
    """Unix time after which they are not given any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who wants tokens of which faucet."""

    account: Address
    chain: ChainSettings
    faucet: FaucetSettings

    def grant(self, window: int) -> dict[str, str | int]:
        """Write what the account gets in a span of time; one span more is time enough to give it."""
        return {
            "chain_id": self.chain.chain_id,
            "token": self.faucet.token,
            "to": self.account,
            "units": str(self.faucet.units),
            "mint": int(self.faucet.mint),
            "window": window,
            "deadline": self.faucet.end_of(window + 1),
        }


def wanted(body: object, chains: Mapping[ChainId, ChainSettings]) -> Wanted:
    """Read a request, and find the faucet that it is for.

    Raises:
        InvalidFieldsError: something is missing, unknown, out of range or of the wrong form.
        NotAllowedError: the chain is no test chain.
        NotFoundError: the chain has no faucet.

    """
    request = validated(FaucetRequest, body)
    having = [chain_id for chain_id, chain in chains.items() if chain.faucet]
    listed = ", ".join(map(str, having)) or "none"
    if request.chain_id is None and len(having) != 1:
        problem = FieldProblem("chain_id", f"is required; chains with a faucet: {listed}")
        raise InvalidFieldsError("Which chain is meant?", problem)
    chain_id = having[0] if request.chain_id is None else ChainId(request.chain_id)
    if not is_test_chain(chain_id):
        problem = FieldProblem("chain_id", f"is no test chain; chains with a faucet: {listed}")
        raise NotAllowedError("A faucet gives on test chains only.", problem)
    chain = chains.get(chain_id)
    if chain is None or chain.faucet is None:
        problem = FieldProblem("chain_id", f"has no faucet here; chains with one: {listed}")
        raise NotFoundError("There is no faucet on that chain.", problem)
    if int(request.address, 16) == 0 or request.address in {chain.faucet.token, chain.escrow}:
        problem = FieldProblem("address", "must be an account that can use them")
        raise InvalidFieldsError("Nobody could use the tokens there.", problem)
    return Wanted(account=Address(request.address), chain=chain, faucet=chain.faucet)
