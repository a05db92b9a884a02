"""Requests to the operators' routes, signed with the operator's own credentials (SigV4)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import NoCredentialsError
from botocore.httpsession import URLLib3Session

from ferryman_cli.errors import NoAccessError, RefusedError, UnreachableError
from ferryman_cli.target import Target, aws_errors

_TIMEOUT_SECONDS: Final = 30
_FORBIDDEN: Final = 403
_FIRST_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500


@dataclass(frozen=True)
class AdminClient:
    """One deployment's operators' routes."""

    target: Target

    def get(self, path: str, **parameters: str | int | None) -> dict[str, Any]:
        """Ask for something.

        Raises:
            RefusedError, NoAccessError, UnreachableError, NoDeploymentError: no answer of the wanted form.

        """
        given = {name: value for name, value in parameters.items() if value is not None}
        return self._asked("GET", f"{path}?{urlencode(given)}" if given else path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Have something done.

        Raises:
            RefusedError, NoAccessError, UnreachableError, NoDeploymentError: as `get`.

        """
        return self._asked("POST", path, json.dumps(body))

    def delete(self, path: str) -> dict[str, Any]:
        """Have something ended.

        Raises:
            RefusedError, NoAccessError, UnreachableError, NoDeploymentError: as `get`.

        """
        return self._asked("DELETE", path, None)

    def _asked(self, method: str, path: str, body: str | None) -> dict[str, Any]:
        request = AWSRequest(method, self.target.output("ApiUrl") + path, data=body)
        request.headers["Accept"] = "application/json"
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        with aws_errors(f"{method} {path}"):
            credentials = self.target.session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            region = self.target.session.region_name
            SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(request)
            answer = URLLib3Session(timeout=_TIMEOUT_SECONDS).send(request.prepare())
        return _read(method, path, answer.status_code, answer.text)


def _read(method: str, path: str, status: int, text: str) -> dict[str, Any]:
    """Read an answer; what is none of Ferryman's is API Gateway's."""
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    if status < _FIRST_ERROR:
        return body
    if "detail" in body:
        problems = [(str(one["field"]), str(one["reason"])) for one in body.get("errors", ())]
        raise RefusedError(status, str(body.get("code", "")), str(body["detail"]), problems)
    said = body.get("title") or body.get("message") or body.get("Message") or text[:200]
    if status == _FORBIDDEN:
        raise NoAccessError(
            f"{method} {path} is not open to these credentials (execute-api:Invoke is needed): {said}"
        )
    if status >= _FIRST_SERVER_ERROR:
        raise UnreachableError(f"{method} {path}: {status} {said}")
    raise RefusedError(status, str(body.get("code", "")), str(said), [])
