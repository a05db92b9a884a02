"""Hypothesis strategies for the values Ferryman handles."""

from typing import Any, Final

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from hypothesis import strategies as st

from ferryman.domain.signatures import CURVE_ORDER
from ferryman.domain.units import MONEY_LIMIT, UINT256_MAX, Address

keys: Final[st.SearchStrategy[LocalAccount]] = st.integers(1, CURVE_ORDER - 1).map(
    lambda secret: Account.from_key(secret.to_bytes(32))
)
"""Accounts with any valid private key."""

addresses: Final[st.SearchStrategy[Address]] = st.binary(min_size=20, max_size=20).map(
    lambda raw: Address(to_checksum_address(raw))
)

digests: Final = st.binary(min_size=32, max_size=32)
uint256s: Final = st.integers(0, UINT256_MAX) | st.sampled_from((0, 1, UINT256_MAX))
token_units: Final = st.integers(0, MONEY_LIMIT - 1)
json_texts: Final = st.text(st.characters(exclude_categories=()), max_size=100)
"""Any text that JSON can hold, which has half surrogates too."""
json_values: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | json_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_texts, inner, max_size=3),
    max_leaves=6,
)
"""Anything that JSON can hold, and what Python's parser lets through besides."""


@st.composite
def payment_messages(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the seven members of any payment."""
    return {
        "token": draw(addresses),
        "from": draw(addresses),
        "to": draw(addresses),
        "amount": draw(token_units),
        "fee": draw(token_units),
        "nonce": draw(uint256s),
        "deadline": draw(st.integers(0, 2**53 - 1)),
    }
