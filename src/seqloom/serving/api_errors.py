"""Errors of the API: every answer that is not a success has OpenAI's body."""

from http import HTTPStatus

from pydantic import BaseModel

from seqloom.errors import SeqloomError, UserError

__all__ = ["CLIENT_LEFT", "ApiError", "ErrorBody", "api_error_of"]


CLIENT_LEFT = 499
"""Status of a request whose client has closed the connection; only counters show it."""


_OTHER_ADVICE = {
    "leave them out with `skip_unknown`": "leave them out",
    ", or allow others with `extrapolate`": "",
}
"""Advice about settings that the API does not have, and what it becomes."""


class ErrorDetails(BaseModel):
    """What went wrong.

    Attributes:
        message: one or more sentences for a person.
        type: kind of error.
        param: field of the request that is wrong; None if it is no single field.
        code: name of the error for programs; None for most.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """Body of an answer that is not a success."""

    error: ErrorDetails


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: HTTP status.
        message: what was received, what is allowed and what to try.
        param: field of the request that is wrong.
        code: name of the error for programs.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        message = message.encode("utf-8", "backslashreplace").decode()  # lone surrogates cannot be sent
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body = ErrorBody(error=ErrorDetails(message=message, type=_type_of(status), param=param, code=code))


def _type_of(status: int) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return "authentication_error"
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        return "overloaded_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def api_error_of(error: Exception) -> ApiError:
    """Return the error of the API for any other error; that of a fault in seqloom does not show its message."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, UserError):
        message = str(error)
        for advice, replacement in _OTHER_ADVICE.items():
            message = message.replace(advice, replacement)
        return ApiError(HTTPStatus.BAD_REQUEST, message)
    if isinstance(error, SeqloomError):
        return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "the server has failed; its log says why")
