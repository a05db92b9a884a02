"""Forward requests: a user's signed call of a target, free of charge, executed by an ERC2771Forwarder."""

from ferryman.intents.forward_request.kind import FORWARD_REQUEST

__all__ = ["FORWARD_REQUEST"]
