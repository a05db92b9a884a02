"""AWS's own words for what went wrong."""

from botocore.exceptions import BotoCoreError, ClientError


def code_of(error: ClientError | BotoCoreError) -> str:
    """Give the code of a refusal, or the name of what kept a request from its service."""
    if not isinstance(error, ClientError):
        return type(error).__name__
    return error.response["Error"].get("Code") or type(error).__name__
