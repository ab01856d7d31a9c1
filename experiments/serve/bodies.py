"""Bodies in the three encodings that clients send, read within limits of size and time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qsl

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from experiments.serve.errors import RefusalError
from experiments.serve.settings import Limits

_FIELDS = 200
_NESTED = ("extra_body", "extra_params", "extra_args")
"""Fields that hold further fields, as an object or as its JSON text."""


async def fields_of(request: Request, limits: Limits) -> dict[str, Any]:
    """Return the fields of a body; those of nested objects are lifted up, unless the name is taken.

    Raises
    ------
    RefusalError
        If it is too large, too slow, or not what its type says.
    """
    body = await body_of(request, limits)
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body.lstrip()[:1] == b"{" or kind.endswith("json"):
        fields = _json(body)
    elif kind == "multipart/form-data":
        fields = await _multipart(request, body)
    elif kind in ("application/x-www-form-urlencoded", ""):
        fields = _form(body)
    else:
        raise RefusalError(415, f"content-type is {kind[:60]!r}; JSON or a form is needed", "content-type")
    for name in _NESTED:
        nested = fields.pop(name, None)
        if isinstance(nested, str):
            nested = _json(nested, name) if nested.strip() else None
        if isinstance(nested, dict):
            fields = {**nested, **fields}
    return fields


async def body_of(request: Request, limits: Limits) -> bytes:
    """Return a body.

    Raises
    ------
    RefusalError
        If it is too large, or does not come in time.
    """
    parts, size = [], 0
    try:
        async with asyncio.timeout(limits.body_seconds):
            async for part in request.stream():
                size += len(part)
                if size > limits.body:
                    raise RefusalError(413, f"the body has more than {limits.body} bytes (serve.most_body)")
                parts.append(part)
    except TimeoutError:
        raise RefusalError(
            408, f"the body did not arrive within {limits.body_seconds:g} s", headers={"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise RefusalError(499, "the client went away") from None
    return b"".join(parts)


def _json(body: bytes | str, field: str | None = None) -> dict[str, Any]:
    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is no number in JSON")

    try:
        fields = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        what = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise RefusalError(400, f"{field or 'the body'} is not JSON: {what[:200]}", field) from None
    if not isinstance(fields, dict):
        kind = type(fields).__name__
        raise RefusalError(400, f"{field or 'the body'} is a JSON {kind}; an object is needed", field)
    return fields


def _form(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"))
    except ValueError as error:
        raise RefusalError(400, f"the body is no form: {str(error)[:200]}") from None


async def _multipart(request: Request, body: bytes) -> dict[str, Any]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(request.headers, once(), max_files=4, max_fields=_FIELDS)
        form = await parser.parse()
    except (MultiPartException, ValueError, KeyError, AssertionError) as error:
        raise RefusalError(
            400, f"the body is no multipart form: {str(getattr(error, 'message', error))[:200]}"
        ) from None
    found = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    await form.close()
    return found
