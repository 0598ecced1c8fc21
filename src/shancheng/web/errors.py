"""The one table from error to HTTP status, and the one shape in which every error leaves the server.

Errors themselves know nothing of HTTP. What is not in the table is a fault of ours: it answers 500 with no
detail, and the log holds the rest.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shancheng.errors import (
    CityLockedError,
    DiskFullError,
    IdError,
    InputError,
    NotFoundError,
    ShanchengError,
    TilesError,
)
from shancheng.web.asgi import Headers, Send, send_whole

__all__ = ["OUR_FAULT", "STATUS_OF", "error_body", "install_handlers", "send_error", "status_of"]

logger = logging.getLogger("shancheng.web")

STATUS_OF: Final[Mapping[type[ShanchengError], HTTPStatus]] = {
    NotFoundError: HTTPStatus.NOT_FOUND,
    IdError: HTTPStatus.NOT_FOUND,  # what is no id names nothing; the message tells the form
    InputError: HTTPStatus.BAD_REQUEST,
    CityLockedError: HTTPStatus.CONFLICT,
    DiskFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    TilesError: HTTPStatus.SERVICE_UNAVAILABLE,
    ShanchengError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
# Written out: the phrases in Python's HTTPStatus changed between 3.12 and 3.13, and a code must not.
CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "content_too_large",
    414: "uri_too_long",
    421: "misdirected_request",
    422: "unprocessable_content",
    500: "internal_server_error",
    503: "service_unavailable",
    507: "insufficient_storage",
}
OUR_FAULT: Final = "something went wrong here; the server's log says more"


def status_of(error: ShanchengError) -> HTTPStatus:
    """The status of the nearest class in the table, walking up the error's tree."""
    for cls in type(error).__mro__:
        if cls in STATUS_OF:
            return STATUS_OF[cls]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def error_body(status: int, message: str) -> bytes:
    """``{"error": {"code", "message"}}``; the code is the status in words: ``not_found``."""
    return orjson.dumps({"error": {"code": CODES.get(status, f"http_{status}"), "message": message}})


async def send_error(send: Send, status: int, message: str, headers: Headers | None = None) -> None:
    """Answer a bare ASGI request with an error."""
    named = [(b"content-type", b"application/json"), (b"cache-control", b"no-store"), *(headers or [])]
    await send_whole(send, status, named, error_body(status, message))


def install_handlers(app: FastAPI) -> None:
    """Give every error that a route can raise the one shape."""
    app.add_exception_handler(ShanchengError, _on_ours)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)


def _response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        error_body(status, message),
        status_code=status,
        media_type="application/json",
        headers={"cache-control": "no-store", **(headers or {})},
    )


async def _on_ours(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ShanchengError)
    status = status_of(error)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.error("%s: %s", type(error).__name__, error, exc_info=error)
        return _response(status, OUR_FAULT)
    return _response(status, str(error))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        message = f"{request.url.path}: nothing is here"
    return _response(error.status_code, message, error.headers)


async def _on_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [
        f"{'.'.join(str(part) for part in problem['loc'][1:])}: {problem['msg']}"
        for problem in error.errors()
    ]
    return _response(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(places))
