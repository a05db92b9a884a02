"""What is known of a chain before asking it."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ferryman.domain.configured import ConfiguredAddress
from ferryman.domain.faucet import FaucetSettings, is_test_chain
from ferryman.domain.fees import FILL_CAP_FACTOR, PERCENTILES, FeeModel, Tier
from ferryman.domain.forwarding import ForwarderSettings
from ferryman.domain.permit2 import Permit2Settings
from ferryman.domain.pricing import FeeSchedule
from ferryman.domain.quotas import SenderLimits
from ferryman.domain.relaying import RelaySettings
from ferryman.domain.units import Address, BlockNumber, ChainId, Gas, Instant, Milliseconds, Seconds, Wei
from ferryman.domain.wallet_factories import UndeployedWallets

LOOK_BACK_BLOCKS: Final = 8
"""How far before the newest deep block a refusal looks again.

A payment that is mined but not yet written down as confirmed counts twice in a reading of the
newest block: its funds have left the balance and are still reserved. An older block, as long as
it is not older than the last settlement, counts it once.
"""

STALE_BLOCKS: Final = 20
_STALE_MS: Final = Milliseconds(60_000)
"""An endpoint's newest block is too old when it is older than so many blocks and than that."""
_FINAL_DEPTHS: Final = 10
"""Where a chain does not say what is final, a block counts as final this many times as deep as required."""
_CACHED_BLOCKS: Final = 3
_FEWEST_KEPT_BLOCKS: Final = 16
_EXPRESS_PART: Final = 4
_SENT_AFTER_SECONDS: Final = 10
"""When a transaction is broadcast at the latest, as long as nothing is in its way: cold starts and queues."""
_INCLUSION_BLOCKS: Final = 3
_FREE: Final = FeeSchedule()
MOST_RPC_CALLS: Final = 100
"""Calls in one JSON-RPC batch that every usual provider takes."""
MOST_IN_BATCH: Final = 40
"""Intents under one nonce: each is two items, of the hundred that a DynamoDB transaction takes."""


