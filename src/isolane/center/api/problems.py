"""This file words errors as problem+json (RFC 9457); it guards that no answer shows anything of the inside."""

import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException as AnyHTTPException

from isolane.center.api.description import MEDIA_TYPE, methods_of
from isolane.center.store.people_port import Refusal, RefusedError
from isolane.center.store.port import UnavailableError

_log = logging.getLogger(__name__)

STATUS = {
    Refusal.WRONG: HTTPStatus.UNAUTHORIZED,
    Refusal.TOO_MANY: HTTPStatus.TOO_MANY_REQUESTS,
    Refusal.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Refusal.MISSING: HTTPStatus.NOT_FOUND,
    Refusal.TAKEN: HTTPStatus.CONFLICT,
    Refusal.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
}
"""What each refusal about people is in HTTP."""

_HEADERS = {
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "5"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "60"},
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
}


class Problem(msgspec.Struct, frozen=True):
    """The body of an error."""

    type: str
    title: str
    status: int
    detail: str


def problem(status: int, detail: str) -> Response:
    """Make the answer of an error."""
    body = msgspec.json.encode(Problem("about:blank", HTTPStatus(status).phrase, status, detail))
    headers = dict(_HEADERS.get(HTTPStatus(status), {}))
    return Response(body, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Have an application word all its errors so."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(AnyHTTPException, _raised)
    app.add_exception_handler(OSError, _unreadable)
    app.add_exception_handler(UnavailableError, _unreadable)
    app.add_exception_handler(RefusedError, _refused)


async def _invalid(_request: Request, error: Exception) -> Response:
    sentences = []
    if isinstance(error, RequestValidationError):
        sentences = [f"{'.'.join(map(str, entry['loc'][1:]))}: {entry['msg']}" for entry in error.errors()]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(sentences))


async def _raised(request: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", HTTPStatus.INTERNAL_SERVER_ERROR)
    answer = problem(status, str(getattr(error, "detail", "")))
    answer.headers.update(getattr(error, "headers", None) or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED and (methods := methods_of(request.app, request.scope["path"])):
        answer.headers["Allow"] = ", ".join(methods)  # of all the path's routes, not of the one that was tried first
    return answer


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    return problem(STATUS[error.refusal], error.sentence)


async def _unreadable(request: Request, error: Exception) -> Response:
    _log.error("store-unreadable path=%s error=%s", request.url.path, error)
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store cannot be read now")
