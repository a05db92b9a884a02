"""Narrowing: what nodes refuse or lose tells how much of a wallet's window they really take."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ferryman.domain.errors import StaleRowError
from ferryman.domain.nonces import Wallet
from ferryman.domain.units import Address, ChainId
from ferryman.domain.windows import shrunk
from ferryman.ports import Log, Refusal, WalletStore

_TOO_MANY: Final = frozenset({Refusal.UNDERPRICED, Refusal.DELEGATED})
"""Refusals that fewer open nonces would have met less: a full pool, too, says "underpriced"."""


def heed(
    refusals: Iterable[tuple[Address, Refusal | None]], chain_id: ChainId, *, wallets: WalletStore, log: Log
) -> None:
    """Narrow the wallets of which a node has refused transactions because there were too many.

    Raises:
        StoreUnavailableError: as its port says.

    """
    met = {(address, refusal) for address, refusal in refusals if refusal in _TOO_MANY}
    for address in {address for address, _ in met}:
        wallet = wallets.wallet(chain_id, address)
        if wallet is None:
            continue
        if (address, Refusal.DELEGATED) in met:
            log.warning("a node says that the wallet is delegated", chain_id=chain_id, wallet=address)
            wallets.note(replace(wallet, is_delegated=True))
        else:
            _halve(wallet, "a node says that it pays too little", wallets=wallets, log=log)


def lose(addresses: Iterable[Address], chain_id: ChainId, *, wallets: WalletStore, log: Log) -> None:
    """Narrow wallets whose transactions were sent again, and are still in no block.

    Raises:
        StoreUnavailableError: as its port says.

    """
    for address in set(addresses):
        if wallet := wallets.wallet(chain_id, address):
            _halve(wallet, "what was sent again is still not mined", wallets=wallets, log=log)


def _halve(wallet: Wallet, cause: str, *, wallets: WalletStore, log: Log) -> None:
    window = shrunk(wallet.window)
    if window == wallet.window:
        return
    said = {"chain_id": wallet.chain_id, "wallet": wallet.address}
    try:
        wallets.set_window(wallet, window)
    except StaleRowError:
        log.info("another run changed the window first", **said)
    else:
        log.warning("window halved", window=window, cause=cause, **said)
