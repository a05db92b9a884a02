"""Runs MiniStack behind a faster HTTP server than the one that its command starts, and spares it repetitions.

Everything of the stack waits on the emulator's one thread, and half of what a GetItem took of it was
Hypercorn and h11. MiniStack is an ASGI application: Uvicorn serves it as well, with a parser and an event
loop in C, and a GetItem takes 0.3 to 0.4 ms of processor instead of 0.6 to 0.8. The head and the body of an
answer go in one write, so that who asked is woken up once.

Two of its functions do over and over what comes out the same; both are replaced by ones that give the same
(`tests/unit/test_emulator.py`):

- A condition's grammar is checked for each item that it is compared with: a Query does so for each row it
  lists. That was a seventh of the thread, and its nested functions, which refer to each other, were nearly
  all that the garbage collector ever found: of a second, it took 0.13 at once. Each text is checked once.
- Each message to a FIFO queue walked over all those of the last five minutes.

The emulator keeps all tables and what it has loaded, some hundred thousand objects, and makes many more for
each request, hardly any of them in cycles now. So the collector walks over few at a time, and over none
twice: it holds up whoever waits for an answer by some milliseconds at most.
"""

import asyncio
import gc
import os
import resource
import time
from functools import lru_cache
from itertools import takewhile
from types import ModuleType
from typing import Any, Final

import uvicorn
from ministack.app import app
from ministack.services import dynamodb, sqs
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_YOUNG: Final = 10_000
"""Objects that are made before the young ones are walked over; Python's default is 700."""
_NEVER: Final = 1_000_000_000
"""How often that is done before older ones are, too."""
_HEAD: Final = b"HTTP/"
_CONDITIONS: Final = 4_096
"""How many texts of conditions are remembered; whoever writes values into them has more."""
_ENDING_SECONDS: Final = 3
"""How long it waits for answers that are under way when it ends."""
_IDLE_SECONDS: Final = 75
"""How long a connection that nothing asks is kept; as its own command has it."""


class Together:
    """A connection that sends the head of an answer along with the body that follows it.

    Uvicorn writes the one and then the other. That is twice the kernel's work, and whoever asked is woken up
    for a head alone.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop, self._head = transport, loop, b""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a connection has)
        """Be the connection itself in all else."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold a head back until what follows it comes, or nothing does at once."""
        if not self._head and data.startswith(_HEAD):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data)

    def close(self) -> None:
        """Send what is held back, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            self.write(b"")


class JoinedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol on such connections."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin."""
        super().connection_made(transport)
        self.transport = Together(transport, self.loop)  # type: ignore[assignment]  # it does what one does


def forget_old_messages(queue: dict[str, Any]) -> None:
    """Drop from a FIFO queue the messages whose repeats are taken again; they are in the order they came."""
    known, now = queue["dedup_cache"], time.time()
    for old in list(takewhile(lambda key: known[key]["expire"] <= now, known)):
        del known[old]


def spare_repetitions() -> None:
    """Put in what gives the same in less time.

    Raises:
        AttributeError: MiniStack has no such function any more.

    """
    checked_once = lru_cache(_CONDITIONS)(dynamodb._condition_syntax_error)  # noqa: SLF001 (it has no other name)
    _replace(dynamodb, "_condition_syntax_error", checked_once)
    _replace(sqs, "_prune_dedup", forget_old_messages)


def _replace(module: ModuleType, name: str, by: object) -> None:
    getattr(module, name)
    setattr(module, name, by)


def main() -> None:
    """Serve until told to end; then save what it keeps."""
    spare_repetitions()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _NEVER, _NEVER)
    # A burst of connections needs more files than a shell allows by default.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvicorn.run(
        app,
        host=os.environ["BIND_HOST"],
        port=int(os.environ["GATEWAY_PORT"]),
        loop="uvloop",
        http=JoinedProtocol,
        ws="websockets-sansio",
        lifespan="on",
        # The emulator reads X-Forwarded-For itself.
        proxy_headers=False,
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
