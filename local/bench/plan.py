"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Counts and limits of one run; everything is bounded."""

    warm_up_payments: int
    """Sent at full concurrency first, so that every function has its processes."""
    paced_payments: int
    """From one client."""
    pace_seconds: float
    """Between two payments of that client; no part of a block time, so that all phases of a block are met."""
    burst_payments: int
    burst_senders: int
    concurrency: int
    """Posts at the same time."""
    calls: int
    """Of each kind for the emulator's share."""
    stack_seconds: float
    """The most that each part on the local stack may take."""
    open_nonces: tuple[int, ...]
    """Sizes of the worlds in process; rates are those of the last."""
    looks: int
    """Of confirm, per size."""
    flood_payments: int
    """Standard payments that urgent ones have to pass."""
    flood_factor_in_batches: int
    """So many times more of them where they share transactions: they are worked off the faster."""
    urgent_payments: int
    flood_at_once: int
    """Payments that are posted as fast as they are taken."""
    flood_senders: int
    floods: int
    """Each on a new chain; the median is told."""
    crowds_open: tuple[int, ...]
    """Open nonces, at each of which confirm's requests are counted; at most four wallets' widest windows."""
    ends: int
    """Payments that one look of confirm ends, with tables that let it wait."""
    batched_payments: int
    """For each size of batch; a multiple of the largest."""
    settlements: int
    """Of x402, through the stack and through the reference facilitator in threads."""
    settlements_alone: int
    """Of x402, through the stack one after the other: about one a second."""
    settlements_of_reference: int
    """Through the reference facilitator as its example serves it: about one a second."""
    settling_at_once: int
    settling_runs: int
    """Through the stack: one wave that misses a block makes a run a tenth slower."""
    settling_callers: tuple[int, ...]
    """So many wait for `/settle` at once in process."""
    settlements_each: int
    """That each of them waits for, one after the other."""
    settling_payers: int
    imports: int
    """Fresh interpreters per function."""


FULL = Plan(
    warm_up_payments=64,
    paced_payments=100,
    pace_seconds=0.23,
    burst_payments=500,
    burst_senders=50,
    concurrency=16,
    calls=100,
    stack_seconds=300.0,
    open_nonces=(10, 100, 500),
    looks=20,
    flood_payments=400,
    flood_factor_in_batches=6,
    urgent_payments=60,
    flood_at_once=1_000,
    flood_senders=200,
    floods=5,
    crowds_open=(10, 100, 1_000),
    ends=400,
    batched_payments=400,
    settlements=200,
    settlements_alone=20,
    settlements_of_reference=32,
    settling_at_once=32,
    settling_runs=5,
    settling_callers=(32, 128, 400),
    settlements_each=5,
    settling_payers=100,
    imports=5,
)
QUICK = Plan(
    warm_up_payments=16,
    paced_payments=5,
    pace_seconds=0.23,
    burst_payments=20,
    burst_senders=10,
    concurrency=16,
    calls=10,
    stack_seconds=120.0,
    open_nonces=(10, 20),
    looks=3,
    flood_payments=60,
    flood_factor_in_batches=4,
    urgent_payments=10,
    flood_at_once=60,
    flood_senders=12,
    floods=1,
    crowds_open=(10, 20),
    ends=40,
    batched_payments=40,
    settlements=16,
    settlements_alone=2,
    settlements_of_reference=4,
    settling_at_once=8,
    settling_runs=1,
    settling_callers=(8,),
    settlements_each=2,
    settling_payers=4,
    imports=1,
)
