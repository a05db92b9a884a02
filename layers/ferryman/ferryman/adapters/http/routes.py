"""From a request to the route it asks for, and to an answer whatever comes of it."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from ferryman.adapters.http.answers import problem
from ferryman.domain.errors import FerrymanError, NotFoundError, RequestError

Event = dict[str, Any]
Answer = dict[str, Any]
"""As `answers` shapes it."""
Route = Callable[[Event], Answer]
"""Gives the answer to a request; it raises what it refuses, or cannot do."""


class Routes:
    """The routes of one function.

    Args:
        routes: by method and path, as the template has them: `GET /transactions/{transaction_id}`.
        logger: gets one line for each request.

    """

    def __init__(self, routes: Mapping[str, Route], logger: Logger) -> None:
        self._routes = routes
        self._logger = logger

    def has(self, event: Event) -> bool:
        """Whether a request is for one of these."""
        return _name(event) in self._routes

    def answer(self, event: Event, **about: object) -> Answer:
        """Answer one request; what it carried, and what it was given, is never logged.

        Args:
            event: the request, as API Gateway hands it over.
            about: what else its log line says.

        """
        name = _name(event)
        refused: dict[str, object] = {}
        try:
            shaped = self._route(name)(event)
        except RequestError as error:
            refused = {"code": error.code, "fields": [one.field for one in error.problems]}
            shaped = problem(error)
        except FerrymanError as error:
            self._logger.exception("not answered")
            shaped = problem(error)
        self._logger.info(
            "answered", extra={"route": name, "status": shaped["statusCode"], **refused, **about}
        )
        return shaped

    def _route(self, name: str) -> Route:
        if name not in self._routes:
            raise NotFoundError("There is no such route.")
        return self._routes[name]


def _name(event: Event) -> str:
    return f"{event['httpMethod']} {event['resource']}"
