"""Runs MiniStack as it is, behind a faster HTTP server than the one that its command starts.

Everything of the stack waits on the emulator's one thread, and half of what a GetItem took of it was
Hypercorn and h11. MiniStack is an ASGI application: Uvicorn serves it as well, with a parser and an event
loop in C, and a GetItem takes 0.3 to 0.4 ms of processor instead of 0.6 to 0.8.

The emulator keeps all tables and what it has loaded, some hundred thousand objects, and makes many more for
each request, few of them in cycles. By Python's defaults the collector walks over them all the time: a tenth
of the thread.
"""

import gc
import os
import resource
from typing import Final

import uvicorn
from ministack.app import app

_YOUNG: Final = 100_000
"""Objects that are made before the young ones are walked over; Python's default is 700."""
_MIDDLE, _OLD = 20, 100
"""How often that is done before older ones are, too."""
_ENDING_SECONDS: Final = 3
"""How long it waits for answers that are under way when it ends."""
_IDLE_SECONDS: Final = 75
"""How long a connection that nothing asks is kept; as its own command has it."""


def main() -> None:
    """Serve until told to end; then save what it keeps."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    # A burst of connections needs more files than a shell allows by default.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        # The emulator adds both, where AWS has them.
        server_header=False,
        date_header=False,
        timeout_keep_alive=_IDLE_SECONDS,
        timeout_graceful_shutdown=_ENDING_SECONDS,
    )


if __name__ == "__main__":
    main()
