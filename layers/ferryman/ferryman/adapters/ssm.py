"""RPC addresses in SSM parameters: they hold providers' keys, so no template and no environment has them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from ferryman.adapters.evm.endpoints import RpcAddress
from ferryman.domain.errors import (
    ChainUnreachableError,
    EndpointsParameterError,
    FerrymanError,
    StoreUnavailableError,
)
from ferryman.domain.metrics import Metric
from ferryman.domain.units import ChainId, Instant, Milliseconds
from ferryman.ports import Clock, Log, Metrics

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_KEPT_MS: Final = Milliseconds(15 * 60_000)
"""How long the addresses are used before they are read again, so that a new key needs no deployment."""
_PAUSE_MS: Final = Milliseconds(60_000)
"""Between two readings that a refusal asks for: a key that is wrong for good must not wear SSM out."""
_FIRST_PAUSE_MS: Final = Milliseconds(5_000)
"""Between two readings while nothing is known; a parameter that has to be mended is read again later."""
_OURS_TO_MEND: Final = range(400, 500)
"""Answers that asking again does not change."""
_THROTTLED: Final = frozenset({"ThrottlingException", "TooManyUpdates", "RequestLimitExceeded"})
_NOT_THERE: Final = "ParameterNotFound"

_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]\S*$")]


class _Weighted(BaseModel):
    """An address with how much it is preferred."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: _Url
    weight: int = Field(default=1, ge=0, le=1_000)


_Listed = _Url | _Weighted
_ADDRESSES: Final = TypeAdapter[tuple[_Listed, ...]](Annotated[tuple[_Listed, ...], Field(min_length=1)])


class SsmEndpoints:
    """The Endpoints of a chain, in one SecureString: a JSON list of http or https addresses.

    An address is its text, or `{"url": …, "weight": …}`.

    Args:
        client: a boto3 client.
        parameter: the name of the parameter.
        chain_id: the chain the addresses are for.
        clock: says when they are to be read again.
        log: told why they could not be read, with the parameter's name and never its value.
        metrics: counts the readings that found the parameter in need of an operator.

    """

    def __init__(
        self,
        client: "SSMClient",
        parameter: str,
        chain_id: ChainId,
        *,
        clock: Clock,
        log: Log,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._parameter = parameter
        self._chain_id = chain_id
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._addresses: tuple[RpcAddress, ...] = ()
        self._read_at = Instant(0)
        self._was_refused = False
        self._trouble: FerrymanError | None = None
        """Why the last reading failed; None if it did not."""

    def load(self) -> None:
        """Read the addresses when the process starts.

        Nothing that is wrong with them stops the start, which other chains need too: the chain counts as
        unreachable until they can be read.
        """
        self._read()

    def addresses(self) -> Sequence[RpcAddress]:
        """Give the addresses, read again if they are old or were refused."""
        if self._is_due():
            self._read()
        if not self._addresses:
            cause = f"parameter {self._parameter} was not read yet"
            if isinstance(self._trouble, EndpointsParameterError):
                cause = str(self._trouble)
            raise ChainUnreachableError(self._chain_id, cause)
        return self._addresses

    def refused(self) -> None:
        """Read again before the next use."""
        self._was_refused = True

    def _is_due(self) -> bool:
        age = self._clock.now() - self._read_at
        if not self._addresses:
            is_ours = isinstance(self._trouble, EndpointsParameterError)
            return age >= (_PAUSE_MS if is_ours else _FIRST_PAUSE_MS)
        return age >= (_PAUSE_MS if self._was_refused else _KEPT_MS)

    def _read(self) -> None:
        """Read them anew; if that fails, the addresses of before stay in use."""
        self._read_at, self._was_refused, self._trouble = self._clock.now(), False, None
        try:
            self._addresses = self._parsed(self._value())
        except EndpointsParameterError as error:
            self._trouble = error
            self._log.error("rpc addresses not read", parameter=self._parameter, cause=str(error))
            self._metrics.add(Metric.RPC_PARAMETER_ERRORS, chain_id=self._chain_id)
        except StoreUnavailableError as error:
            self._trouble = error
            self._log.warning("rpc addresses not read", parameter=self._parameter, cause=str(error))

    def _value(self) -> str:
        try:
            answer = self._client.get_parameter(Name=self._parameter, WithDecryption=True)
        except ClientError as error:
            raise self._refusal(error) from error
        except BotoCoreError as error:
            msg = f"SSM did not answer: {type(error).__name__}"
            raise StoreUnavailableError(msg) from error
        return answer["Parameter"]["Value"]

    def _refusal(self, error: ClientError) -> FerrymanError:
        code = error.response["Error"].get("Code", "")
        if code == _NOT_THERE:
            return EndpointsParameterError(self._parameter, "does not exist")
        status = error.response["ResponseMetadata"].get("HTTPStatusCode", 0)
        if status in _OURS_TO_MEND and code not in _THROTTLED:
            return EndpointsParameterError(self._parameter, f"cannot be read: {code}")
        return StoreUnavailableError(f"SSM refused: {code}")

    def _parsed(self, value: str) -> tuple[RpcAddress, ...]:
        try:
            listed = _ADDRESSES.validate_json(value)
        except ValidationError:
            problem = "is not a JSON list of http or https addresses"
            # Without its cause, which holds the value.
            raise EndpointsParameterError(self._parameter, problem) from None
        given = (_Weighted(url=one) if isinstance(one, str) else one for one in listed)
        return tuple(RpcAddress(one.url, number, one.weight) for number, one in enumerate(given, start=1))
