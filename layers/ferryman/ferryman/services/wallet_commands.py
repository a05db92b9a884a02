"""What operators' commands about one wallet of one chain have in common: their body, and the wallet."""

from collections.abc import Mapping
from typing import Any, Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError, NotFoundError
from ferryman.domain.nonces import Wallet
from ferryman.domain.units import Address, ChainId
from ferryman.ports import WalletStore
from ferryman.services.chains import ChainAccess, Chains

_FIELDS: Final = frozenset({"chain_id", "dry_run"})


def commanded(
    body: Mapping[str, Any], chains: Chains, *, refusal: str, besides: frozenset[str] = frozenset()
) -> tuple[ChainAccess, bool]:
    """Read the chain, and whether it is only to be said what would be done (true if it is left out).

    Args:
        body: of the request.
        chains: what is served.
        refusal: what is said if the body is not of that form.
        besides: fields that the command has besides these.

    Raises:
        InvalidFieldsError: with one problem for each field that is wrong.

    """
    chain_id, is_dry = body.get("chain_id"), body.get("dry_run", True)
    problems = [
        FieldProblem(name[:60], "is not a field of this request")
        for name in sorted(body.keys() - _FIELDS - besides)
    ]
    access = chains.get(ChainId(chain_id)) if type(chain_id) is int else None
    if access is None:
        problems.append(FieldProblem("chain_id", f"must be one of {', '.join(map(str, chains))}"))
    if type(is_dry) is not bool:
        problems.append(FieldProblem("dry_run", "must be true or false"))
    if access is None or problems:
        raise InvalidFieldsError(refusal, *problems)
    return access, is_dry


def known_wallet(address: Address, access: ChainAccess, wallets: WalletStore) -> Wallet:
    """Read a wallet.

    Raises:
        NotFoundError: it was never used on this chain.
        StoreUnavailableError: as its port says.

    """
    wallet = wallets.wallet(access.settings.chain_id, address)
    if wallet is None:
        problem = FieldProblem("address", "was never used on this chain")
        raise NotFoundError(f"{address} is no wallet of this deployment.", problem)
    return wallet
