"""The stack to measure on: the running one, or one of our own."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from local.description import StackDescription
from local.progress import console
from local.running import running_processes
from local.settings import settings_from
from local.stack import local_stack


@contextmanager
def stack_to_measure(arguments: argparse.Namespace) -> Iterator[StackDescription]:
    """Use the running stack and leave it running; else start one and stop it in the end.

    Raises:
        LocalStackError: none runs and none can be started.

    """
    if any(process.name == "stack" for process in running_processes()):
        console.print("using the running stack; its own settings hold, not those given here")
        yield StackDescription.read()
        return
    with local_stack(settings_from(arguments)) as stack:
        yield stack.description
