"""What a node's words mean: every text of the design's table, in its class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.adapters.evm.rpc_errors import is_endpoint_trouble, is_revert, is_too_many_logs, send_result
from ferryman.ports import Refusal, SendOutcome

TABLE = {
    "already known (success)": (
        "already known",
        "alreadyknown",
        "known transaction",
        "same hash was already imported",
        "already imported",
    ),
    "nonce too low": (
        "nonce too low",
        "nonce is too low",
        "oldnonce",
        "nonce has already been used",
        "invalid nonce",
        "incorrect account sequence",
    ),
    "nonce too high": (
        "nonce too high",
        "nonce is too high",
        "nonce too far in the future",
        "exceeds next nonce",
        "nonce out of range",
        "tx-nonce-too-high",
        "gapped nonce",
    ),
    "replacement": (
        "replacement transaction underpriced",
        "replacement fee too low",
        "could not replace existing tx",
        "an existing transaction had higher priority",
        "future transaction tries to replace pending",
    ),
    "underpriced / pool": (
        "transaction underpriced",
        "underpriced",
        "feetoolow",
        "txpool is full",
        "pool limit",
        "fee cap less than block base fee",
    ),
    "funds": (
        "insufficient funds",
        "insufficientfunds",
        "overshot",
        "gas required exceeds allowance",
        "doesn't have enough funds",
    ),
    "permanent": (
        "execution reverted",
        "invalid opcode",
        "intrinsic gas too low",
        "exceeds block gas limit",
        "oversized data",
        "max initcode size exceeded",
        "invalid signature",
    ),
    "7702": ("in-flight transaction limit reached for delegated accounts",),
}
"""The table of anchors.md, row by row."""
REFUSAL = {
    "already known (success)": None,
    "nonce too low": Refusal.NONCE_TOO_LOW,
    "nonce too high": Refusal.NONCE_TOO_HIGH,
    "replacement": Refusal.REPLACEMENT,
    "underpriced / pool": Refusal.UNDERPRICED,
    "funds": Refusal.FUNDS,
    "permanent": Refusal.PERMANENT,
    "7702": Refusal.DELEGATED,
}
OUTCOME = {
    None: SendOutcome.SENT,
    Refusal.NONCE_TOO_LOW: SendOutcome.POSSIBLY_SENT,
    Refusal.NONCE_TOO_HIGH: SendOutcome.REJECTED,
    Refusal.REPLACEMENT: SendOutcome.REJECTED,
    Refusal.UNDERPRICED: SendOutcome.REJECTED,
    Refusal.FUNDS: SendOutcome.REJECTED,
    Refusal.PERMANENT: SendOutcome.PERMANENT,
    Refusal.DELEGATED: SendOutcome.REJECTED,
}
CASES = [(text, REFUSAL[name]) for name, texts in TABLE.items() for text in texts]

NODES: dict[str, dict[str, Refusal | None]] = {
    # ethereum/go-ethereum: core/txpool/errors.go, core/txpool/legacypool/legacypool.go, core/error.go,
    # wrapped as core/txpool/validation.go does.
    "geth": {
        "already known": None,
        "nonce too low: next nonce 5, tx nonce 4": Refusal.NONCE_TOO_LOW,
        "nonce too low: address 0x7099, tx: 4 state: 5": Refusal.NONCE_TOO_LOW,
        "nonce too high: address 0x7099, tx: 9 state: 5": Refusal.NONCE_TOO_HIGH,
        "replacement transaction underpriced": Refusal.REPLACEMENT,
        "future transaction tries to replace pending": Refusal.REPLACEMENT,
        "transaction underpriced: gas tip cap 0, minimum needed 1": Refusal.UNDERPRICED,
        "transaction gas price below minimum: gas tip cap 0, minimum needed 1": Refusal.UNDERPRICED,
        "txpool is full": Refusal.UNDERPRICED,
        "max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 7": Refusal.UNDERPRICED,
        "insufficient funds for gas * price + value: balance 0, tx cost 21000, overshot 21000": Refusal.FUNDS,
        "in-flight transaction limit reached for delegated accounts": Refusal.DELEGATED,
        "gapped-nonce tx from delegated accounts": Refusal.DELEGATED,
        "intrinsic gas too low: gas 20000, minimum needed 21000": Refusal.PERMANENT,
        "insufficient gas for floor data gas cost: gas 21000, minimum needed 42000": Refusal.PERMANENT,
        "exceeds block gas limit": Refusal.PERMANENT,
        "oversized data: transaction size 131073, limit 131072": Refusal.PERMANENT,
        "max initcode size exceeded: code size 49153, limit 49152": Refusal.PERMANENT,
        "invalid sender": Refusal.PERMANENT,
        "transaction type not supported": Refusal.PERMANENT,
    },
    # erigontech/erigon: DiscardReason.String in txnprovider/txpool/txpoolcfg/txpoolcfg.go.
    "Erigon": {
        "already known": None,
        "INTERNAL_ERROR: existing txn with same hash": None,
        "INTERNAL_ERROR: nonce too low": Refusal.NONCE_TOO_LOW,
        "INTERNAL_ERROR: could not replace existing tx": Refusal.REPLACEMENT,
        "replacement transaction underpriced": Refusal.REPLACEMENT,
        "INTERNAL_ERROR: underpriced": Refusal.UNDERPRICED,
        "fee too low": Refusal.UNDERPRICED,
        "pending sub-pool is full": Refusal.UNDERPRICED,
        "baseFee sub-pool is full": Refusal.UNDERPRICED,
        "INTERNAL_ERROR: insufficient funds": Refusal.FUNDS,
        "IntrinsicGas": Refusal.PERMANENT,
        "RLPTooLong": Refusal.PERMANENT,
        "initcode too large": Refusal.PERMANENT,
        "gas limit is too high": Refusal.PERMANENT,
    },
    # NethermindEth/nethermind: Nethermind.TxPool/TxPoolErrorMessages.cs (AcceptTxResult.cs names them),
    # and the names that older releases sent instead.
    "Nethermind": {
        "already known": None,
        "AlreadyKnown": None,
        "nonce too low": Refusal.NONCE_TOO_LOW,
        "OldNonce, Current nonce: 5, nonce of rejected tx: 4": Refusal.NONCE_TOO_LOW,
        "nonce too high": Refusal.NONCE_TOO_HIGH,
        "nonce too far in future": Refusal.NONCE_TOO_HIGH,
        "replacement transaction underpriced": Refusal.REPLACEMENT,
        "transaction underpriced": Refusal.UNDERPRICED,
        "FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 7": Refusal.UNDERPRICED,
        "FeeTooLowToCompete": Refusal.UNDERPRICED,
        "insufficient funds for gas * price + value": Refusal.FUNDS,
        "InsufficientFunds, Account balance: 0, cumulative cost: 21000": Refusal.FUNDS,
        "delegation nonce gap": Refusal.DELEGATED,
        "delegation authority has pending transaction": Refusal.DELEGATED,
        "gas limit reached": Refusal.PERMANENT,
        "transaction too large": Refusal.PERMANENT,
        "failed to recover sender": Refusal.PERMANENT,
        "unsupported transaction type": Refusal.PERMANENT,
    },
    # hyperledger/besu: RpcErrorType.java in ethereum/api.
    "Besu": {
        "Known transaction": None,
        "Nonce too low": Refusal.NONCE_TOO_LOW,
        "Nonce too high": Refusal.NONCE_TOO_HIGH,
        "Transaction nonce is too distant from current sender nonce": Refusal.NONCE_TOO_HIGH,
        "Replacement transaction underpriced": Refusal.REPLACEMENT,
        "Gas price below configured minimum gas price": Refusal.UNDERPRICED,
        "Gas price below current base fee": Refusal.UNDERPRICED,
        "Upfront cost exceeds account balance": Refusal.FUNDS,
        "Invalid signature": Refusal.PERMANENT,
        "Intrinsic gas exceeds gas limit": Refusal.PERMANENT,
        "Transaction gas limit exceeds block gas limit": Refusal.PERMANENT,
    },
    # paradigmxyz/reth: RpcPoolError, RpcInvalidTransactionError in crates/rpc/rpc-eth-types/src/error/mod.rs.
    "reth": {
        "already known": None,
        "nonce too low: next nonce 5, tx nonce 4": Refusal.NONCE_TOO_LOW,
        "replacement transaction underpriced": Refusal.REPLACEMENT,
        "transaction underpriced": Refusal.UNDERPRICED,
        "txpool is full": Refusal.UNDERPRICED,
        "transaction priority fee below minimum required priority fee 1": Refusal.UNDERPRICED,
        "insufficient funds for gas * price + value: have 0 want 21000": Refusal.FUNDS,
        "exceeds max transaction gas limit": Refusal.PERMANENT,
        "intrinsic gas too high": Refusal.PERMANENT,
        "invalid transaction signature": Refusal.PERMANENT,
        "oversized data: transaction size 131073, limit 131072": Refusal.PERMANENT,
    },
    # foundry-rs/foundry: PoolError, InvalidTransactionError in crates/anvil/src/eth/error.rs; what our own
    # anvil says is in tests/integration/test_evm_chain.py.
    "anvil": {
        "transaction already imported": None,
        "nonce too low": Refusal.NONCE_TOO_LOW,
        "Nonce too high": Refusal.NONCE_TOO_HIGH,
        "Tx: [0xab] insufficient gas price to replace existing transaction": Refusal.REPLACEMENT,
        "max fee per gas less than block base fee": Refusal.UNDERPRICED,
        "Insufficient funds for gas * price + value": Refusal.FUNDS,
        "intrinsic gas too low": Refusal.PERMANENT,
        "intrinsic gas too high -- ": Refusal.PERMANENT,
        "Transaction gas limit is greater than the block gas limit, gas_limit: 9, cap: 8": Refusal.PERMANENT,
    },
}
"""What each node sends, with where it was read; None: it has the transaction."""
SAID = [
    pytest.param(text, refusal, id=f"{node}: {text[:40]}")
    for node, texts in NODES.items()
    for text, refusal in texts.items()
]


@pytest.mark.parametrize(("text", "refusal"), CASES)
@pytest.mark.parametrize("shape", ["{}", "Error: {} (0x12)", "err: {}: address 0xAbC, tx: 5 state: 7"])
def test_every_text_of_the_table_is_in_its_class(text: str, refusal: Refusal | None, shape: str) -> None:
    """Nodes wrap the words in others, in any case."""
    for said in (shape.format(text), shape.format(text).upper()):
        result = send_result(said)
        assert (result.refusal, result.outcome, result.text) == (refusal, OUTCOME[refusal], said)


@pytest.mark.parametrize(("text", "refusal"), SAID)
def test_what_nodes_send_is_understood(text: str, refusal: Refusal | None) -> None:
    """Read in their sources, not guessed."""
    result = send_result(text)

    assert (result.refusal, result.outcome) == (refusal, OUTCOME[refusal])


@pytest.mark.parametrize(
    "text", ["unknown transaction", "Unknown transaction 0xab", "error: UNKNOWN TRANSACTION TYPE"]
)
def test_unknown_transaction_is_not_already_known(text: str) -> None:
    """The words are in one another, and mean the opposite."""
    assert send_result(text).outcome is SendOutcome.POSSIBLY_SENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "internal error",
        "header not found",
        "too many requests",
        "timeout",
        "mined",
        "tx fee (2.10 ether) exceeds the configured cap (1.00 ether)",
        "invalid chain id for signer",
        "Transaction fee cap exceeded",
        "An invalid transaction with a lower nonce exists",
    ],
)
def test_an_unknown_text_is_possibly_sent(text: str) -> None:
    """Unknown is never taken for a refusal: the transaction may be mined.

    Nor is a setting of one node (its own fee cap, its chain id) a reason to give up the bytes.
    """
    assert send_result(text).outcome is SendOutcome.POSSIBLY_SENT
    assert send_result(text).refusal is None


@pytest.mark.parametrize(
    ("text", "outcome", "refusal"),
    [
        ("already known, nonce too low", SendOutcome.SENT, None),
        (
            "nonce too low; insufficient funds for gas * price + value",
            SendOutcome.POSSIBLY_SENT,
            Refusal.NONCE_TOO_LOW,
        ),
        (
            "replacement transaction underpriced: intrinsic gas too low",
            SendOutcome.REJECTED,
            Refusal.REPLACEMENT,
        ),
    ],
)
def test_of_several_words_the_safest_decides(
    text: str, outcome: SendOutcome, refusal: Refusal | None
) -> None:
    """Whatever hints that the transaction, or another with its nonce, is there, comes first."""
    assert (send_result(text).outcome, send_result(text).refusal) == (outcome, refusal)


@given(text=st.text())
def test_any_text_has_a_class(text: str) -> None:
    """Classing never fails."""
    assert send_result(text).outcome in SendOutcome


@pytest.mark.parametrize("code", [-32002, -32005, -32603])
def test_an_endpoints_own_trouble_is_tried_elsewhere(code: int) -> None:
    """Resource unavailable, limit exceeded, internal error."""
    assert is_endpoint_trouble(code, "internal error")


@pytest.mark.parametrize("code", [-32002, -32005, -32603, -32000])
@pytest.mark.parametrize("text", [*(text for text, _ in CASES), *(str(one.values[0]) for one in SAID)])
def test_a_transactions_error_is_no_trouble_of_the_endpoint(code: int, text: str) -> None:
    """Several nodes say `nonce too low` with an endpoint's code: it is not unhealthy (OZ #681)."""
    assert not is_endpoint_trouble(code, f"Error: {text.upper()}")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32008, "Initial sync is still in progress"),
        (-32000, "node is syncing"),
        (-32000, "header not found"),
        (-32000, "missing trie node 0xab (path )"),
        (429, "Your app has exceeded its compute units per second capacity"),
        (-32000, "request rate limited: rate limit exceeded"),
    ],
)
def test_an_endpoint_that_is_behind_or_busy_is_tried_elsewhere(code: int, text: str) -> None:
    """Whatever code it says so with: Besu, Nethermind, geth, and the usual providers."""
    assert is_endpoint_trouble(code, text)


