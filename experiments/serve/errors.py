"""What a client is told when something is wrong: the form of OpenAI's errors, with the field that is at fault."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "timeout_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
    499: "cancelled",
    500: "server_error",
    501: "not_implemented_error",
    503: "unavailable_error",
    504: "deadline_error",
}


class RefusalError(Exception):
    """A request that is not served.

    Parameters
    ----------
    status
        Of HTTP.
    message
        What is wrong, with the value, and what would be right.
    field
        The field at fault, if one is.
    code
        A word for programs.
    headers
        To be sent along.
    """

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] = {},
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field
        self.code = code
        self.headers = dict(headers)

    def body(self) -> dict[str, object]:
        """Return the error as clients expect it."""
        kind = _KINDS.get(self.status, "server_error")
        return {"error": {"message": self.message, "type": kind, "param": self.field, "code": self.code}}

    def response(self) -> Response:
        """Return the whole answer."""
        return JSONResponse(self.body(), self.status, self.headers)


async def refused(request: Request, error: Exception) -> Response:
    """Answer a refusal."""
    assert isinstance(error, RefusalError)
    return error.response()


async def unknown(request: Request, error: Exception) -> Response:
    """Answer what no route takes."""
    status = getattr(error, "status_code", 500)
    detail = f"{request.method} {request.url.path[:200]}: {getattr(error, 'detail', 'not found')}"
    return RefusalError(status, detail, headers=getattr(error, "headers", None) or {}).response()


async def broken(request: Request, error: Exception) -> Response:
    """Answer an error of our own without its inside."""
    return RefusalError(500, f"the server failed on this request ({type(error).__name__}); it is in its log").response()
