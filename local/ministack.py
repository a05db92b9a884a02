"""The local AWS: MiniStack, which runs the deployed template for real and enforces its IAM policies."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import boto3

from local.paths import ROOT
from local.ports import LOOPBACK, choose_port
from local.probe import answers
from local.process import ChildProcess
from local.scratch import fresh_scratch_folder, scratch_folder
from local.settings import StackSettings

REGION = "us-east-1"
SAVED = "saved"
"""Folder, in the scratch folder, of what it saves when it ends in order."""
_READY_SECONDS = 30.0
_PREFERRED_PORT = 4566
# The emulator's own root; its functions get their roles' sessions instead.
_ROOT_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True)
class LocalAws:
    """Where the emulated AWS answers and how to be its administrator."""

    port: int

    @property
    def endpoint_url(self) -> str:
        """Address of every AWS API."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def execute_api_base(self) -> str:
        """Host and path in front of `<api id>/<stage>`."""
        return f"{LOOPBACK}:{self.port}/_aws/execute-api"

    @property
    def environment(self) -> dict[str, str]:
        """What makes AWS tools and SDKs use the emulator as its administrator, and nothing else."""
        return {
            **_ROOT_CREDENTIALS,
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def session(self) -> boto3.Session:
        """Open a boto3 session as the emulator's administrator."""
        return boto3.Session(
            aws_access_key_id=_ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=_ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )


def start_ministack(settings: StackSettings, *, goes_on: bool = False) -> tuple[ChildProcess, LocalAws]:
    """Start the emulator, wait until it answers, and return it with its addresses.

    Args:
        settings: of the local stack.
        goes_on: with what the one before it saved; else with nothing in it.

    """
    aws = LocalAws(choose_port(settings.aws_port, preferred=_PREFERRED_PORT, variable="AWS_PORT"))
    scratch = scratch_folder() if goes_on else fresh_scratch_folder()
    command = [sys.executable, "-P", str(ROOT / "local" / "emulator.py")]
    process = ChildProcess.start("ministack", command, _environment(aws.port, scratch))
    try:
        process.wait_until(
            lambda: answers(f"{aws.endpoint_url}/_ministack/health"), timeout_seconds=_READY_SECONDS
        )
    except BaseException:
        process.stop()
        raise
    return process, aws


def _environment(port: int, scratch: Path) -> dict[str, str]:
    # The functions' processes inherit this environment, so they get as little of ours as Lambda gives them.
    return {
        **_ROOT_CREDENTIALS,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(scratch / SAVED),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(scratch / "s3"),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Each process that a burst leaves behind holds 140 MB, its unpacked layers in memory among them. But
        # confirm and watch hand over once a minute, to the process of the run before: two minutes after that
        # one began, which is what the emulator counts from.
        "LAMBDA_WARM_TTL_SECONDS": "150",
    }
