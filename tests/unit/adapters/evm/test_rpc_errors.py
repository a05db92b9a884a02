"""What a node's words mean: every text of the design's table, in its class."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferryman.adapters.evm.rpc_errors import is_endpoint_trouble, is_revert, is_too_many_logs, send_outcome
from ferryman.ports import SendOutcome

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
OUTCOME = {
    "already known (success)": SendOutcome.SENT,
    "nonce too low": SendOutcome.POSSIBLY_SENT,
    "nonce too high": SendOutcome.REJECTED,
    "replacement": SendOutcome.POSSIBLY_SENT,
    "underpriced / pool": SendOutcome.REJECTED,
    "funds": SendOutcome.REJECTED,
    "permanent": SendOutcome.PERMANENT,
    "7702": SendOutcome.REJECTED,
}
CASES = [(text, OUTCOME[name]) for name, texts in TABLE.items() for text in texts]


@pytest.mark.parametrize(("text", "outcome"), CASES)
@pytest.mark.parametrize("shape", ["{}", "Error: {} (0x12)", "err: {}: address 0xAbC, tx: 5 state: 7"])
def test_every_text_of_the_table_is_in_its_class(text: str, outcome: SendOutcome, shape: str) -> None:
    """Nodes wrap the words in others, in any case."""
    assert send_outcome(shape.format(text)) is outcome
    assert send_outcome(shape.format(text).upper()) is outcome


@pytest.mark.parametrize(
    "text", ["unknown transaction", "Unknown transaction 0xab", "error: UNKNOWN TRANSACTION TYPE"]
)
def test_unknown_transaction_is_not_already_known(text: str) -> None:
    """The words are in one another, and mean the opposite."""
    assert send_outcome(text) is SendOutcome.POSSIBLY_SENT


@pytest.mark.parametrize("text", ["", "internal error", "header not found", "too many requests", "timeout"])
def test_an_unknown_text_is_possibly_sent(text: str) -> None:
    """Unknown is never taken for a refusal: the transaction may be mined."""
    assert send_outcome(text) is SendOutcome.POSSIBLY_SENT


@pytest.mark.parametrize(
    "text",
    [
        "already known, nonce too low",
        "nonce too low; insufficient funds for gas * price + value",
        "replacement transaction underpriced: intrinsic gas too low",
    ],
)
def test_of_several_words_the_safest_decides(text: str) -> None:
    """Whatever hints that the transaction, or another with its nonce, is there, comes first."""
    assert send_outcome(text) in {SendOutcome.SENT, SendOutcome.POSSIBLY_SENT}


@given(text=st.text())
def test_any_text_has_a_class(text: str) -> None:
    """Classing never fails."""
    assert send_outcome(text) in SendOutcome


@pytest.mark.parametrize("code", [-32002, -32005, -32603])
def test_an_endpoints_own_trouble_is_tried_elsewhere(code: int) -> None:
    """Resource unavailable, limit exceeded, internal error."""
    assert is_endpoint_trouble(code, "internal error")


@pytest.mark.parametrize("code", [-32002, -32005, -32603])
@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_a_transactions_error_is_no_trouble_of_the_endpoint(code: int, text: str) -> None:
    """Several nodes say `nonce too low` with an endpoint's code: it is not unhealthy (OZ #681)."""
    assert not is_endpoint_trouble(code, f"Error: {text.upper()}")


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
