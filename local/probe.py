"""Asking whether an HTTP server answers yet."""

import httpx


def answers(url: str, *, timeout_seconds: float = 5.0) -> bool:
    """Say whether `url` answers with a success now."""
    try:
        return httpx.get(url, timeout=timeout_seconds).is_success
    except httpx.TransportError:
        return False
