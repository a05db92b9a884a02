"""The error tree: every error says whether waiting helps, and every refusal has an HTTP status."""

import inspect
import pkgutil
from http import HTTPStatus
from importlib import import_module

import pytest

import ferryman
from ferryman.adapters.http.answers import STATUS_OF
from ferryman.domain.errors import FerrymanError, RequestError, StoreUnavailableError
from ferryman.services.socket import UnknownActionError

OVER_WEBSOCKET_ONLY = {UnknownActionError}
"""Refusals that no REST route gives, so that HTTP has no word for them."""


def every_error() -> set[type[FerrymanError]]:
    """Import the whole package, and give every class of the tree."""
    for module in pkgutil.walk_packages(ferryman.__path__, "ferryman."):
        import_module(module.name)
    found, waiting = set[type[FerrymanError]](), [FerrymanError]
    while waiting:
        error = waiting.pop()
        found.add(error)
        waiting += error.__subclasses__()
    return found


ERRORS = sorted(every_error(), key=lambda error: error.__name__)
REFUSALS = [error for error in ERRORS if issubclass(error, RequestError) and error is not RequestError]


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_says_whether_it_passes(error: type[FerrymanError]) -> None:
    """`is_transient` alone decides between waiting and giving up."""
    assert type(error.is_transient) is bool


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_says_in_its_name_and_docstring_what_went_wrong(error: type[FerrymanError]) -> None:
    """Named errors, each with a sentence of its own."""
    assert error.__name__.endswith("Error")
    assert error.__doc__ != inspect.getmro(error)[1].__doc__
    assert inspect.getdoc(error)


@pytest.mark.parametrize("error", [error for error in REFUSALS if error not in OVER_WEBSOCKET_ONLY])
def test_every_refusal_has_its_own_http_status(error: type[RequestError]) -> None:
    """Without one it would be told as our own mistake."""
    assert error in STATUS_OF


@pytest.mark.parametrize("error", REFUSALS)
def test_a_transient_refusal_says_try_again_and_the_others_say_do_not(error: type[RequestError]) -> None:
    """503 and 429 ask a client to come back; other 4xx must not."""
    status = STATUS_OF.get(error, HTTPStatus.BAD_REQUEST)

    assert error.is_transient or status != HTTPStatus.TOO_MANY_REQUESTS
    assert not error.is_transient or status in {
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.TOO_MANY_REQUESTS,
    }


def test_codes_are_words_for_machines_and_each_means_one_thing() -> None:
    """Clients branch on the code, so no two refusals share one."""
    codes = [error.code for error in REFUSALS]

    assert all(code.isidentifier() and code == code.lower() for code in codes)
    assert len(set(codes)) == len(codes)


def test_what_could_not_be_stored_is_to_be_sent_again() -> None:
    """The issue: 503 when it cannot store."""
    assert STATUS_OF[StoreUnavailableError] == HTTPStatus.SERVICE_UNAVAILABLE
    assert StoreUnavailableError.is_transient
