"""Builds signin."""

from ferryman.adapters.clock import SystemClock
from ferryman.adapters.dynamodb.access import DynamoAccess
from ferryman.adapters.eip4361 import SiweMessages
from ferryman.bootstrap.parts import chains_config, tables
from ferryman.config import SigninConfig
from ferryman.services.signin import SignIn
from ferryman.services.tickets import Tickets


def sign_callers_in() -> tuple[SignIn, Tickets, SigninConfig]:
    """Give the services, and the configuration that says who may ask for sign-ins, from the environment."""
    config = chains_config(SigninConfig)
    access, clock = DynamoAccess(tables(config)), SystemClock()
    signing = SignIn(
        access=access,
        messages=SiweMessages(),
        clock=clock,
        chain_ids=frozenset(config.by_id()),
        session_seconds=config.session_seconds,
    )
    return signing, Tickets(access=access, clock=clock), config
