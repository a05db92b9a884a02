"""Start the local stack, show one payment from signature to block, and serve until Ctrl-C."""

import asyncio
import sys

from local.arguments import Arguments
from local.errors import LocalStackError
from local.first_payment import pay_once
from local.progress import console, show_description
from local.settings import add_setting_flags, settings_from
from local.stack import local_stack


def main() -> int:
    """Run the command line."""
    parser = Arguments(prog="python -m local.run", description=__doc__)
    add_setting_flags(parser)
    settings = settings_from(parser.parse_args())
    try:
        with local_stack(settings) as stack:
            for chain in stack.description.by_chain():
                asyncio.run(pay_once(chain))
            show_description(stack.description)
            console.print("\nServing; Ctrl-C stops it all. `make demo` in another terminal sends more.")
            stack.serve()
    except (LocalStackError, TimeoutError) as error:
        console.print(str(error) or "the payment did not end in time", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
