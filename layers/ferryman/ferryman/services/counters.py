"""Counters: a wallet that somebody else used while it was idle begins where the chain is."""

from dataclasses import dataclass

from ferryman.domain.errors import ChainUnreachableError, StaleRowError
from ferryman.domain.metrics import Metric
from ferryman.domain.nonces import Wallet
from ferryman.domain.units import WalletNonce
from ferryman.ports import Log, Metrics, WalletStore
from ferryman.services.agreement import hear
from ferryman.services.chains import ChainAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Raises counters that are behind their chain, before anything is bound to nonces that are used up."""

    wallets: WalletStore
    log: Log
    metrics: Metrics

    def healed(self, wallet: Wallet, count: WalletNonce, access: ChainAccess) -> Wallet:
        """Raise a wallet's counter to the chain's, if that is ahead; give the wallet as it is then.

        Only what every witness says is believed: a counter that is too high stops the wallet, whereas what is
        bound to a used nonce is bound again. Somebody who binds meanwhile has used the nonces himself.

        Args:
            wallet: as it was read.
            count: its mined transactions, as one endpoint said after that.
            access: its chain.

        Raises:
            StoreUnavailableError: as its port says.

        """
        if count <= wallet.next_nonce:
            return wallet
        try:
            heard = hear(access.chain, lambda witness: witness.transaction_count(wallet.address))
            heard.confirms(lambda said: said >= count)
            raised = self.wallets.raise_next_nonce(wallet, min(count, *heard.answers))
        except (ChainUnreachableError, StaleRowError) as error:
            self.log.info("counter not raised", wallet=wallet.address, cause=str(error))
            return wallet
        if used := raised.next_nonce - wallet.next_nonce:
            self.metrics.add(Metric.STRANGERS, used, chain_id=wallet.chain_id, wallet=wallet.address)
            self.log.error(
                "a stranger uses a wallet's key",
                wallet=wallet.address,
                nonce=wallet.next_nonce,
                next_nonce=raised.next_nonce,
            )
        return raised
