"""Images: ``/v1/images/generations``, and chat completions whose answer is one."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from experiments.serve.bodies import fields_of
from experiments.serve.desk import Order
from experiments.serve.errors import RefusalError
from experiments.serve.house import House, check_made, request_id
from experiments.serve.shelf import Shelf
from experiments.serve.wanted import Wanted, wanted


class Images:
    """The routes of images.

    Parameters
    ----------
    house
        The server.
    shelf
        Where images are that are fetched by address.
    """

    def __init__(self, house: House, shelf: Shelf) -> None:
        self._house = house
        self._shelf = shelf

    async def generate(self, request: Request) -> Response:
        """``POST /v1/images/generations``."""
        house, received = self._house, self._house.clock()
        fields = await fields_of(request, house.settings.limits)
        what = wanted(fields, request.headers, house.settings)
        _need_images(what)
        tickets = house.hand_in(what, received)
        await house.admitted(tickets)
        if what.stream:
            return StreamingResponse(self._events(tickets, what), media_type="text/event-stream")
        await house.results(request, tickets)
        data = []
        for ticket in tickets:
            made = await asyncio.to_thread(house.make, ticket, what.kind.upper())
            if what.url:
                name = self._shelf.put(made, f"{request_id(ticket)}.{what.kind}", f"image/{what.kind}")
                data.append({"url": f"{str(request.base_url).rstrip('/')}/v1/files/{name}", "b64_json": None})
            else:
                data.append({"b64_json": base64.b64encode(made).decode(), "url": None})
            data[-1]["revised_prompt"] = None
        timing = house.timing(tickets[-1])
        body = {
            "id": request_id(tickets[0]),
            "created": int(time.time()),
            "data": data,
            "size": _size(what),
            "output_format": what.kind,
            "usage": _usage(tickets),
            "inference_time_s": timing["generation"],
            "peak_memory_mb": 0.0,
            "metrics": {"stage_durations": timing, "peak_memory_mb": 0.0},
        }
        return JSONResponse(body, headers=house.headers(tickets))

    async def chat(self, request: Request) -> Response:
        """``POST /v1/chat/completions``: the last thing that the user said is the prompt."""
        house, received = self._house, self._house.clock()
        fields = await fields_of(request, house.settings.limits)
        if fields.get("stream"):
            raise RefusalError(400, "stream is true; an image comes in one piece: use stream=false", "stream")
        fields["prompt"] = _last_words(fields.pop("messages", None))
        fields.pop("n", None)
        what = wanted(fields, request.headers, house.settings)
        _need_images(what)
        tickets = house.hand_in(what, received)
        await house.admitted(tickets)
        await house.results(request, tickets)
        made = await asyncio.to_thread(house.make, tickets[0], "PNG")
        timing = house.timing(tickets[0])
        content = {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{base64.b64encode(made).decode()}"},
            "stage_durations": timing,
            "peak_memory_mb": 0.0,
        }
        body = {
            "id": request_id(tickets[0]),
            "object": "chat.completion",
            "created": int(time.time()),
            "model": house.settings.model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": [content]}, "finish_reason": "stop"}],
            "usage": _usage(tickets),
        }
        return JSONResponse(body, headers=house.headers(tickets))

    async def _events(self, tickets: list[Order], what: Wanted) -> AsyncIterator[bytes]:
        """Tell of each image when it is there; a client that goes away cancels those that are not."""
        house = self._house
        try:
            for ticket in tickets:
                try:
                    check_made(await ticket.result)
                except RefusalError as refusal:
                    yield _event("error", refusal.body())
                    return
                made = await asyncio.to_thread(house.make, ticket, what.kind.upper())
                headers = house.headers([ticket])
                yield _event(
                    "image_generation.completed",
                    {
                        "type": "image_generation.completed",
                        "b64_json": base64.b64encode(made).decode(),
                        "created_at": int(time.time()),
                        "size": _size(what),
                        "quality": "auto",
                        "background": "opaque",
                        "output_format": what.kind,
                        "usage": _usage([ticket]),
                        "id": request_id(ticket),
                        "deadline_met": headers["X-Deadline-Met"] == "1",
                        "stage_durations": house.timing(ticket),
                    },
                )
        finally:
            house.take_back(tickets)


def _need_images(what: Wanted) -> None:
    if what.shape.frames > 1:
        raise RefusalError(400, "this server makes videos; they are at /v1/videos", "model")


def _last_words(messages: object) -> object:
    """Return the text of the last message of a user, whose content is a text or parts of which some are texts."""
    if not isinstance(messages, list):
        raise RefusalError(400, "messages is missing, or no list of messages", "messages")
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role", "user") == "user":
            content = message.get("content")
            if isinstance(content, list):
                texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
                return " ".join(text for text in texts if isinstance(text, str))
            return content
    raise RefusalError(400, "messages has none of role user", "messages")


def _size(what: Wanted) -> str:
    return f"{what.shape.width}x{what.shape.height}"


def _usage(tickets: list[Order]) -> dict[str, Any]:
    """Return tokens as clients want them: none are counted."""
    details = {"text_tokens": 0, "image_tokens": 0}
    return {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "input_tokens_details": details}


def _event(name: str, data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()
