#!/usr/bin/env python3
"""Write the ABI and bytecode of each exported contract to where Python loads it from, or check them there."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

CONTRACTS_DIR = Path(__file__).resolve().parents[1]
FORGE = CONTRACTS_DIR / "node_modules" / ".bin" / "forge"
ROOT = CONTRACTS_DIR.parent
PACKAGE = Path("layers", "ferryman", "ferryman", "contracts")
# What only local chains have stays out of the layer.
LOCAL = Path("local", "artifacts")
EXPORTED = {
    "BatchSettler": PACKAGE,
    "DeployingSettler": PACKAGE,
    "ERC2771Forwarder": PACKAGE,
    "MetaTxRelay": PACKAGE,
    "MockUSDC": PACKAGE,
    "PaymentEscrow": PACKAGE,
    "UptoSettler": PACKAGE,
    "ExactPermit2Proxy": LOCAL,
    "Guestbook": LOCAL,
    "HostileUSDC": LOCAL,
    "MockPriceFeed": LOCAL,
    "UptoPermit2Proxy": LOCAL,
    "WalletFactory": LOCAL,
}


def build() -> None:
    """Compile src/; what did not change comes from forge's cache."""
    subprocess.run([FORGE, "build", "src", "--quiet"], cwd=CONTRACTS_DIR, check=True)  # noqa: S603 our own forge


def artifact(name: str) -> str:
    """Read one contract from forge's output and give the text of its exported artifact."""
    built = json.loads((CONTRACTS_DIR / "out" / f"{name}.sol" / f"{name}.json").read_text(encoding="utf-8"))
    if built["bytecode"]["linkReferences"]:
        message = f"{name} needs a linked library: its bytecode cannot be deployed as it is"
        raise SystemExit(message)
    exported = {
        "contractName": name,
        "abi": built["abi"],
        "bytecode": built["bytecode"]["object"],
    }
    return json.dumps(exported, indent=2) + "\n"


def main() -> int:
    """Return the exit status: 1 if `--check` finds an artifact that the source no longer gives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail when an artifact differs")
    parser.add_argument("--directory", type=Path, default=ROOT, help="root of the repository")
    options = parser.parse_args()

    build()
    stale = []
    for name, directory in EXPORTED.items():
        path: Path = options.directory / directory / f"{name}.json"
        text = artifact(name)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.name)
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path}\n")
    if options.check and stale:
        sys.stderr.write(f"differ from contracts/src: {', '.join(stale)}; run `make artifacts`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
