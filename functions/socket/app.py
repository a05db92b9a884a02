"""WebSocket API: subscribe, unsubscribe, ping; and what is left when a client goes."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ferryman.adapters.http.callers import caller_of
from ferryman.bootstrap.socket import serve_sockets
from ferryman.bootstrap.telemetry import Telemetry

telemetry = Telemetry()
logger = telemetry.logger
socket = serve_sockets(telemetry)


@telemetry.observed
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Serve one route; answers to messages are posted, since nothing may be posted in $connect."""
    request = event["requestContext"]
    connection_id, kind = request["connectionId"], request["eventType"]
    match kind:
        case "CONNECT":
            socket.connected(connection_id, caller_of(event))
        case "MESSAGE":
            socket.message(connection_id, event.get("body") or "")
        case "DISCONNECT":
            socket.disconnected(connection_id)
    logger.info("served", extra={"event_type": kind, "connection_id": connection_id})
    return {"statusCode": 200}
