"""The services over a real anvil, whose blocks are mined when the clock is moved: repeatable to the block."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from eth_typing import ChecksumAddress
from web3 import HTTPProvider, Web3
from web3.types import RPCEndpoint

from ferryman.adapters.evm.chain import EvmChain
from ferryman.adapters.evm.json_rpc import JsonRpc
from ferryman.domain.chain import ChainSettings, TokenDomain
from ferryman.domain.permit2 import Permit2Settings, UptoSettings
from ferryman.domain.units import Address, ChainId, Milliseconds
from ferryman.domain.wallet_factories import UndeployedWallets
from ferryman.ports import Clock
from local.accounts import dev_accounts, operator
from local.chain import LocalChain
from local.contracts import LocalContracts, allow_relayers, deploy_contracts, lock_funds
from local.settings import CHAIN_ID
from tests.fakes.clock import FakeClock
from tests.fakes.endpoints import FakeEndpoints
from tests.fakes.metrics import FakeMetrics
from tests.fakes.payers import Payer
from tests.fakes.signer import FakeSigner
from tests.fakes.world import World, Wrap
from tests.faults.mortal_node import NEVER_SECONDS, MortalNode

WALLET_KEYS = (bytes([7, 1]) * 16, bytes([7, 2]) * 16)


class MiningClock(FakeClock):
    """A clock whose every second that passes mines a block."""

    def __init__(self, web3: Web3) -> None:
        super().__init__(web3.eth.get_block("latest")["timestamp"] * 1000)
        self._web3 = web3
        self.is_mining = True
        """Else time passes without a block, as while the chain's only node is away."""

    def sleep(self, duration: Milliseconds) -> None:
        """Let time pass, and mine what was due meanwhile."""
        before = self.now() // 1000
        super().sleep(duration)
        if self.is_mining and (blocks := self.now() // 1000 - before) > 0:
            request(self._web3, "anvil_mine", hex(blocks), "0x1")

    def jump_to(self, seconds: int) -> None:
        """Let time pass until a Unix time, with a single block: the one of that second."""
        super().sleep(Milliseconds(seconds * 1000 - self.now()))
        request(self._web3, "evm_setNextBlockTimestamp", seconds)
        request(self._web3, "anvil_mine", "0x1")


@dataclass
class RealWorld:
    """A deployment over anvil."""

    world: World
    clock: MiningClock
    payers: list[Payer]


@dataclass(frozen=True)
class RealChain:
    """An anvil with the contracts on it, relayers allowed and funds locked."""

    web3: Web3
    contracts: LocalContracts
    node: MortalNode
    settings: ChainSettings
    signer: FakeSigner
    payers: int
    endpoints: tuple[str, ...] = ()
    """Through which it is reached, in this order; by itself if there are none."""

    @classmethod
    @contextmanager
    def running(
        cls,
        *,
        payers: int = 2,
        block_time_seconds: float = NEVER_SECONDS,
        wallet_keys: Sequence[bytes] = WALLET_KEYS,
    ) -> Iterator["RealChain"]:
        """Start one, and stop it at the end."""
        node = MortalNode(accounts=payers, block_time_seconds=block_time_seconds)
        try:
            yield cls._prepared(node, payers, wallet_keys)
        finally:
            node.stop()

    @classmethod
    def _prepared(cls, node: MortalNode, payers: int, wallet_keys: Sequence[bytes]) -> "RealChain":
        chain = LocalChain.at(node.rpc_url, operator())
        contracts = deploy_contracts(chain)
        signer = FakeSigner(wallet_keys)
        allow_relayers(chain, contracts, [Web3.to_checksum_address(wallet) for wallet in signer.wallets()])
        lock_funds(chain, contracts, dev_accounts(payers))
        request(chain.web3, "anvil_mine", hex(10), "0x1")
        settings = ChainSettings(
            chain_id=ChainId(CHAIN_ID),
            block_time_ms=Milliseconds(1_000),
            escrow=Address(contracts.escrow.address),
            tokens=(Address(contracts.usdc.address),),
            authorized_tokens={
                Address(contracts.usdc.address): TokenDomain(name="USDC", version="2", takes_bytes=True)
            },
            undeployed_wallets=UndeployedWallets(
                settler=Address(contracts.deploying_settler.address),
                factories=(Address(contracts.wallet_factory.address),),
            ),
            permit2=Permit2Settings(
                tokens=(Address(contracts.usdc.address),),
                upto=UptoSettings(settler=Address(contracts.upto_settler.address)),
            ),
            settler=Address(contracts.settler.address),
        )
        return cls(Web3(HTTPProvider(node.rpc_url)), contracts, node, settings, signer, payers)

    @property
    def rpc_url(self) -> str:
        """Where it answers."""
        return self.node.rpc_url

    @contextmanager
    def rewound(self) -> Iterator[None]:
        """Undo everything that happens on the chain inside."""
        snapshot = request(self.web3, "evm_snapshot")
        try:
            yield
        finally:
            request(self.web3, "evm_revert", snapshot)

    def world(self, wrap: Wrap) -> RealWorld:
        """Build a deployment with nothing stored yet."""
        clock = MiningClock(self.web3)
        world = World(self.settings, self.reached(clock), self.signer, clock, wrap=wrap)
        return RealWorld(world, clock, self.signing_payers())

    def reached(self, clock: Clock) -> EvmChain:
        """Reach it as one process of a deployment does."""
        rpc = JsonRpc(
            self.settings.chain_id,
            FakeEndpoints(*(self.endpoints or (self.rpc_url,))),
            metrics=FakeMetrics(),
            # An endpoint rests by the same clock by which blocks come.
            now=lambda: clock.now() / 1_000,
        )
        return EvmChain(self.settings, rpc, clock)

    def signing_payers(self) -> list[Payer]:
        """All payers, none of whom has signed yet."""
        return [Payer(bytes(account.key), self.settings) for account in dev_accounts(self.payers)]

    def locked(self, payer: str) -> int:
        """What a payer has in the escrow."""
        units: int = self.contracts.escrow.functions.balanceOf(
            self.contracts.usdc.address, Web3.to_checksum_address(payer)
        ).call()
        return units

    def executed(self, since: int) -> list[tuple[ChecksumAddress, int]]:
        """(payer, nonce) of each payment that the escrow executed after a block."""
        logs = self.contracts.escrow.events.PaymentExecuted().get_logs(from_block=since + 1)
        return [(log["args"]["from"], log["args"]["nonce"]) for log in logs]

    def spent_nonces(self) -> int:
        """How many transactions of the relayer wallets are mined."""
        return sum(
            self.web3.eth.get_transaction_count(Web3.to_checksum_address(wallet))
            for wallet in self.signer.wallets()
        )


def request(web3: Web3, method: str, *parameters: object) -> object:
    """Ask anvil for something that only a development chain does."""
    answer = web3.provider.make_request(RPCEndpoint(method), list(parameters))
    assert "error" not in answer, answer
    return answer["result"]
