"""Settings of chains in SSM parameters: they hold no secret, and have more room there than in a variable."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.domain.errors import ChainSettingsError, StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_NOT_THERE: Final = frozenset({"ParameterNotFound", "ParameterVersionNotFound"})
_PASSING: Final = frozenset(
    {"ThrottlingException", "TooManyUpdates", "RequestLimitExceeded", "InternalServerError"}
)


class SsmSettings:
    """Reads one version of a parameter, which never changes.

    Args:
        client: makes a boto3 client, when something has to be read at all.

    """

    def __init__(self, client: Callable[[], "SSMClient"]) -> None:
        self._make = client
        self._read: dict[str, str] = {}

    @cached_property
    def _client(self) -> "SSMClient":
        return self._make()

    def __call__(self, parameter: str) -> str:
        """Give its text, read once in a process.

        Args:
            parameter: its name, a colon, and the version.

        Raises:
            ChainSettingsError: there is none, or it is closed to us.
            StoreUnavailableError: SSM cannot say now.

        """
        if parameter not in self._read:
            self._read[parameter] = self._value(parameter)
        return self._read[parameter]

    def _value(self, parameter: str) -> str:
        try:
            return self._client.get_parameter(Name=parameter)["Parameter"]["Value"]
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if code in _NOT_THERE:
                raise ChainSettingsError(parameter, "does not exist") from error
            if code in _PASSING:
                raise StoreUnavailableError(f"SSM refused: {code}") from error
            raise ChainSettingsError(parameter, f"cannot be read: {code}") from error
        except BotoCoreError as error:
            msg = f"SSM did not answer: {type(error).__name__}"
            raise StoreUnavailableError(msg) from error
