"""Meta-transactions: a user's signed call of a target, paid for in a token, executed by the MetaTxRelay."""

from ferryman.intents.meta_transaction.kind import META_TRANSACTION

__all__ = ["META_TRANSACTION"]
