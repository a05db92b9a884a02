"""The local chain as its operator uses it: deploying, calling and giving gas, without waiting for blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.contract.contract import ContractFunction
from web3.exceptions import TransactionNotFound
from web3.types import Nonce, RPCEndpoint, TxParams, Wei

from local.artifacts import load
from local.errors import LocalStackError

GAS_MONEY_WEI = 10_000 * 10**18
_GAS_PER_CALL = 500_000
_GAS_PER_DEPLOYMENT = 6_000_000
_MOST_BLOCKS = 50
# More than any of the contracts has outside of its mappings, which are empty when it is new.
_SLOTS = 16
# A development chain's base fee starts at 1 gwei and only falls while its blocks are nearly empty.
_FEES: TxParams = {"maxFeePerGas": Wei(100 * 10**9), "maxPriorityFeePerGas": Wei(10**9)}


@dataclass(frozen=True)
class LocalChain:
    """A development chain, which mines on demand, and the account that operates the contracts on it."""

    web3: Web3
    operator: LocalAccount

    @classmethod
    def at(cls, rpc_url: str, operator: LocalAccount) -> "LocalChain":
        """Connect to the chain at `rpc_url` and give its operator gas money."""
        chain = cls(Web3(HTTPProvider(rpc_url)), operator)
        chain.give_gas_money(operator.address)
        return chain

    def give_gas_money(self, address: ChecksumAddress) -> None:
        """Set the balance of `address` to 10,000 of the chain's coin."""
        self._request("anvil_setBalance", address, hex(GAS_MONEY_WEI))

    def deploy(self, name: str, *arguments: object) -> Contract:
        """Deploy an exported contract, mine it, and return it."""
        artifact = load(name)
        creation = self.web3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode).constructor(
            *arguments
        )
        transaction = creation.build_transaction(self._from_operator(_GAS_PER_DEPLOYMENT))
        [address] = self._send_and_mine([transaction])
        return self.contract(name, address)

    def copy(self, name: str, contract: Contract, address: ChecksumAddress) -> Contract:
        """Put what a contract that nobody has used yet is at another address too, and return that one."""
        state = self.web3.eth
        self._request("anvil_setCode", address, state.get_code(contract.address).to_0x_hex())
        for slot in range(_SLOTS):
            word = state.get_storage_at(contract.address, slot)
            self._request("anvil_setStorageAt", address, f"0x{slot:064x}", f"0x{bytes(word).hex():0>64}")
        return self.contract(name, address)

    def contract(self, name: str, address: ChecksumAddress) -> Contract:
        """Talk to an exported contract at `address`."""
        return self.web3.eth.contract(address=address, abi=load(name).abi)

    def call(self, functions: Sequence[ContractFunction]) -> None:
        """Call contract functions as the operator, in order, and mine them.

        Raises:
            LocalStackError: one of them reverted.

        """
        first = self._from_operator(_GAS_PER_CALL)
        transactions = []
        for offset, function in enumerate(functions):
            following = first.copy()
            following["nonce"] = Nonce(first["nonce"] + offset)
            transactions.append(function.build_transaction(following))
        self._send_and_mine(transactions)

    def _from_operator(self, gas: int) -> TxParams:
        return {
            **_FEES,
            "from": self.operator.address,
            "gas": gas,
            "nonce": self.web3.eth.get_transaction_count(self.operator.address),
            "chainId": self.web3.eth.chain_id,
        }

    def _send_and_mine(self, transactions: Sequence[TxParams]) -> list[ChecksumAddress]:
        """Send all, mine until all are in, and return the contracts that were created."""
        signed = [self.operator.sign_transaction(cast("dict[str, Any]", each)) for each in transactions]
        hashes = [self.web3.eth.send_raw_transaction(each.raw_transaction) for each in signed]
        for _ in range(_MOST_BLOCKS):
            self._request("evm_mine")
            if self._is_mined(hashes[-1]):
                return self._created_by(hashes)
        raise LocalStackError(f"{len(hashes)} transactions are not mined after {_MOST_BLOCKS} blocks")

    def _is_mined(self, transaction_hash: HexBytes) -> bool:
        try:
            self.web3.eth.get_transaction_receipt(transaction_hash)
        except TransactionNotFound:
            return False
        return True

    def _created_by(self, hashes: Sequence[HexBytes]) -> list[ChecksumAddress]:
        receipts = [self.web3.eth.get_transaction_receipt(each) for each in hashes]
        reverted = [receipt["transactionHash"].to_0x_hex() for receipt in receipts if receipt["status"] != 1]
        if reverted:
            raise LocalStackError(f"reverted while the local chain was prepared: {', '.join(reverted)}")
        created = (receipt["contractAddress"] for receipt in receipts)
        return [address for address in created if address]

    def _request(self, method: str, *parameters: object) -> None:
        response = self.web3.provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in response:
            raise LocalStackError(f"{method}: {response['error']}")
