"""What is known of a chain before asking it."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ferryman.domain.units import (
    Address,
    BlockNumber,
    ChainId,
    Gas,
    Milliseconds,
    Seconds,
    Wei,
    checked_address,
)

ConfiguredAddress = Annotated[Address, AfterValidator(checked_address)]


class ChainSettings(BaseModel):
    """One chain of this deployment, as its operator configured it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain_id: ChainId
    rpc_urls: tuple[str, ...] = Field(min_length=1)
    block_time_ms: Milliseconds = Field(gt=0)
    """How often a block is expected; confirm looks once per block time."""
    required_confirmations: int = Field(default=1, ge=1)
    """Blocks from the one that holds the transaction (counted as 1) to the head."""
    escrow: ConfiguredAddress
    """The PaymentEscrow; its relayer role belongs to this deployment's wallets alone."""
    tokens: tuple[ConfiguredAddress, ...] = Field(min_length=1)
    """Tokens a payment may move: a token is foreign code, and we pay its gas."""
    grace_seconds: Seconds = Seconds(86_400)
    """How long the escrow holds a withdrawal back."""
    withdrawal_margin_seconds: Seconds = Seconds(3_600)
    """How long before the end of the grace period an accepted payment must be over."""
    inclusion_seconds: Seconds = Seconds(30)
    """How long a transaction may need from acceptance to a block."""
    window: int = Field(default=16, ge=1, le=256)
    """Transactions a wallet may have in flight."""
    max_fee_per_gas_cap_wei: Wei = Wei(500_000_000_000)
    """The most we pay per gas, base fee included."""
    min_priority_fee_wei: Wei = Wei(1_000_000)
    """The least tip offered: an idle chain's fee history says 0, which some pools refuse."""
    gas_limit_cap: Gas = Gas(1_000_000)
    """The most gas one intent may ask for."""

    def confirmed_block(self, head: BlockNumber) -> BlockNumber:
        """Give the newest block that is `required_confirmations` deep when `head` is the newest."""
        return BlockNumber(max(head - self.required_confirmations + 1, 0))
