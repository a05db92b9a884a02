"""What the steps do; services know the ports and the kinds, never AWS or a chain's wire format.

Each step, and what was made for it:

ingest: assurance, cached, charging, quoting, market, drafting, nonces
x402: completing, faucet, awaiting
submit: gathering, crowds, simulating, batching, batch_gas, parcels, binding, purse, advance, coverage,
    filling, topping_up, counters, silence, lately, ending
confirm: followers, following, receipts, positions, recording, bundles, reopening, resting, strangers, gaps,
    wanting, sweeping, pacing, gauging, spreading
watch: tracking, followed
deadletter
notify: telling, fanout, counting
deliver
socket: topics
query: reading, records, offer, asking
webhooks
health: statistics, explaining, explanation
admin: pausing, retrying, redriving, keys, rotating, emptying, resetting, recovering, recover,
    wallet_commands
retain
signin: tickets
authorizer

of several, on a row: chains, questions, about, journal, waiting, hinting, waking, spent, executions, outcomes
of several, on what a chain says: canonical, finality, agreement, witnessing, data_fees, narrowing
"""
