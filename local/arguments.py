"""Command lines of the local tools: settings, and mistakes in them, come from variables mostly."""

import argparse
from collections.abc import Callable
from typing import NoReturn

from local.progress import console

_WRONG_USAGE = 2
HIGHEST_PORT = 65_535


class Arguments(argparse.ArgumentParser):
    """A parser whose complaint is one line that names the variable, not a page on flags nobody typed."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and end."""
        said = message.partition(": ")[2] if message.startswith("argument ") else message
        console.print(said, style="red", markup=False)
        raise SystemExit(_WRONG_USAGE)


def whole_number(name: str, lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Read a whole number within bounds; `name` is what the complaint calls it."""
    bounds = f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"

    def read(text: str) -> int:
        number = int(text) if text.strip().lstrip("-").isdigit() else None
        if number is None or number < lowest or (highest is not None and number > highest):
            raise argparse.ArgumentTypeError(f"{name} must be a whole number, {bounds}, not {text!r}")
        return number

    return read


def distinct_whole_numbers(name: str, *, most: int) -> Callable[[str], list[int]]:
    """Read at most `most` different whole numbers above 0, with commas between them."""

    def read(text: str) -> list[int]:
        numbers = [int(part) if part.strip().isdigit() else 0 for part in text.split(",")]
        if 0 in numbers or len(set(numbers)) < len(numbers) or len(numbers) > most:
            raise argparse.ArgumentTypeError(
                f"{name} must be up to {most} different whole numbers above 0, not {text!r}"
            )
        return numbers

    return read


def seconds_above_zero(name: str) -> Callable[[str], list[float]]:
    """Read a duration, or several with commas between them."""

    def read(text: str) -> list[float]:
        try:
            durations = [float(part) for part in text.split(",")]
        except ValueError:
            durations = [0.0]
        if not all(0 < seconds < float("inf") for seconds in durations):
            raise argparse.ArgumentTypeError(f"{name} must be a number of seconds above 0, not {text!r}")
        return durations

    return read
