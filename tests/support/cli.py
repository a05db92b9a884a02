"""The operator's command line, `python -m ferryman_cli`."""

from functools import cache

from tests.support.forked import ForkedCommand


@cache
def commands() -> ForkedCommand:
    """Give it with all that any of its commands imports."""
    return ForkedCommand("ferryman_cli.app:main", "boto3", "httpx", "rich.console", "rich.table")
