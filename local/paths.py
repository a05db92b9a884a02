"""Where the local tools find the project and keep their own state."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".local"
LOGS = STATE / "logs"
STACK_FILE = STATE / "stack.json"
PROCESSES_FILE = STATE / "processes.json"
TEMPLATE = ROOT / "template.yaml"
BUILD = ROOT / ".aws-sam" / "build"
FUNCTIONS = ROOT / "functions"
LAYERS = ROOT / "layers"
