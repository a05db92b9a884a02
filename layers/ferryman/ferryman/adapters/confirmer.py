"""Starting confirm between two scheduled runs: an asynchronous Lambda invocation."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError
from ferryman.domain.units import ChainId

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class LambdaConfirmer:
    """The Confirmer port."""

    def __init__(self, client: "LambdaClient", function_name: str) -> None:
        self._client = client
        self._function_name = function_name

    def start(self, chain_id: ChainId, *, scheduled: bool = False) -> None:
        """Start a run for a chain."""
        payload = json.dumps({"chain_id": chain_id, **({"scheduled": True} if scheduled else {})})
        try:
            self._client.invoke(
                FunctionName=self._function_name, InvocationType="Event", Payload=payload.encode()
            )
        except (ClientError, BotoCoreError) as error:
            msg = f"confirm could not be started: {code_of(error)}"
            raise StoreUnavailableError(msg) from error
