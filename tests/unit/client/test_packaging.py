"""The distribution: it builds, is typed, and needs no key library."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from tests.support.template import ROOT

PROJECT = ROOT / "clients" / "python"


def test_the_wheel_builds_and_is_typed(tmp_path: Path) -> None:
    """As `pip wheel` makes it, without the network."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path / "source"
    subprocess.run(["cp", "-r", str(PROJECT), str(copy)], check=True)  # noqa: S607 (cp is found on PATH)

    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(copy)], check=True, timeout=300)

    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"ferryman_client/{path.name}" for path in (PROJECT / "src" / "ferryman_client").glob("*.py")}
    assert wheel.name.startswith("ferryman_client-0.1.0-")
    assert {"ferryman_client/py.typed", *sources} <= names


def test_the_client_imports_neither_the_relayer_nor_a_key_library() -> None:
    """It is installed alone; who signs is the caller's choice."""
    lines = "import ferryman_client, sys; print(*sys.modules)"
    code = f"import sys; sys.path.insert(0, {str(PROJECT / 'src')!r}); {lines}"

    ended = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )

    modules = {name.split(".")[0] for name in ended.stdout.split()}
    assert "ferryman_client" in modules
    assert not modules & {"ferryman", "eth_account", "web3", "pydantic", "boto3"}


def test_the_project_needs_what_the_development_environment_has() -> None:
    """So its tests run against the versions it is installed with."""
    client = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    local = ours["optional-dependencies"]["local"]

    assert set(client["dependencies"] + client["optional-dependencies"]["signing"]) <= set(local)
