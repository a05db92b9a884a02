"""What can go wrong between an operator and a deployment: one line each, and an exit code."""

from typing import ClassVar


class CommandError(Exception):
    """The command could not be carried out; its text is all that the operator reads."""

    exit_code: ClassVar[int] = 1


class RefusedError(CommandError):
    """Ferryman understood, and said no."""

    def __init__(self, status: int, code: str, detail: str, problems: list[tuple[str, str]]) -> None:
        fields = "".join(f"\n  {field}: {reason}" for field, reason in problems)
        super().__init__(f"{detail} ({status} {code}){fields}")
        self.status = status
        self.code = code


class NoDeploymentError(CommandError):
    """There is no such deployment, or nobody said which."""

    exit_code = 3


class NoAccessError(CommandError):
    """There are no credentials, or they do not open this."""

    exit_code = 4


class UnreachableError(CommandError):
    """No answer came."""

    exit_code = 5
