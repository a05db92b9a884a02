"""Whether the chain has seen a message's nonce used, by the word of every witness."""

from collections.abc import Mapping, Sequence

from ferryman.domain.transaction import Transaction
from ferryman.intents.kind import IntentKind
from ferryman.ports import Reverted
from ferryman.services.agreement import Hearing, hear_each
from ferryman.services.chains import ChainAccess

Spent = Hearing[tuple[bool, bool]]
"""Each witness' word: deep, and at the head."""


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
    heard = hear_each(access.chain, lambda one: one.read(flat, fresh=True).answers) if flat else ()
    spent, start = list[Spent | None](), 0
    for row, reads in zip(rows, asked, strict=True):
        answers = heard[start : start + len(reads)]
        spent.append(_word(kinds[row.kind], row, answers, access))
        start += len(reads)
    return tuple(spent)


def _word(
    kind: IntentKind, row: Transaction, answers: Sequence[Hearing[bytes | Reverted]], access: ChainAccess
) -> Spent | None:
    words = list[tuple[bool, bool]]()
    for told in zip(*(hearing.answers for hearing in answers), strict=True):
        given = [answer for answer in told if isinstance(answer, bytes)]
        if len(given) != len(told):
            return None
        words.append(kind.spent_at(row.payload, given))
    return Hearing(tuple(words), access.chain.doubt)
