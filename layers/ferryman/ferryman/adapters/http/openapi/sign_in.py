"""Signing in, in the OpenAPI document."""

from typing import Final

from pydantic import BaseModel, Field

from ferryman.adapters.http.openapi.examples import ADDRESS, WHEN
from ferryman.adapters.http.openapi.operations import (
    BY_ANY,
    AnswerModel,
    Json,
    answer,
    body_of,
    operation,
    problems,
)
from ferryman.intents.sign_in import ChallengeRequest, SignInRequest


class SignInChallenge(AnswerModel):
    """A message to sign: it is good once, for five minutes, and for this account."""

    message: str = Field(
        examples=["app.example.com wants you to sign in with your Ethereum account:\n…"],
        description="Sign it as it is (EIP-191, `personal_sign`).",
    )
    domain: str = Field(examples=["app.example.com"])
    uri: str = Field(examples=["https://app.example.com"])
    address: str = Field(examples=[ADDRESS])
    chain_id: int = Field(examples=[31337])
    nonce: str = Field(examples=["8yZ0mF2kQe7RtW1xVb4NcA"])
    issued_at: str = Field(examples=[WHEN])
    expires_at: str = Field(examples=[WHEN])


class SignedIn(AnswerModel):
    """A token: whoever sends it is the account."""

    token: str = Field(examples=["mK3…"], description="Send it as `Authorization: Bearer <token>`.")
    address: str = Field(examples=[ADDRESS])
    expires_at: str = Field(examples=[WHEN])


class SignedOut(AnswerModel):
    """The end of a token."""

    address: str = Field(examples=[ADDRESS])
    status: str = Field(examples=["signed_out"])


class SocketTicket(AnswerModel):
    """The right to open one WebSocket connection as the caller."""

    ticket: str = Field(examples=["mK3…"], description="Connect to `<WebSocket URL>?ticket=<ticket>`.")
    expires_at: str = Field(examples=[WHEN], description="Half a minute from now.")


SIGN_IN_MODELS: Final = (SignInChallenge, SignedIn, SignedOut, SocketTicket)
SIGN_IN_REQUESTS: Final[tuple[type[BaseModel], ...]] = (ChallengeRequest, SignInRequest)


def sign_in_paths() -> Json:
    """Write the routes."""
    return {
        "/sign-in/challenge": _ask(
            "challenge", "Get a message to sign in with (EIP-4361)", ChallengeRequest, SignInChallenge
        ),
        "/sign-in": _ask("sign_in", "Sign in: get a token for a signed message", SignInRequest, SignedIn),
        "/sign-out": _known("sign_out", "End the token that is sent", SignedOut),
        "/socket-tickets": _known("socket_ticket", "Get a ticket for one WebSocket connection", SocketTicket),
    }


def _ask(name: str, summary: str, request: type[BaseModel], model: type[BaseModel]) -> Json:
    responses = {"200": answer(model, summary), **problems(400, 401, 413, 415, 422, 429, 503)}
    return {"post": operation(name, summary, responses, body=body_of(request))}


def _known(name: str, summary: str, model: type[BaseModel]) -> Json:
    """Write a post without a body, by a caller who proves who it is."""
    responses = {"200": answer(model, summary), **problems(401, 403, 429, 503)}
    return {"post": operation(name, summary, responses, security=BY_ANY)}
