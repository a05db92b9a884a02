"""API keys, made through the operators' routes: signed with AWS credentials, as on AWS."""

import json

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from local.errors import LocalStackError

_TIMEOUT_SECONDS = 60.0


def create_key(session: boto3.Session, api_url: str, *, name: str, role: str) -> str:
    """Make an API key and return it.

    Raises:
        LocalStackError: it was refused.

    """
    answer = ask_as_operator(session, "POST", f"{api_url}/admin/keys", {"name": name, "role": role})
    if answer.is_error:
        raise LocalStackError(f"POST /admin/keys: {answer.status_code} {answer.text}")
    return str(answer.json()["key"])


def ask_as_operator(session: boto3.Session, method: str, url: str, body: object = None) -> httpx.Response:
    """Send a request signed with a session's credentials.

    Raises:
        LocalStackError: the session has none.

    """
    credentials = session.get_credentials()
    if credentials is None:
        raise LocalStackError(f"there are no AWS credentials to sign {method} {url} with")
    content = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, url, {"Content-Type": "application/json"}, content)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", session.region_name).add_auth(request)
    return httpx.request(
        method, url, content=content, headers=dict(request.headers), timeout=_TIMEOUT_SECONDS
    )