def _usual_inclusion(known: dict[str, Any]) -> Seconds:
    """Leave time to be signed and sent, and for two blocks to be full.

    How deep the block has to be is no part of it: a deadline is over once there is one.
    """
    blocks_ms = _INCLUSION_BLOCKS * known.get("block_time_ms", 0)  # without it nothing starts anyway
    return Seconds(_SENT_AFTER_SECONDS - -blocks_ms // 1000)


class TokenDomain(BaseModel):
    """A token that takes transfers its holders signed (EIP-3009), and how they sign for it.

    The contract is asked for its domain separator: what is written here has to give the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    """`name` of its EIP-712 domain, which need not be the token's own."""
    version: str = Field(min_length=1, max_length=16)
    """`version` of that domain."""
    takes_bytes: bool = False
    """Whether it takes a signature of any length, as contract wallets give (USDC 2.2 does)."""


class ChainSettings(BaseModel):
    """One chain of this deployment, as its operator configured it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain_id: ChainId
    block_time_ms: Milliseconds = Field(gt=0)
    """How often a block is expected; confirm looks once per block time."""
    required_confirmations: int = Field(default=1, ge=1)
    """Blocks from the one that holds the transaction (counted as 1) to the head."""
    escrow: ConfiguredAddress
    """The PaymentEscrow; its relayer role belongs to this deployment's wallets alone."""
    escrow_created_block: BlockNumber = BlockNumber(0)
    """The block that created it, where watch begins; 0 is always right, and long on an old chain."""
    tokens: tuple[ConfiguredAddress, ...] = Field(min_length=1)
    """Tokens a payment may move: a token is foreign code, and we pay its gas."""
    authorized_tokens: Mapping[ConfiguredAddress, TokenDomain] = Field(default_factory=dict)
    """Tokens that are settled out of their holders' own accounts (EIP-3009); none: no settlements."""
    undeployed_wallets: UndeployedWallets | None = None
    """Wallets that are deployed with their first settlement (ERC-6492); None: they are refused."""
    permit2: Permit2Settings | None = None
    """Tokens that are settled by Permit2, with EIP-3009 or without; None: none are."""
    settler: ConfiguredAddress | None = None
    """The BatchSettler, which carries out many settlements at once; None: each has its own transaction."""
    explorer_url: Annotated[str, Field(pattern=r"^https?://[^\s]+[^/\s]$")] | None = None
    """Where people look at the chain: its transactions are at `<this>/tx/<hash>`."""
    relay: RelaySettings | None = None
    """The MetaTxRelay; None: no meta-transactions."""
    faucet: FaucetSettings | None = None
    """Gives tokens to whoever asks, on test chains; None: there is none."""
    forwarder: ForwarderSettings | None = None
    """An ERC2771Forwarder; None: no forward requests."""
    grace_seconds: Seconds = Seconds(86_400)
    """How long the escrow holds a withdrawal back."""
    withdrawal_margin_seconds: Seconds = Seconds(3_600)
    """How long before the end of the grace period an accepted payment must be over."""
    inclusion_seconds: Seconds = Field(default_factory=_usual_inclusion, ge=0)
    """How long one may need from acceptance to a block; if not said ten seconds and three blocks."""
    window: int = Field(default=16, ge=1, le=256)
    """Transactions a new wallet may have in flight: as many of one account as geth promises to keep."""
    window_most: int = Field(default=64, ge=1, le=256)
    """How far that grows while all of them are mined; never below `window`."""
    express_window: int | None = Field(default=None, ge=0)
    """How many of them standard payments leave to urgent ones; a quarter of the window if not said."""
    express_deadline_seconds: Seconds = Field(default=Seconds(120), ge=0)
    """A payment whose deadline is nearer than this is urgent."""
    batch_size: int = Field(default=40, ge=0, le=MOST_IN_BATCH)
    """The most intents of one chain transaction; 0 or 1: each has its own."""
    batch_min: int = Field(default=5, ge=2)
    """Intents that must be ready at once before any share a transaction."""
    batch_wait_ms: Milliseconds = Field(default=Milliseconds(0), ge=0, le=5_000)
    """How long a standard payment waits for others to share a transaction with."""
    max_fee_per_gas_cap_wei: Wei = Wei(500_000_000_000)
    """The most we pay per gas, base fee included."""
    tier_caps_wei: Mapping[Tier, Annotated[Wei, Field(gt=0)]] = Field(default_factory=dict)
    """The same for single tiers, where it is less."""
    fee_model: FeeModel = FeeModel.EIP1559
    """How its transactions say what they pay; of a chain without base fee: legacy."""
    bump_after_blocks: int = Field(default=10, ge=1)
    """Blocks without a transaction that was sent again, after which it offers more."""
    bump_after_seconds: Seconds = Field(default=Seconds(30), ge=0)
    """How long it was signed by then, at least."""
    reserve_bps: int = Field(default=20_000, ge=10_000)
    """What a wallet must have for a nonce, in parts of what its first bytes offer: they may be replaced."""
    low_balance_wei: Wei = Field(default=Wei(0), ge=0)
    """A wallet with less is not used until it has a quarter more than that."""
    top_up_wei: Wei | None = Field(default=None, gt=0)
    """What a wallet that is low gets from the treasury, if there is one; None: nothing."""
    top_up_daily_wei: Wei | None = Field(default=None, gt=0)
    """The most that the treasury sends a day (UTC) on this chain."""
    wallet_daily_gas_wei: Wei | None = Field(default=None, gt=0)
    """What a wallet may spend on gas a day (UTC); what is more waits."""
    min_priority_fee_wei: Wei = Wei(1_000_000)
    """The least tip offered: an idle chain's fee history says 0, which some pools refuse."""
    gas_limit_cap: Gas = Gas(1_000_000)
    """The most gas one intent may ask for."""
    failures_allowed: int = Field(default=100, ge=1)
    """Tries that fail for a reason we do not know to pass, after which a payment is given up.

    They are 30 seconds apart from the fourth on. Waiting for anything else never counts.
    """
    cache_max_age_ms: Milliseconds | None = Field(default=None, ge=0)
    """How old watch's view of the head may be for acceptance to use it; 0: never, None: three blocks."""
    sender_limits: SenderLimits = SenderLimits()
    """What each sender may post."""
    fees: Mapping[ConfiguredAddress, FeeSchedule] = Field(default_factory=dict)
    """What is charged, per token; nothing in a token that is not here."""
    quote_seconds: Seconds = Field(default=Seconds(60), ge=5, le=3_600)
    """How long a quoted fee is taken."""
    rpc_batch_size: int = Field(default=MOST_RPC_CALLS, ge=1)
    """The most calls that the chain's endpoints take in one JSON-RPC batch."""
    l1_fee_oracle: ConfiguredAddress | None = None
    """An OP-style chain's GasPriceOracle, where its transactions pay for their data on L1."""

    @model_validator(mode="after")
    def _knows_named_tokens(self) -> Self:
        """A cap on a token that nobody can pay with, or a fee, is a slip of the pen."""
        for field, named in (
            ("sender_limits.daily_units", self.sender_limits.daily_units),
            ("fees", self.fees),
        ):
            if unknown := sorted(set(named) - self.known_tokens):
                msg = f"{field} names tokens that are not in tokens: {', '.join(unknown)}"
                raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _signs_for_the_fee(self) -> Self:
        """The fee's authorization is signed in the token's own domain."""
        if self.relay and self.relay.fee_token not in self.authorized_tokens:
            msg = "relay.fee_token must be one of authorized_tokens"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _gives_on_test_chains_only(self) -> Self:
        """Whatever the deployment's parameter says: nobody gives money away by a slip of the pen."""
        if self.faucet and not is_test_chain(self.chain_id):
            msg = f"faucet is for test chains, and {self.chain_id} is none that is known here"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _forwards_to_strangers_only(self) -> Self:
        """A target that takes our own contracts' calls, or moves tokens, is a slip of the pen."""
        if self.forwarder is None:
            return self
        relay = self.relay.address if self.relay else None
        ours = {self.forwarder.address, self.escrow, self.settler, relay}
        if wrong := sorted({one.target for one in self.forwarder.allowed} & {*ours, *self.known_tokens}):
            msg = f"forwarder.allowed must not name this chain's own contracts: {', '.join(wrong)}"
            raise ValueError(msg)
        if self.forwarder.transaction_gas(self.forwarder.most_gas, call_bytes=0) > self.gas_limit_cap:
            msg = "forwarder.most_gas must leave gas_limit_cap room for the transaction around it"
            raise ValueError(msg)
        return self

    @model_validator(mode="before")
    @classmethod
    def _holds_no_secret(cls, values: Any) -> Any:  # noqa: ANN401 (whatever was given)
        if isinstance(values, dict) and "rpc_urls" in values:
            msg = "rpc_urls is no setting: RPC addresses are secrets, kept in the parameter store"
            raise ValueError(msg)
        return values

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        """A withdrawal must be later than any accepted payment, and than any block we read funds at."""
        if self.withdrawal_margin_seconds + self.inclusion_seconds >= self.grace_seconds:
            msg = "grace_seconds must be more than withdrawal_margin_seconds and inclusion_seconds together"
            raise ValueError(msg)
        if self._read_back_ms >= self.withdrawal_margin_seconds * 1000:
            msg = "withdrawal_margin_seconds must be longer than the blocks that funds are read back over"
            raise ValueError(msg)
        if self._read_back_ms + self.cache_age_ms >= self.withdrawal_margin_seconds * 1000:
            msg = "withdrawal_margin_seconds must be longer than those blocks and cache_max_age_ms together"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _tops_up_enough(self) -> Self:
        """A wallet that was topped up must not still be low, or it would get more and more."""
        if self.top_up_wei is not None and not 0 < self.low_balance_wei * 5 // 4 <= self.top_up_wei:
            msg = "top_up_wei needs low_balance_wei, and must be at least a quarter more than that"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _leaves_window(self) -> Self:
        """Standard payments must be able to bind."""
        if self.express_window is not None and self.express_window >= self.window:
            msg = "express_window must be smaller than window"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _caps_rise(self) -> Self:
        """What pays for speed must not wait at a lower price than what does not."""
        caps = [
            self.tier_caps_wei.get(tier, self.max_fee_per_gas_cap_wei)
            for tier in sorted(Tier, key=PERCENTILES.__getitem__)
        ]
        if caps != sorted(caps) or caps[-1] > self.max_fee_per_gas_cap_wei:
            msg = "tier_caps_wei must not fall from slow to fast, nor be above max_fee_per_gas_cap_wei"
            raise ValueError(msg)
        return self

    @property
    def known_tokens(self) -> frozenset[Address]:
        """Give every token that is configured."""
        return frozenset((*self.tokens, *self.authorized_tokens))

    @property
    def widest_window(self) -> int:
        """Give the most nonces a wallet may ever have open."""
        return max(self.window, self.window_most)

    def reserved_for_express(self, window: int) -> int:
        """Give how many open nonces of a wallet only urgent payments may add: never the last one."""
        part = window // _EXPRESS_PART if self.express_window is None else self.express_window
        return min(part, window - 1)

    def fee_cap(self, tier: Tier) -> Wei:
        """Give the most that is paid per gas for a tier."""
        return self.tier_caps_wei.get(tier, self.max_fee_per_gas_cap_wei)

    @property
    def fill_cap(self) -> Wei:
        """Give the most that is paid per gas to use a nonce up, so that those above it can be mined."""
        return Wei(self.max_fee_per_gas_cap_wei * FILL_CAP_FACTOR)

    def schedule(self, token: Address) -> FeeSchedule:
        """Give a token's fee schedule."""
        return self.fees.get(token, _FREE)

    def confirmed_block(self, head: BlockNumber) -> BlockNumber:
        """Give the newest block that is `required_confirmations` deep when `head` is the newest."""
        return BlockNumber(max(head - self.required_confirmations + 1, 0))

    def final_block(self, head: BlockNumber, finalized: BlockNumber | None) -> BlockNumber:
        """Give the newest block that no reorg replaces any more.

        Args:
            head: the newest block.
            finalized: the newest one that the chain calls final; None if it does not say.

        """
        if finalized is not None:
            return BlockNumber(min(finalized, head))
        return BlockNumber(max(head - _FINAL_DEPTHS * self.required_confirmations + 1, 0))

    def was_final(self, then: BlockNumber, *, head: BlockNumber, final: BlockNumber) -> BlockNumber:
        """Give what was final when `then` was the newest block, which nobody has written down.

        It was about as deep as what is final now, whose number says nothing of a block that went before.

        Args:
            then: the newest block of that time.
            head: the newest block now.
            final: the newest final one now.

        """
        return BlockNumber(max(min(then - (head - final), final), 0))

    def is_too_old(self, head_seconds: Seconds, now: Instant) -> bool:
        """Whether a head of that time says too little of funds: a withdrawal requested since may overtake.

        An accepted deadline is at most `grace - margin` from now, and a withdrawal that a reading does not
        show can be claimed from the reading's time + grace on. So the oldest block that is read has to be
        younger than the margin.
        """
        return now - head_seconds * 1000 + self._read_back_ms >= self.withdrawal_margin_seconds * 1000

    def is_stale(self, head_seconds: Seconds, now: Instant) -> bool:
        """Whether an endpoint whose newest block is of that time stands still, or its chain does."""
        longest = max(STALE_BLOCKS * self.block_time_ms, _STALE_MS)
        return now - head_seconds * 1000 > longest

    @property
    def _read_back_ms(self) -> Milliseconds:
        """How long before the head funds may be read."""
        return Milliseconds((self.required_confirmations + LOOK_BACK_BLOCKS) * self.block_time_ms)

    @property
    def cache_age_ms(self) -> Milliseconds:
        """Give the greatest age of a view of the head that acceptance uses, 0 for none."""
        chosen = self.cache_max_age_ms
        return Milliseconds(_CACHED_BLOCKS * self.block_time_ms) if chosen is None else chosen

    @property
    def kept_blocks(self) -> int:
        """Give how many recent blocks watch remembers: the deepest reorg it can undo."""
        return max(_FEWEST_KEPT_BLOCKS, self.required_confirmations + LOOK_BACK_BLOCKS)
