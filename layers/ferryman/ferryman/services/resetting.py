"""Resetting: an operator has a wallet's counter made to agree with the chain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainUnreachableError,
    FieldProblem,
    InvalidFieldsError,
    NotFoundError,
    StaleRowError,
    WalletBusyError,
)
from ferryman.domain.nonces import FILL_GAS, NonceRow, Wallet
from ferryman.domain.quotas import day_of
from ferryman.domain.resets import EndpointCounts, ResetPlan, reset_plan
from ferryman.domain.units import Address, ChainId, WalletNonce
from ferryman.ports import Chain, Clock, Counted, Log, RecoveryStore, WalletStore
from ferryman.services.agreement import hear
from ferryman.services.chains import ChainAccess, Chains
from ferryman.services.rotating import wallet_told

_FIELDS: Final = frozenset({"chain_id", "dry_run"})


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
        access, is_dry = self._asked(body)
        wallet = self.wallets.wallet(access.settings.chain_id, address)
        if wallet is None:
            problem = FieldProblem("address", "was never used on this chain")
            raise NotFoundError(f"{address} is no wallet of this deployment.", problem)
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

    def _asked(self, body: Mapping[str, Any]) -> tuple[ChainAccess, bool]:
        chain_id, is_dry = body.get("chain_id"), body.get("dry_run", True)
        problems = [
            FieldProblem(name[:60], "is not a field of this request")
            for name in sorted(body.keys() - _FIELDS)
        ]
        access = self.chains.get(ChainId(chain_id)) if type(chain_id) is int else None
        if access is None:
            served = ", ".join(map(str, self.chains))
            problems.append(FieldProblem("chain_id", f"must be one of {served}"))
        if type(is_dry) is not bool:
            problems.append(FieldProblem("dry_run", "must be true or false"))
        if access is None or problems:
            raise InvalidFieldsError("That is no reset of a wallet.", *problems)
        return access, is_dry

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
