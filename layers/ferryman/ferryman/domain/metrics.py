"""The metrics Ferryman emits: name, unit and dimensions of each, in one place.

Alarms, the dashboard and `/metrics` name members of this list; a test compares them. Dimensions are
never chosen by a user: chain ids, reasons, lanes, endpoints by number, wallets.
"""

from enum import Enum, StrEnum


class Unit(StrEnum):
    """CloudWatch's own words."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    NONE = "None"


class Metric(Enum):
    """One metric: its name, its unit, and the names of its dimensions."""

    # -- acceptance -----------------------------------------------------------------------------
    ACCEPTED = ("Accepted", Unit.COUNT, ("chain_id", "kind"))
    REFUSED = ("Refused", Unit.COUNT, ("kind", "code"))
    ACCEPTANCE_TIME = ("AcceptanceTime", Unit.MILLISECONDS, ("kind",))
    """From the function's start to its answer, whatever the answer is."""

    # -- the way of a transaction ---------------------------------------------------------------
    TIME_TO_BIND = ("TimeToBind", Unit.MILLISECONDS, ("chain_id",))
    """From assured to bound."""
    TIME_TO_BROADCAST = ("TimeToBroadcast", Unit.MILLISECONDS, ("chain_id",))
    """From bound to a node's yes; a nonce that is sent again counts each time."""
    TIME_TO_INCLUSION = ("TimeToInclusion", Unit.MILLISECONDS, ("chain_id",))
    """From bound to seen in a block."""
    TIME_TO_CONFIRMATION = ("TimeToConfirmation", Unit.MILLISECONDS, ("chain_id",))
    """From seen in a block to deep enough."""
    SETTLEMENT_TIME = ("SettlementTime", Unit.MILLISECONDS, ("chain_id",))
    """From accepted to confirmed."""
    REORGED = ("Reorged", Unit.COUNT, ("chain_id",))
    REOPENED = ("Reopened", Unit.COUNT, ("chain_id",))
    """Over, and open again: a reorg deeper than the confirmations."""
    OVER_FUNDS = ("OverFunds", Unit.COUNT, ("chain_id",))
    """Opened again where less is locked now than is held: not all of it can be paid."""
    CONFIRMED = ("Confirmed", Unit.COUNT, ("chain_id", "kind"))
    FAILED = ("Failed", Unit.COUNT, ("chain_id", "kind", "reason"))
    FAILURE = ("Failure", Unit.NONE, ("chain_id",))
    """1 for a transaction that failed, 0 for one that was confirmed: its average is the failure rate."""
    GAS_USED = ("GasUsed", Unit.COUNT, ("chain_id",))
    GAS_COST = ("GasCost", Unit.NONE, ("chain_id",))
    """In the chain's native coin. What is mined again after a reorg counts again."""

    COST_ERROR = ("CostError", Unit.NONE, ("chain_id",))
    """How far a transaction's cost was above its prediction at acceptance, basis points."""
    FEE_COVERAGE = ("FeeCoverage", Unit.NONE, ("chain_id",))
    """The fee by the cost, basis points: 10,000 pays for the gas and nothing more."""

    # -- what it takes --------------------------------------------------------------------------
    SIGNATURES = ("Signatures", Unit.COUNT, ("chain_id", "wallet"))
    STRANGERS = ("StrangerNonces", Unit.COUNT, ("chain_id", "wallet"))
    """Nonces of a wallet that somebody else has used who has its key."""
    FILLS = ("Fills", Unit.COUNT, ("chain_id",))
    """Nonces that a transaction which does nothing was signed for."""
    BUMPS = ("Bumps", Unit.COUNT, ("chain_id",))
    """Signatures that offer more for a nonce that was broadcast before."""
    RPC_TIME = ("RpcTime", Unit.MILLISECONDS, ("chain_id", "endpoint"))
    """Of one batch to one endpoint; `endpoint` is its number in `rpc_urls`, from 1."""
    RPC_ERRORS = ("RpcErrors", Unit.COUNT, ("chain_id", "endpoint"))
    """Batches that an endpoint did not answer."""
    RPC_RESTS = ("RpcRests", Unit.COUNT, ("chain_id", "endpoint"))
    """Times that an endpoint was left alone for a while, after it failed again and again."""
    RPC_PARAMETER_ERRORS = ("RpcParameterErrors", Unit.COUNT, ("chain_id",))
    """Readings of a chain's RPC addresses that found no usable parameter: an operator has to mend it."""
    UNWITNESSED = ("Unwitnessed", Unit.COUNT, ("chain_id",))
    """Deep enough by one endpoint, and waiting longer than a block for the word of the second."""
    DEAD_LETTERS = ("DeadLetters", Unit.COUNT, ())
    """Messages that were settled by deadletter."""
    NOTIFY_LAG = ("NotifyLag", Unit.MILLISECONDS, ("chain_id",))
    """From an event to the end of telling it."""

    # -- state, once a minute --------------------------------------------------------------------
    CONFIRM_LOOKS = ("ConfirmLooks", Unit.COUNT, ("chain_id",))
    """Looks at the chain that went well: the heartbeat of confirm."""
    HEAD_AGE = ("HeadAge", Unit.SECONDS, ("chain_id",))
    """Our clock less the newest block's time: an endpoint that stands still shows here."""
    OPEN = ("Open", Unit.COUNT, ("chain_id", "status"))
    OUTBOX_AGE = ("OutboxAge", Unit.SECONDS, ("chain_id",))
    """How long the transaction that waits longest for a nonce has waited since it was accepted."""
    UNPAYABLE = ("Unpayable", Unit.COUNT, ("chain_id",))
    """Transactions that wait because no wallet can pay for them."""
    RESERVED = ("Reserved", Unit.NONE, ("chain_id", "token"))
    """Token units held for open transactions."""
    WALLET_BALANCE = ("WalletBalance", Unit.NONE, ("chain_id", "wallet"))
    """In the chain's native coin."""
    BUDGET_USED = ("BudgetUsed", Unit.NONE, ("chain_id", "wallet"))
    """Part of its day's gas budget that a wallet has spent, percent; nothing without a budget."""
    WINDOW_USED = ("WindowUsed", Unit.COUNT, ("chain_id", "wallet"))
    WINDOW_FREE = ("WindowFree", Unit.COUNT, ("chain_id", "wallet"))

    # -- following the contracts ----------------------------------------------------------------
    WATCH_LAG_BLOCKS = ("WatchLagBlocks", Unit.NONE, ("chain_id",))
    WATCH_LAG_SECONDS = ("WatchLagSeconds", Unit.SECONDS, ("chain_id",))
    """Our clock less the time of the newest block that was followed, also while the chain is away."""
    WATCH_UNDONE_BLOCKS = ("WatchUndoneBlocks", Unit.COUNT, ("chain_id",))
    CACHED_READING = ("CachedReading", Unit.COUNT, ("chain_id", "outcome"))
    """How acceptance's question to the cache ended; `judged` needs no reading of the chain."""

    # -- webhooks -------------------------------------------------------------------------------
    WEBHOOK_DELIVERED = ("WebhookDelivered", Unit.COUNT, ())
    WEBHOOK_FAILED = ("WebhookFailed", Unit.COUNT, ())
    """An attempt that was not taken; it is repeated."""
    WEBHOOK_GIVEN_UP = ("WebhookGivenUp", Unit.COUNT, ())
    WEBHOOK_DISABLED = ("WebhookDisabled", Unit.COUNT, ("reason",))
    WEBHOOK_LATENCY = ("WebhookLatency", Unit.MILLISECONDS, ())
    """From the event to its delivery."""

    def __init__(self, metric_name: str, unit: Unit, dimensions: tuple[str, ...]) -> None:
        self.metric_name = metric_name
        self.unit = unit
        self.dimensions = dimensions
