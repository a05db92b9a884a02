"""An environment with which every handler can be imported, and which leads nowhere."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from local.settings import CHAIN_ID

_NOWHERE = "http://127.0.0.1:9"
_ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
_TABLES = ("TRANSACTIONS", "EVENTS", "WALLETS", "ACCOUNTS", "CONNECTIONS", "CURSORS")
_CHAIN = {
    "chain_id": CHAIN_ID,
    "rpc_urls": [_NOWHERE],
    "block_time_ms": 1000,
    "escrow": _ADDRESS,
    "tokens": [_ADDRESS],
}


def fake_environment(folders: Iterable[Path]) -> dict[str, str]:
    """Give all variables of all functions, and the folders to import from, in their order."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": _NOWHERE,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": "bench",
        "CHAINS": json.dumps([_CHAIN]),
        **{f"{table}_TABLE": table.lower() for table in _TABLES},
        "SUBMIT_QUEUE_URL": f"{_NOWHERE}/000000000000/submit.fifo",
        "CONFIRM_FUNCTION": "confirm",
        "WALLET_KEY_IDS": "fake",
        "WEBSOCKET_ENDPOINT": _NOWHERE,
        "OPEN_READS": "true",
    }
