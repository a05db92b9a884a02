"""Resetting: an operator has a wallet's counter made to agree with the chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    FieldProblem,
    StaleRowError,
    WalletBusyError,
)
from ferryman.domain.nonces import FILL_GAS, NonceRow, Wallet
from ferryman.domain.quotas import day_of
from ferryman.domain.resets import EndpointCounts, ResetPlan, reset_plan
from ferryman.domain.units import Address, WalletNonce
from ferryman.ports import Chain, Clock, Counted, Log, RecoveryStore, WalletStore
from ferryman.services.agreement import hear
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.rotating import wallet_told
from ferryman.services.wallet_commands import commanded, known_wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class Resetting:
    """Looks at a wallet's counter, and corrects it where that is safe."""

    chains: Chains
    wallets: WalletStore
    recovery: RecoveryStore
    clock: Clock
    log: Log

    def __call__(self, address: Address, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Reset the counter of a wallet on one chain; again is no mistake.

        Args:
            address: the wallet.
            body: `chain_id`, and `dry_run` (true if it is left out): only say what would be done.
            by: who asks.

        Raises:
            InvalidFieldsError: the body is not of that form.
            NotFoundError: the wallet was never used there.
            WalletBusyError: something is unclear, or nonces were bound just now: nothing was done.
            AssuranceUnavailableError: an endpoint does not answer.
            StoreUnavailableError: as its ports say.

        """
        access, is_dry = commanded(body, self.chains, refusal="That is no reset of a wallet.")
        wallet = known_wallet(address, access, self.wallets)
        told = self._told(wallet, access)
        first = WalletNonce(min(wallet.lowest_open, *(one.latest for one in told)))
        rows = self.recovery.nonce_rows(wallet, first=first)
        plan = reset_plan(wallet, rows, told)
        if not is_dry:
            self._carry_out(wallet, plan, by)
        return {
            "dry_run": is_dry,
            "stored": wallet_told(wallet, day_of(self.clock.now())),
            "endpoints": [{"latest": one.latest, "pending": one.pending} for one in told],
            "open_nonces": [row.nonce for row in rows if not row.is_settled],
            "after": wallet_told(plan.wallet, day_of(self.clock.now())),
            "fills": list(plan.fills),
            "unclear": list(plan.unclear),
        }

    def _told(self, wallet: Wallet, access: ChainAccess) -> list[EndpointCounts]:
        """Ask each endpoint for itself."""
        asked = [(wallet.address, counted) for counted in (Counted.LATEST, Counted.PENDING)]

        def question(witness: Chain) -> EndpointCounts:
            return EndpointCounts(*witness.transaction_counts(asked))

        try:
            return list(hear(access.chain, question).answers)
        except ChainUnreachableError as error:
            raise AssuranceUnavailableError(f"The chain cannot be read now: {error}") from error

    def _carry_out(self, wallet: Wallet, plan: ResetPlan, by: str) -> None:
        if plan.unclear:
            problem = FieldProblem("address", "; ".join(plan.unclear))
            raise WalletBusyError("Nothing was done: something is unclear.", problem)
        try:
            # The wallet first: from here on nothing is bound to what is filled next.
            if plan.wallet != wallet:
                self.recovery.set_wallet(wallet, plan.wallet)
            for nonce in plan.fills:
                self.recovery.add_nonce_row(self._unheld(wallet, nonce))
        except StaleRowError as error:
            problem = FieldProblem("address", "nonces of it were bound just now: drain it, and try again")
            raise WalletBusyError("The wallet is in use.", problem) from error
        self.log.warning(
            "wallet reset",
            chain_id=wallet.chain_id,
            wallet=wallet.address,
            next_nonce=plan.wallet.next_nonce,
            was=wallet.next_nonce,
            fills=len(plan.fills),
            by=by,
        )

    def _unheld(self, wallet: Wallet, nonce: WalletNonce) -> NonceRow:
        return NonceRow(
            chain_id=wallet.chain_id,
            wallet=wallet.address,
            nonce=nonce,
            intents=(),
            gas_limit=FILL_GAS,
            bound_at=self.clock.now(),
        )
