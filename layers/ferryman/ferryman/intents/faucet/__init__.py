"""The kind `faucet`: tokens of a test chain, given to whoever asks; nobody signs for it."""

from ferryman.intents.faucet.kind import FAUCET

__all__ = ["FAUCET"]
