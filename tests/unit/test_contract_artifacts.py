"""The exported contract artifacts are what `contracts/src` compiles to, and load as the package promises."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from eth_hash.auto import keccak

from ferryman.contracts import load
from local.artifacts import load as local_artifact

ROOT = Path(__file__).resolve().parents[2]
EXPORT = ROOT / "contracts" / "script" / "export_artifacts.py"
PACKAGE = Path("layers", "ferryman", "ferryman", "contracts")
LOCAL = Path("local", "artifacts")
CONTRACTS = (
    "BatchSettler",
    "DeployingSettler",
    "ERC2771Forwarder",
    "MetaTxRelay",
    "MockUSDC",
    "PaymentEscrow",
    "UptoSettler",
)
CREATION_BYTES = 10
"""What returns the rest as the contract's code."""
PERMIT2_CODE_HASH = "c67d1657868aa5146eaf24fb879fb1fdec3d2d493b3683a61c9c2f4fb2851131"
LOCAL_CONTRACTS = (
    "ExactPermit2Proxy",
    "Guestbook",
    "HostileUSDC",
    "MockPriceFeed",
    "UptoPermit2Proxy",
    "WalletFactory",
)


def check(root: Path) -> subprocess.CompletedProcess[str]:
    """Compile the contracts with forge and compare them with the artifacts under `root`."""
    command = [sys.executable, str(EXPORT), "--check", "--directory", str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_artifacts_match_the_contract_source() -> None:
    """Nobody changes a contract and forgets what the package calls."""
    result = check(ROOT)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", [PACKAGE / "PaymentEscrow.json", LOCAL / "Guestbook.json"], ids=str)
def test_check_notices_an_artifact_that_the_source_does_not_give(tmp_path: Path, path: Path) -> None:
    """The check above can fail: one more byte of code is enough."""
    for directory in (PACKAGE, LOCAL):
        shutil.copytree(ROOT / directory, tmp_path / directory)
    changed = tmp_path / path
    text = changed.read_text(encoding="utf-8")
    changed.write_text(text.replace('"bytecode": "0x', '"bytecode": "0x00'), encoding="utf-8")

    result = check(tmp_path)

    assert result.returncode == 1
    assert f"differ from contracts/src: {path.name};" in result.stderr


def test_check_notices_a_missing_artifact(tmp_path: Path) -> None:
    """An artifact that was never exported is not up to date either."""
    result = check(tmp_path)

    assert result.returncode == 1
    assert ", ".join(f"{name}.json" for name in CONTRACTS + LOCAL_CONTRACTS) in result.stderr


@pytest.mark.parametrize("name", CONTRACTS)
def test_load_gives_what_is_needed_to_deploy_and_call(name: str) -> None:
    """The bytecode is plain hex without a library to link; the ABI tells how to call it."""
    artifact = load(name)

    assert artifact.contract_name == name
    assert len(bytes.fromhex(artifact.bytecode.removeprefix("0x"))) > 1000
    assert {entry["type"] for entry in artifact.abi} >= {"function", "error"}


@pytest.mark.parametrize("name", CONTRACTS + LOCAL_CONTRACTS)
def test_local_tools_load_what_the_layer_does_not_have_too(name: str) -> None:
    """Mocks are for local chains, and stay out of what is deployed to AWS."""
    assert local_artifact(name).contract_name == name


def test_permit2_is_the_one_that_public_chains_have() -> None:
    """By its code hash on Ethereum; it is not compiled here, but taken from npm (docs/contracts.md)."""
    deployment = bytes.fromhex(local_artifact("Permit2").bytecode.removeprefix("0x"))

    assert keccak(deployment[CREATION_BYTES:]).hex() == PERMIT2_CODE_HASH


def test_load_refuses_a_contract_that_is_not_exported() -> None:
    """A typing error is not an empty ABI."""
    with pytest.raises(FileNotFoundError):
        load("PaymentEscow")
