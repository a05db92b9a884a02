"""Recovery as operators ask for it: in portions that fit into one request."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ferryman.domain.errors import (
    AssuranceUnavailableError,
    ChainMovedError,
    ChainUnreachableError,
    FieldProblem,
    InvalidFieldsError,
    NotRetriableError,
    StaleRowError,
    TooManyLogsError,
)
from ferryman.domain.units import Address, ChainId, TransactionId
from ferryman.services.recover import Finding, Recover
from ferryman.services.topics import parsed_address, parsed_transaction_id

MOST_AT_ONCE: Final = 25
"""Transactions or accounts in one request: each takes some reads of tables and chain."""
_PARTS: Final = ("pools", "transactions", "accounts")


class Recovery(Protocol):
    """Gives a recovery that does, or only says."""

    def __call__(self, *, is_dry: bool) -> Recover:
        """Build it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovering:
    """Reads a request, and runs the part of the recovery that it names."""

    recovery: Recovery
    chain_ids: Collection[ChainId]

    def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Run one part.

        Args:
            body: `part` (`pools`, `transactions`, `accounts`), `dry_run`, and for the latter two
                `names`: transaction ids, or accounts as `<chain id>:<address>`.

        Raises:
            InvalidFieldsError: the body is not of that form.
            NotRetriableError: something else changes the tables: stop it first.
            AssuranceUnavailableError: the chain cannot be read now.
            StoreUnavailableError: as its ports say; what was done stays done.

        """
        part, names, is_dry = body.get("part"), body.get("names", []), body.get("dry_run", True)
        _check(body, part, names, is_dry)
        recover = self.recovery(is_dry=is_dry)
        try:
            found = self._run(recover, str(part), names)
        except StaleRowError as error:
            msg = "Something else changes the tables: pause, stop what runs, and try again."
            raise NotRetriableError(msg, FieldProblem("part", str(error))) from error
        except (ChainUnreachableError, ChainMovedError, TooManyLogsError) as error:
            raise AssuranceUnavailableError(f"The chain cannot be read now: {error}") from error
        return {"part": part, "dry_run": is_dry, "findings": [finding.told() for finding in found]}

    def _run(self, recover: Recover, part: str, names: list[str]) -> list[Finding]:
        if part == "pools":
            return recover.pools(self.chain_ids)
        if part == "transactions":
            return recover.transactions([_transaction_id(name) for name in names])
        return recover.accounts([_account(name) for name in names])


def _check(body: Mapping[str, Any], part: object, names: object, is_dry: object) -> None:
    problems = []
    if part not in _PARTS:
        problems.append(FieldProblem("part", f"must be one of {', '.join(_PARTS)}"))
    if type(is_dry) is not bool:
        problems.append(FieldProblem("dry_run", "must be true or false"))
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not is_list or not isinstance(names, list) or len(names) > MOST_AT_ONCE:
        problems.append(FieldProblem("names", f"must be a list of at most {MOST_AT_ONCE} names"))
    unknown = sorted(body.keys() - {"part", "names", "dry_run"})
    problems += [FieldProblem(name[:60], "is not a field of this request") for name in unknown]
    if problems:
        raise InvalidFieldsError("That is no part of a recovery.", *problems)


def _transaction_id(name: str) -> TransactionId:
    return parsed_transaction_id(name)


def _account(name: str) -> tuple[ChainId, Address]:
    chain_id, _, address = name.partition(":")
    if not chain_id.isdigit():
        problem = FieldProblem("names", "must each be <chain id>:<address>")
        raise InvalidFieldsError("That is not an account.", problem)
    return ChainId(int(chain_id)), parsed_address("names", address)
