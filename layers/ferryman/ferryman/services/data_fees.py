"""Data fees: what an OP-style chain takes for a transaction's bytes on L1, besides its gas."""

from collections.abc import Iterable

from ferryman.domain.errors import ChainUnreachableError
from ferryman.domain.l1_fees import fee_call, l1_fee, upper_bound_call
from ferryman.domain.units import Wei
from ferryman.ports import Read
from ferryman.services.chains import ChainAccess

_NOTHING = Wei(0)


def data_fees(sizes: Iterable[int], access: ChainAccess) -> dict[int, Wei]:
    """Give what the chain takes now for calls, by the bytes of their data; none, if it has no oracle.

    Raises:
        ChainUnreachableError: the oracle does not answer.

    """
    asked, oracle = list(dict.fromkeys(sizes)), access.settings.l1_fee_oracle
    if oracle is None:
        return dict.fromkeys(asked, _NOTHING)
    # The oracle may be older than the cheaper of the two questions.
    calls = [call for size in asked for call in (upper_bound_call(size), fee_call(size))]
    answers = access.chain.read([Read(oracle, call) for call in calls]).answers
    said = [l1_fee(answer) if isinstance(answer, bytes) else None for answer in answers]
    fees = dict[int, Wei]()
    for size, bound, exact in zip(asked, said[::2], said[1::2], strict=True):
        fee = exact if bound is None else bound
        if fee is None:
            raise ChainUnreachableError(access.settings.chain_id, "its L1 fee oracle does not answer")
        fees[size] = fee
    return fees
