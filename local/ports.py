"""Choosing ports on the loopback interface."""

import socket

from local.errors import LocalStackError

LOOPBACK = "127.0.0.1"


def choose_port(configured: int | None, *, preferred: int, variable: str) -> int:
    """Take the configured port, else the preferred one if it is free, else any free one.

    Raises:
        LocalStackError: a port was configured and is taken.

    """
    if configured is not None:
        if not _is_free(configured):
            message = (
                f"{variable}: port {configured} is taken; choose another, or leave it out to have a free one"
            )
            raise LocalStackError(message)
        return configured
    return preferred if _is_free(preferred) else any_free_port()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def any_free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port
