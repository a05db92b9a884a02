"""Builds authorizer."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.bootstrap.parts import tables
from ferryman.config import AuthorizerConfig
from ferryman.services.authorizer import Authorizer


def authorize_callers() -> tuple[Authorizer, str]:
    """Give the service and the key that counts who signed in, from the environment."""
    config = AuthorizerConfig.read()
    return Authorizer(access=DynamoAccess(tables(config)), clock=SystemClock()), config.signed_in_usage_key
