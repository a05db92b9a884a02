"""The contracts on the local chain: deployed, relayers allowed, funds of the test accounts locked."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction

from local.accounts import treasury
from local.chain import LocalChain
from local.default_assets import DEFAULT_ASSETS

ONE_USDC = 10**6
"""One USDC in its smallest unit."""
FAUCET_USDC = 100
"""What the faucet gives an account a day."""
GRACE_SECONDS = 24 * 60 * 60
"""How long a withdrawal waits, during which accepted payments stay assured."""
LOCKED_USDC = 100_000
"""What each test account has in the escrow."""
_SPARE_USDC = 100_000
USDC_PER_COIN = 2_500
"""What the local price feed says the chain's coin is worth."""
FORWARDER_NAME = "Ferryman Forwarder"
"""Name in the EIP-712 domain of the ERC-2771 forwarder; its version is always 1."""
GUESTBOOK_SELECTORS = tuple("0x" + keccak(text=name)[:4].hex() for name in ("sign(string)", "deface()"))
"""What the relay and the forwarder may call of it."""
OVERHEAD_GAS = 17_000
"""Gas of a meta-transaction paid in MockUSDC that its contract cannot meter."""
PERMIT2 = Web3.to_checksum_address("0x000000000022D473030F116dDEE9F6B43aC78BA3")
"""Where Permit2 is on public chains: wallets sign for that address."""
PERMIT2_PROXY = Web3.to_checksum_address("0x402085c248EeA27D92E8b30b2C58ed07f9E20001")
"""Where x402's exact proxy is there; here it is our own, of the same behaviour."""
UPTO_PROXY = Web3.to_checksum_address("0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002")
"""Where x402's upto proxy is there; the same of it."""
_FEED_DECIMALS = 8
_TOLERANCE_BPS = 500
# Tests move the chain's clock by days, and nobody is there to update the price.
NEVER_STALE = 2**32 - 1
_NAMES = {
    "usdc": "MockUSDC",
    "escrow": "PaymentEscrow",
    "settler": "BatchSettler",
    "deploying_settler": "DeployingSettler",
    "relay": "MetaTxRelay",
    "forwarder": "ERC2771Forwarder",
    "guestbook": "Guestbook",
    "permit2": "Permit2",
    "permit2_proxy": "ExactPermit2Proxy",
    "price_feed": "MockPriceFeed",
    "wallet_factory": "WalletFactory",
    "upto_proxy": "UptoPermit2Proxy",
    "upto_settler": "UptoSettler",
}
_FOREVER = 2**256 - 1


@dataclass(frozen=True)
class LocalContracts:
    """What is deployed on a local chain."""

    usdc: Contract
    escrow: Contract
    settler: Contract
    deploying_settler: Contract
    relay: Contract
    forwarder: Contract
    guestbook: Contract
    permit2: Contract
    permit2_proxy: Contract
    price_feed: Contract
    wallet_factory: Contract
    upto_proxy: Contract
    upto_settler: Contract

    @classmethod
    def at(cls, chain: LocalChain, addresses: Mapping[str, ChecksumAddress]) -> "LocalContracts":
        """Talk to what was deployed before."""
        return cls(**{field: chain.contract(name, addresses[name]) for field, name in _NAMES.items()})

    @property
    def addresses(self) -> dict[str, ChecksumAddress]:
        """Name of each contract and its address."""
        return {name: getattr(self, field).address for field, name in _NAMES.items()}


def deploy_contracts(chain: LocalChain) -> LocalContracts:
    """Deploy all, administered by the chain's operator; the relay takes USDC, and calls the guestbook."""
    usdc = chain.deploy("MockUSDC")
    if default_asset := DEFAULT_ASSETS.get(chain.web3.eth.chain_id):
        usdc = chain.copy("MockUSDC", usdc, default_asset)
    escrow = chain.deploy("PaymentEscrow", chain.operator.address, treasury(), GRACE_SECONDS)
    settler = chain.deploy("BatchSettler")
    relay = chain.deploy("MetaTxRelay", chain.operator.address, [escrow.address])
    forwarder = chain.deploy("ERC2771Forwarder", FORWARDER_NAME)
    guestbook = chain.deploy("Guestbook", relay.address, forwarder.address)
    price_feed = chain.deploy("MockPriceFeed", _FEED_DECIMALS, USDC_PER_COIN * 10**_FEED_DECIMALS)
    permit2 = chain.copy("Permit2", chain.deploy("Permit2"), PERMIT2)
    proxy = chain.copy("ExactPermit2Proxy", chain.deploy("ExactPermit2Proxy", PERMIT2), PERMIT2_PROXY)
    contracts = LocalContracts(
        usdc=usdc,
        escrow=escrow,
        settler=settler,
        deploying_settler=chain.deploy("DeployingSettler"),
        relay=relay,
        forwarder=forwarder,
        guestbook=guestbook,
        permit2=permit2,
        permit2_proxy=proxy,
        price_feed=price_feed,
        wallet_factory=chain.deploy("WalletFactory"),
        upto_proxy=chain.copy("UptoPermit2Proxy", chain.deploy("UptoPermit2Proxy", PERMIT2), UPTO_PROXY),
        upto_settler=chain.deploy("UptoSettler", chain.operator.address, UPTO_PROXY),
    )
    chain.call(list(_open_relay(contracts)))
    return contracts


def _open_relay(contracts: LocalContracts) -> Iterator[ContractFunction]:
    relay, guestbook = contracts.relay.functions, contracts.guestbook
    fee_terms = (contracts.price_feed.address, NEVER_STALE, _TOLERANCE_BPS, OVERHEAD_GAS)
    yield relay.acceptFeeToken(contracts.usdc.address, fee_terms)
    for selector in GUESTBOOK_SELECTORS:
        yield relay.setTargetAllowed(guestbook.address, selector, True)  # noqa: FBT003 (the contract's)


def allow_relayers(chain: LocalChain, contracts: LocalContracts, wallets: Sequence[ChecksumAddress]) -> None:
    """Give each wallet gas money, and the relayer role of whatever asks for it."""
    role = contracts.escrow.functions.RELAYER_ROLE().call()
    for wallet in wallets:
        chain.give_gas_money(wallet)
    guarded = (contracts.escrow, contracts.relay, contracts.upto_settler)
    chain.call([contract.functions.grantRole(role, wallet) for contract in guarded for wallet in wallets])


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
