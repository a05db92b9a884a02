"""The template's variables, leading nowhere: with them a function can be imported anywhere."""

import json
import os
from typing import Final

from tests.support.payments import ESCROW, TOKEN
from tests.support.template import environment

_NOWHERE: Final = "http://127.0.0.1:1"
_CHAIN: Final = {"chain_id": 31337, "block_time_ms": 1000, "escrow": ESCROW, "tokens": [TOKEN]}
_WITH_A_FORM: Final = {
    "CHAINS": json.dumps([_CHAIN]),
    "CHAIN_SETTINGS_PATH": "/ferryman/chains",
    "RPC_URLS_PATH": "/ferryman/chains",
    "WALLET_KEY_IDS": "one,two",
    "ANY_WEBHOOK_TARGET": "false",
    "SUBMIT_QUEUE_URL": f"{_NOWHERE}/queue",
    "EXPRESS_QUEUE_URL": f"{_NOWHERE}/express",
    "WEBSOCKET_ENDPOINT": f"{_NOWHERE}/socket",
    "WEBSOCKET_URL": "ws://127.0.0.1:1/socket",
    "RETENTION_DAYS": "0",
    "SIGN_IN_ORIGINS": "https://app.example.com",
    "SESSION_SECONDS": "3600",
    "DEAD_LETTER_QUEUES": "{}",
    "QUEUES": "{}",
    "EMPTY_QUEUES": "{}",
    "LOG_LEVEL": "INFO",
    "SETTLE_PATIENCE_MS": "20000",
    "DISCOVERY_RESOURCES": "[]",
    "FAUCET": "false",
}
"""What cannot be any word; the rest is its own name in lower case."""
_LAMBDAS: Final = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PATH": os.defpath,
}
"""What Lambda gives every function."""


def variables(step: str) -> dict[str, str]:
    """Give a step its whole environment."""
    return {name: _WITH_A_FORM.get(name, name.lower()) for name in environment(step)} | _LAMBDAS
