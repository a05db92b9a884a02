"""Pausing: submit leaves transactions alone, ingest goes on accepting, and confirm goes on observing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ferryman.domain.errors import FieldProblem, InvalidFieldsError, chain_not_served
from ferryman.domain.pauses import Pause, Scope
from ferryman.domain.units import ChainId, rfc3339
from ferryman.ports import Clock, Log, PauseStore

PAUSED: Final = "paused by operator"
"""What a paused row waits for."""
_LONGEST_NOTE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Pausing:
    """Sets and lifts pauses."""

    store: PauseStore
    chain_ids: Collection[ChainId]
    kinds: Collection[str]
    clock: Clock
    log: Log

    def pauses(self) -> list[dict[str, Any]]:
        """Give all pauses.

        Raises:
            StoreUnavailableError: as its port says.

        """
        return [told(pause) for pause in self.store.pauses()]

    def pause(self, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Pause a scope.

        Args:
            body: `chain_id`, `kind` (both may be left out) and a `note`.
            by: who asks.

        Raises:
            InvalidFieldsError: the body names something unknown.
            StoreUnavailableError: as its port says.

        """
        _refuse_unknown(body, {"chain_id", "kind", "note"})
        note = body.get("note", "")
        if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
            problem = FieldProblem("note", f"must be a text of at most {_LONGEST_NOTE} characters")
            raise InvalidFieldsError("The note cannot be kept.", problem)
        pause = Pause(scope=self._scope(body), by=by, note=note, since=self.clock.now())
        self.store.put(pause)
        self.log.warning("paused", scope=told(pause)["scope"], by=by)
        return told(pause)

    def resume(self, body: Mapping[str, Any], *, by: str) -> dict[str, Any]:
        """Lift the pause of a scope; one that is not paused stays so.

        Raises:
            InvalidFieldsError, StoreUnavailableError: as `pause`.

        """
        _refuse_unknown(body, {"chain_id", "kind"})
        scope = self._scope(body)
        was_paused = self.store.lift(scope)
        self.log.warning("resumed", scope=_words(scope), by=by, was_paused=was_paused)
        return {"scope": _words(scope), "was_paused": was_paused, "still_paused": self.pauses()}

    def _scope(self, body: Mapping[str, Any]) -> Scope:
        chain_id, kind = body.get("chain_id"), body.get("kind")
        if chain_id is not None and (type(chain_id) is not int or chain_id not in self.chain_ids):
            raise chain_not_served(self.chain_ids)
        if kind is not None and kind not in self.kinds:
            problem = FieldProblem("kind", f"must be one of {', '.join(self.kinds)}")
            raise InvalidFieldsError("That is not a kind of intent.", problem)
        return Scope(chain_id=None if chain_id is None else ChainId(chain_id), kind=kind)


def told(pause: Pause) -> dict[str, Any]:
    """Give the public form of a pause."""
    return {
        "scope": _words(pause.scope),
        "chain_id": pause.scope.chain_id,
        "kind": pause.scope.kind,
        "by": pause.by,
        "note": pause.note,
        "since": rfc3339(pause.since),
    }


def _words(scope: Scope) -> str:
    """Say what a scope covers."""
    words = []
    if scope.chain_id is not None:
        words.append(f"chain {scope.chain_id}")
    if scope.kind is not None:
        words.append(f"kind {scope.kind}")
    return ", ".join(words) or "everything"


def _refuse_unknown(body: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := sorted(body.keys() - set(known)):
        problems = (FieldProblem(name[:60], "is not a field of this request") for name in unknown)
        raise InvalidFieldsError("Some fields are unknown.", *problems)
