"""Where the local tools find the project and keep their own state."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = Path(os.environ.get("LOCAL_STATE") or ROOT / ".local")
"""State of one stack; the tests keep theirs elsewhere, so that a person's own stack may run beside them."""
LOGS = STATE / "logs"
STACK_FILE = STATE / "stack.json"
PROCESSES_FILE = STATE / "processes.json"
TEMPLATE = ROOT / "template.yaml"
BUILD = ROOT / ".aws-sam" / "build"
FUNCTIONS = ROOT / "functions"
LAYERS = ROOT / "layers"
