"""The contracts on the local chain: deployed, relayers allowed, funds of the test accounts locked."""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from local.accounts import treasury
from local.chain import LocalChain
from local.default_assets import DEFAULT_ASSETS

ONE_USDC = 10**6
"""One USDC in its smallest unit."""
GRACE_SECONDS = 24 * 60 * 60
"""How long a withdrawal waits, during which accepted payments stay assured."""
LOCKED_USDC = 100_000
"""What each test account has in the escrow."""
_SPARE_USDC = 100_000
_FOREVER = 2**256 - 1


@dataclass(frozen=True)
class LocalContracts:
    """What is deployed on a local chain."""

    usdc: Contract
    escrow: Contract
    settler: Contract

    @property
    def addresses(self) -> dict[str, ChecksumAddress]:
        """Name of each contract and its address."""
        return {
            "PaymentEscrow": self.escrow.address,
            "MockUSDC": self.usdc.address,
            "BatchSettler": self.settler.address,
        }


def deploy_contracts(chain: LocalChain) -> LocalContracts:
    """Deploy the token, the escrow that the chain's operator administers, and what settles in batches."""
    usdc = chain.deploy("MockUSDC")
    if default_asset := DEFAULT_ASSETS.get(chain.web3.eth.chain_id):
        usdc = chain.copy("MockUSDC", usdc, default_asset)
    escrow = chain.deploy("PaymentEscrow", chain.operator.address, treasury(), GRACE_SECONDS)
    return LocalContracts(usdc, escrow, chain.deploy("BatchSettler"))


def allow_relayers(chain: LocalChain, contracts: LocalContracts, wallets: Iterable[ChecksumAddress]) -> None:
    """Give each wallet gas money and the escrow's relayer role."""
    role = contracts.escrow.functions.RELAYER_ROLE().call()
    for wallet in wallets:
        chain.give_gas_money(wallet)
    chain.call([contracts.escrow.functions.grantRole(role, wallet) for wallet in wallets])


def lock_funds(chain: LocalChain, contracts: LocalContracts, accounts: Sequence[LocalAccount]) -> None:
    """Mint USDC to each account and deposit half of it into the escrow, as the account authorizes."""
    chain.call([call for account in accounts for call in _mint_and_deposit(chain, contracts, account)])


def _mint_and_deposit(
    chain: LocalChain, contracts: LocalContracts, account: LocalAccount
) -> Iterator[ContractFunction]:
    usdc, escrow = contracts.usdc, contracts.escrow
    locked, nonce = LOCKED_USDC * ONE_USDC, secrets.token_bytes(32)
    signature = _sign_authorization(chain, contracts, account, value=locked, nonce=nonce)
    yield usdc.functions.mint(account.address, locked + _SPARE_USDC * ONE_USDC)
    yield escrow.functions.depositWithAuthorization(
        usdc.address, account.address, locked, 0, _FOREVER, nonce, signature
    )


def _sign_authorization(
    chain: LocalChain, contracts: LocalContracts, account: LocalAccount, *, value: int, nonce: bytes
) -> bytes:
    """Sign an ERC-3009 `receiveWithAuthorization` from `account` to the escrow."""
    signed = account.sign_typed_data(
        domain_data={
            "name": "USDC",
            "version": "2",
            "chainId": chain.web3.eth.chain_id,
            "verifyingContract": contracts.usdc.address,
        },
        message_types={
            "ReceiveWithAuthorization": [
                {"name": "from", "type": "address"},
                {"name": "to", "type": "address"},
                {"name": "value", "type": "uint256"},
                {"name": "validAfter", "type": "uint256"},
                {"name": "validBefore", "type": "uint256"},
                {"name": "nonce", "type": "bytes32"},
            ]
        },
        message_data={
            "from": account.address,
            "to": contracts.escrow.address,
            "value": value,
            "validAfter": 0,
            "validBefore": _FOREVER,
            "nonce": nonce,
        },
    )
    return bytes(signed.signature)
