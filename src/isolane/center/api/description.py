"""This file completes the API's OpenAPI description; it guards that what holds for every path is said of every path.

Gate and guard answer before any route does, so no route declares what they say: it is added here, once. Every error is
a problem (RFC 9457), whatever its route has written of it.
"""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus
from re import Pattern
from typing import Any, Final

from fastapi import FastAPI
from starlette.routing import compile_path

MEDIA_TYPE: Final = "application/problem+json"
SESSION_COOKIE: Final = "isolane-session"
PUBLIC: Final[Mapping[str, Any]] = {"security": []}
"""What a route says of itself if nobody needs to log in for it."""

_ALWAYS: Final = {
    HTTPStatus.UNAUTHORIZED: "Log in first, or this token opens nothing",
    HTTPStatus.FORBIDDEN: "You have no right to this",
    HTTPStatus.TOO_MANY_REQUESTS: "More than your share of requests; Retry-After says when",
    HTTPStatus.SERVICE_UNAVAILABLE: "The center cannot answer now; Retry-After says when",
}
_OF_PARAMETERS: Final = {
    HTTPStatus.NOT_FOUND: "There is no such thing, or it is another tenant's",
    HTTPStatus.UNPROCESSABLE_ENTITY: "A parameter is not as it is described here",
}
_OF_BODIES: Final = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too long",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is not application/json",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The body is not as it is described here",
}
_PROBLEM: Final = {
    "title": "Problem",
    "description": "An error (RFC 9457)",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "For people"},
    },
}
_CONTENT: Final = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_UNUSED: Final = ("HTTPValidationError", "ValidationError")
"""Bodies of errors that the framework describes and this API never sends."""


def describe(app: FastAPI, session_cookie: str = SESSION_COOKIE) -> None:
    """Have an application's description say what its gate, guard and errors do.

    Args:
        app: Its routes may still be added.
        session_cookie: Name of the cookie that a log-in sets.
    """
    plain = app.openapi

    def complete() -> dict[str, Any]:
        if app.openapi_schema is None:
            _complete(plain(), session_cookie)
        return plain()

    app.openapi = complete  # type: ignore[method-assign] # how the framework has it extended


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Give the methods that a path of the API knows, none if there is no such path."""
    for template, methods in app.openapi()["paths"].items():
        if _pattern(template).fullmatch(path):
            return sorted(method.upper() for method in methods)
    return []


@lru_cache(maxsize=512)
def _pattern(template: str) -> Pattern[str]:
    return compile_path(template)[0]


def _complete(description: dict[str, Any], session_cookie: str) -> None:
    parts = description.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for name in _UNUSED:
        schemas.pop(name, None)
    parts["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": session_cookie,
            "description": "Of a person, from POST /api/v1/session",
        },
        "token": {"type": "http", "scheme": "bearer", "description": "Of a program; opens what its scopes say"},
    }
    description["security"] = [{"session": []}, {"token": []}]
    for operations in description["paths"].values():
        for operation in operations.values():
            _add_errors(operation)


def _add_errors(operation: dict[str, Any]) -> None:
    said = dict(_ALWAYS)
    if operation.get("parameters"):
        said |= _OF_PARAMETERS
    if "requestBody" in operation:
        said |= _OF_BODIES
    answers = operation["responses"]
    answers.pop(str(int(HTTPStatus.UNPROCESSABLE_ENTITY)), None)
    for status, text in said.items():
        answers.setdefault(str(int(status)), {"description": text})
    for status, answer in answers.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            answer["content"] = _CONTENT