@pytest.mark.parametrize("code", [-32700, -32601, -32602, -32600, -32000, 1, 3, 4])
def test_other_codes_are_about_the_request(code: int) -> None:
    """Asking another endpoint would get the same answer."""
    assert not is_endpoint_trouble(code, "something new")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, ""),
        (-32000, "execution reverted"),
        (-32000, "VM Exception: revert"),
        (-32015, "Reverted 0x"),
        (-32000, "invalid opcode: opcode 0xfe not defined"),
        (-32000, "out of gas"),
        (-32000, "invalid jump destination"),
        (-32000, "stack underflow (0 <=> 1)"),
        (-32603, "EVM error OutOfGas"),
        (-32603, "EVM error InvalidJump"),
    ],
)
def test_a_contracts_refusal_is_a_revert(code: int, text: str) -> None:
    """Geth says it with code 3, others with words."""
    assert is_revert(code, text)


@pytest.mark.parametrize(("code", "text"), [(-32000, "header not found"), (-32602, "invalid params")])
def test_a_nodes_refusal_is_no_revert(code: int, text: str) -> None:
    """A block the node does not have says nothing about the contract."""
    assert not is_revert(code, text)


@pytest.mark.parametrize(
    "text",
    [
        "query returned more than 10000 results",
        "exceed maximum block range: 5000",
        "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
        "logs matched by query exceeds limit of 10000",
        "block range is too wide",
        "query timeout exceeded",
    ],
)
def test_a_refusal_of_too_many_logs_is_not_the_endpoints_trouble(text: str) -> None:
    """Geth's and the usual providers' words: ask for fewer blocks, rather than somebody else."""
    assert is_too_many_logs(text)
    assert not is_endpoint_trouble(-32005, text)


@pytest.mark.parametrize("text", ["daily request limit exceeded", "rate limited", "header not found"])
def test_an_endpoint_that_is_busy_or_behind_says_nothing_of_the_range(text: str) -> None:
    """Another endpoint may do better."""
    assert not is_too_many_logs(text)
    assert is_endpoint_trouble(-32005, text)
