"""The test accounts: keys from the mnemonic that every development chain publishes, worthless elsewhere."""

from functools import cache

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress

MNEMONIC = "test test test test test test test test test test test junk"
# Far above the test accounts, so that no test pays from the account that owns the contracts.
_OPERATOR_INDEX = 100_000
_TREASURY_INDEX = 100_001


@cache
def dev_account(index: int) -> LocalAccount:
    """Derive the account at `index` of the mnemonic."""
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return account


def dev_accounts(count: int) -> list[LocalAccount]:
    """Derive the first `count` test accounts."""
    return [dev_account(index) for index in range(count)]


def operator() -> LocalAccount:
    """Derive the account that deploys and administers the contracts."""
    return dev_account(_OPERATOR_INDEX)


def treasury() -> ChecksumAddress:
    """Derive the address that receives the fees."""
    return dev_account(_TREASURY_INDEX).address
