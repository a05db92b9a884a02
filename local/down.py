"""Stop the local stack by the process ids it wrote down: `python -m local.down`."""

import sys

from local.progress import console, step
from local.running import stop_running


def main() -> int:
    """Run the command line."""
    with step("Stopping the local stack"):
        stopped = stop_running()
    if not stopped:
        console.print("nothing was running")
    return 0


if __name__ == "__main__":
    sys.exit(main())
