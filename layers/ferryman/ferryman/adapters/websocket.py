"""Messages to WebSocket connections, through API Gateway's management endpoint."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from ferryman.adapters.aws_errors import code_of
from ferryman.domain.errors import StoreUnavailableError, SubscriberGoneError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient


class WebSocketPush:
    """The Push port."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def post(self, connection_id: str, message: str) -> None:
        """Send a text message; a connection that is gone is told apart from one that is busy."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except self._client.exceptions.GoneException as error:
            raise SubscriberGoneError(connection_id) from error
        except (ClientError, BotoCoreError) as error:
            msg = f"the connection took no message: {code_of(error)}"
            raise StoreUnavailableError(msg) from error
