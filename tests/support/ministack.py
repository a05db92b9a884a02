"""An AWS that signs digests and keeps FIFO order: MiniStack, in a process of its own."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from local.ports import LOOPBACK, any_free_port
from tests.support.process import running

REGION: Final = "us-east-1"


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Run it, and give the address of every AWS API."""
    port = any_free_port()
    url = f"http://{LOOPBACK}:{port}"
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/_ministack/health", timeout=1) as response:  # noqa: S310 (http)
                return bool(response.status == 200)
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    command = [sys.executable, "-m", "ministack"]
    with running(command, environment=environment, is_ready=answers, log=folder / "ministack.log"):
        yield url


def client(service: str, url: str, **config: Any) -> Any:  # noqa: ANN401 (boto3 types clients by literals)
    """Give a client of a local endpoint that does not try again."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (it opens nothing)
        config=Config(retries={"max_attempts": 0}, connect_timeout=2, read_timeout=5, **config),
    )
