"""Runs MiniStack as it is, in a process whose collector of cycles knows what it keeps.

The emulator keeps all tables and what it has loaded, some hundred thousand objects, and makes many more for
each request, few of them in cycles. By Python's defaults the collector walks over them all the time: a tenth
of the one thread on which everything of the stack waits.
"""

import gc
import sys
from typing import Final

from ministack.app import main

_YOUNG: Final = 100_000
"""Objects that are made before the young ones are walked over; Python's default is 700."""
_MIDDLE, _OLD = 20, 100
"""How often that is done before older ones are, too."""

if __name__ == "__main__":
    sys.argv = ["ministack"]
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    main()
