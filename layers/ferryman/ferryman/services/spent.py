"""Whether the chain has seen a message's nonce used, by the word of every witness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ferryman.domain.transaction import Transaction
from ferryman.domain.units import BlockNumber
from ferryman.intents.kind import IntentKind
from ferryman.ports import Chain, Reading
from ferryman.services.agreement import Hearing, hear
from ferryman.services.chains import ChainAccess


@dataclass(frozen=True, slots=True)
class Word:
    """What one witness says of a message's nonce."""

    is_deep: bool
    """Used in a block that is deep enough."""
    is_seen: bool
    """Used at the head."""
    block: BlockNumber
    """The deep block that it read."""
    head: BlockNumber
    """Its newest one."""
    witness: Chain
    """Who says so."""


Spent = Hearing[Word]


def spent_by_each_word(
    rows: Sequence[Transaction], access: ChainAccess, kinds: Mapping[str, IntentKind]
) -> tuple[Spent | None, ...]:
    """Ask whether the nonces of some messages are used, in one batch.

    Returns:
        What is said of each, in order; None where the contract gives no answer.

    Raises:
        ChainUnreachableError: a witness did not answer.

    """
    asked = [kinds[row.kind].state_reads(row.payload) for row in rows]
    flat = [read for reads in asked for read in reads]
    heard = hear(access.chain, lambda one: (one, one.read(flat, fresh=True))).answers if flat else ()
    spent, start = list[Spent | None](), 0
    for row, reads in zip(rows, asked, strict=True):
        part, kind = slice(start, start + len(reads)), kinds[row.kind]
        words = [
            _word(kind, row, witness, replace(said, answers=said.answers[part])) for witness, said in heard
        ]
        given = tuple(word for word in words if word)
        spent.append(Hearing(given, access.chain.doubt) if len(given) == len(words) else None)
        start += len(reads)
    return tuple(spent)


def _word(kind: IntentKind, row: Transaction, witness: Chain, said: Reading) -> Word | None:
    given = [answer for answer in said.answers if isinstance(answer, bytes)]
    if len(given) != len(said.answers):
        return None
    is_deep, is_seen = kind.spent_at(row.payload, given)
    return Word(is_deep, is_seen, said.block, said.head, witness)
