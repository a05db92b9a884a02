"""The deployment a command is about: a CloudFormation stack, or the local one."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 (botocore's own name)
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from ferryman_cli.errors import CommandError, NoAccessError, NoDeploymentError, UnreachableError

_LOCAL_REGION: Final = "us-east-1"
_LOCAL_KEY: Final = "test"
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
    }
)


@dataclass(frozen=True)
class Target:
    """Where a deployment is, and with whose credentials it is asked."""

    session: Any
    """A boto3 session."""
    stack_name: str
    endpoint_url: str | None = None
    """Of an emulator; None on AWS."""
    given: dict[str, str] = field(default_factory=dict)
    """Outputs that are known without asking CloudFormation."""

    def aws(self, service: str) -> Any:  # noqa: ANN401 (boto3 types clients by literals)
        """Give a client of an AWS service."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs.

        Raises:
            NoDeploymentError: there is no such stack here.

        """
        with aws_errors(f"stack {self.stack_name}"):
            try:
                answer = self.aws("cloudformation").describe_stacks(StackName=self.stack_name)
            except ClientError as error:
                if error.response["Error"]["Code"] == "ValidationError":
                    where = f"{self.session.region_name}, account of these credentials"
                    raise NoDeploymentError(f"There is no stack {self.stack_name} in {where}.") from error
                raise
        found = answer["Stacks"][0].get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in found}

    def output(self, name: str) -> str:
        """Give one of the stack's outputs.

        Raises:
            NoDeploymentError: the stack has none of that name, so it is not Ferryman, or an older one.

        """
        value = self.given.get(name) or self.outputs.get(name)
        if value is None:
            raise NoDeploymentError(f"Stack {self.stack_name} has no output {name}: is it a Ferryman?")
        return value


def stack_target(name: str | None, *, profile: str | None, region: str | None) -> Target:
    """Find a deployment on AWS, by the name of its stack.

    Raises:
        NoDeploymentError: no name was given.
        NoAccessError: the profile or the region is not configured.

    """
    import boto3

    if not name:
        raise NoDeploymentError("Which deployment? Give --stack NAME (or FERRYMAN_STACK), or --local.")
    with aws_errors("AWS"):
        # boto3 reads AWS_DEFAULT_REGION only; AWS's own command line takes AWS_REGION before it.
        where = region or os.environ.get("AWS_REGION")
        return Target(boto3.Session(profile_name=profile, region_name=where), name)


def local_target() -> Target:
    """Find the local stack by its description.

    Raises:
        NoDeploymentError: none is running.

    """
    import boto3

    path = Path(os.environ.get("LOCAL_STATE") or ".local") / "stack.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NoDeploymentError(f"No local stack is running (no {path}); `make up` starts one.") from None
    session = boto3.Session(
        aws_access_key_id=_LOCAL_KEY, aws_secret_access_key=_LOCAL_KEY, region_name=_LOCAL_REGION
    )
    given = {"ApiUrl": description["api_url"]}
    return Target(session, description["stack_name"], description["aws_endpoint_url"], given)


@contextmanager
def aws_errors(subject: str) -> Iterator[None]:
    """Turn AWS's errors into one line that says what to do.

    Raises:
        CommandError: of the kind that the error is.

    """
    try:
        yield
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise NoAccessError(
            "No AWS credentials: run `aws configure` or `aws sso login`, or give --profile."
        ) from error
    except (TokenRetrievalError, UnauthorizedSSOTokenError) as error:
        raise NoAccessError("The sign-in has expired: run `aws sso login`.") from error
    except ProfileNotFound as error:
        raise NoAccessError(f"{error}.") from error
    except NoRegionError as error:
        raise NoAccessError("No region: give --region, or set AWS_REGION.") from error
    except (ConnectionError, HTTPClientError) as error:
        raise UnreachableError(f"{subject}: no answer ({type(error).__name__}).") from error
    except ClientError as error:
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code in _DENIED:
            raise NoAccessError(f"{subject}: AWS refuses these credentials ({code}: {text}).") from error
        raise CommandError(f"{subject}: {code}: {text}") from error
    except BotoCoreError as error:
        raise CommandError(f"{subject}: {error}") from error
