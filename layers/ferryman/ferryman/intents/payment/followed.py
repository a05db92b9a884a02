"""The PaymentEscrow as watch follows it: which logs touch whose funds and nonces."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ferryman.domain.accounts import ContractAccount, Values
from ferryman.domain.chain import ChainSettings
from ferryman.domain.units import MONEY_LIMIT, Address, BlockNumber, ChainId, checksummed
from ferryman.intents.followed import FollowedContract, Touch
from ferryman.intents.payment import escrow
from ferryman.ports import EventLog, NonceMarker, Read


class FollowedEscrow:
    """Every write of the escrow's balances, withdrawals, nonces and invalidations has its event."""

    @property
    def topics(self) -> tuple[bytes, ...]:
        """Pauses, roles and skipped payments change no account's state."""
        return tuple(_TOUCHES)

    def contract(self, chain: ChainSettings) -> Address:
        """The chain's escrow."""
        return chain.escrow

    def first_block(self, chain: ChainSettings) -> BlockNumber:
        """The block that created it."""
        return chain.escrow_created_block

    def touched(self, chain_id: ChainId, log: EventLog) -> Touch:
        """Read whose funds or nonce an event is about."""
        read = _TOUCHES.get(log.topics[0]) if log.topics else None
        return read(chain_id, log) if read else Touch()

    def account(self, payload: Mapping[str, str | int]) -> ContractAccount:
        """The payer's balance of the token."""
        return ContractAccount(
            chain_id=ChainId(int(payload["chain_id"])),
            contract=Address(str(payload["escrow"])),
            token=Address(str(payload["token"])),
            owner=Address(str(payload["from"])),
        )

    def account_read(self, account: ContractAccount) -> Read:
        """Ask for balance and withdrawal; the nonce asked along says nothing."""
        return Read(account.contract, escrow.account_state_call(account.token, account.owner))

    def account_values(self, answer: bytes) -> Values:
        """Balance, withdrawal, and when that can be claimed.

        Amounts beyond all that is accepted are cut: both alike, so that what is free is never more.
        """
        balance, withdrawal, claimable_at = escrow.account_state(answer)
        return min(balance, MONEY_LIMIT), min(withdrawal, MONEY_LIMIT), claimable_at

    def answers(self, deep: Values, newest: Values) -> Sequence[bytes]:
        """Encode both states as the escrow does."""
        return tuple(escrow.payment_state_answer(*values) for values in (deep, newest))


FOLLOWED_ESCROW: Final[FollowedContract] = FollowedEscrow()


def _funds(chain_id: ChainId, log: EventLog) -> Touch:
    """Events whose indexed members are token and account."""
    return Touch(_account(chain_id, log, token=_address(log.topics[1]), owner=_address(log.topics[2])))


def _executed(chain_id: ChainId, log: EventLog) -> Touch:
    payer = _address(log.topics[2])
    token, _amount, _fee, nonce = decode(["address", "uint256", "uint256", "uint256"], log.data)
    account = _account(chain_id, log, token=checksummed(bytes.fromhex(token[2:])), owner=payer)
    return Touch(account, _marker(chain_id, log, payer, nonce))


def _invalidation(chain_id: ChainId, log: EventLog) -> Touch:
    return Touch(nonce=_marker(chain_id, log, _address(log.topics[1]), int.from_bytes(log.topics[2])))


def _account(chain_id: ChainId, log: EventLog, *, token: Address, owner: Address) -> ContractAccount:
    return ContractAccount(chain_id=chain_id, contract=log.contract, token=token, owner=owner)


def _marker(chain_id: ChainId, log: EventLog, signer: Address, nonce: int) -> NonceMarker:
    return NonceMarker(chain_id=chain_id, contract=log.contract, signer=signer, nonce=str(nonce))


def _address(topic: bytes) -> Address:
    return checksummed(topic[-20:])


_TOUCHES: Final[Mapping[bytes, Callable[[ChainId, EventLog], Touch]]] = MappingProxyType(
    {
        keccak(signature.encode()): touch
        for signature, touch in {
            "Deposited(address,address,uint256)": _funds,
            "PaymentExecuted(bytes32,address,address,address,uint256,uint256,uint256)": _executed,
            "WithdrawRequested(address,address,uint256,uint256)": _funds,
            "WithdrawCancelled(address,address,uint256)": _funds,
            "Withdrawn(address,address,uint256)": _funds,
            "InvalidationRequested(address,uint256,uint256)": _invalidation,
        }.items()
    }
)
