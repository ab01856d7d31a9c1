"""All routes of a server, and what stands in front of them."""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from experiments.serve.errors import RefusalError, broken, refused, unknown
from experiments.serve.feed import Feed
from experiments.serve.gauges import Gauges
from experiments.serve.house import House
from experiments.serve.images import Images
from experiments.serve.shelf import Shelf
from experiments.serve.videos import Videos

_PAGE = dict.fromkeys(("page.js", "wire.js", "timeline.js"), "text/javascript") | {"page.css": "text/css"}
_OPEN = ("/", "/health", "/health_generate", "/liveness", *(f"/page/{name}" for name in _PAGE))
"""Paths that need no key."""
_OUT_OF_SCOPE = ("/v1/images/edits", "/v1/images/variations", "/v1/completions", "/v1/embeddings", "/v1/responses")

Handler = Callable[[Request], Awaitable[Response]]


def make_app(house: House, gauges: Gauges, feed: Feed) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    house
        The server.
    gauges, feed
        What ``/metrics`` and the page show.
    """
    shelf = Shelf(house.settings.limits.keep_videos)
    images, videos = Images(house, shelf), Videos(house, shelf)
    info = _Info(house, gauges, shelf)
    routes = [
        Route("/", info.page),
        Route("/page/{name}", info.asset),
        Route("/events", feed.events),
        Route("/metrics", info.metrics),
        Route("/health", info.health),
        Route("/health_generate", info.health),
        Route("/liveness", info.alive),
        Route("/server_info", info.server),
        Route("/v1/models", info.models),
        Route("/v1/models/{id:path}", info.model),
        Route("/v1/model_info", info.model_info),
        Route("/model_info", info.model_info),
        Route("/v1/files/{name}", info.file),
        Route("/v1/images/generations", images.generate, methods=["POST"]),
        Route("/v1/chat/completions", images.chat, methods=["POST"]),
        Route("/v1/videos", videos.create, methods=["POST"]),
        Route("/v1/videos", videos.listed, methods=["GET"]),
        Route("/v1/videos/sync", videos.sync, methods=["POST"]),
        Route("/v1/videos/{id}", videos.get, methods=["GET"]),
        Route("/v1/videos/{id}", videos.delete, methods=["DELETE"]),
        Route("/v1/videos/{id}/content", videos.content, methods=["GET"]),
        *(Route(path, partial(_not_made, path), methods=["POST"]) for path in _OUT_OF_SCOPE),
    ]
    app = Starlette(
        routes=routes, exception_handlers={RefusalError: refused, HTTPException: unknown, Exception: broken}
    )
    return _Key(app, house.settings.api_key)


async def _not_made(path: str, request: Request) -> Response:
    raise RefusalError(501, f"{path} is not served here; images are made from texts at /v1/images/generations")


class _Key:
    """Asks for the key, where there is one."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self._key and scope["path"] not in _OPEN:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, b"Bearer " + self._key):
                wrong = RefusalError(
                    401, "a key is needed: Authorization: Bearer KEY", headers={"WWW-Authenticate": "Bearer"}
                )
                await wrong.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Info:
    """What the server says of itself."""

    def __init__(self, house: House, gauges: Gauges, shelf: Shelf) -> None:
        self._house = house
        self._gauges = gauges
        self._shelf = shelf
        self._began = int(time.time())

    async def health(self, request: Request) -> Response:
        """``GET /health``: whether requests are taken."""
        desk = self._house.desk
        if desk.broken or not desk.open:
            return JSONResponse({"status": desk.broken or "stopping"}, 503)
        return JSONResponse({"status": "ok"})

    async def alive(self, request: Request) -> Response:
        """``GET /liveness``."""
        return JSONResponse({"status": "alive"})

    async def metrics(self, request: Request) -> Response:
        """``GET /metrics``."""
        return Response(self._gauges.text(), media_type="text/plain; version=0.0.4")

    async def models(self, request: Request) -> Response:
        """``GET /v1/models``."""
        return JSONResponse({"object": "list", "data": [self._card()]})

    async def model(self, request: Request) -> Response:
        """``GET /v1/models/{id}``."""
        name = request.path_params["id"]
        if name != self._house.settings.model:
            raise RefusalError(404, f"there is no model {name[:80]!r}; {self._house.settings.model} is served", "model")
        return JSONResponse(self._card())

    async def model_info(self, request: Request) -> Response:
        """``GET /v1/model_info``."""
        return JSONResponse({"model_path": self._house.settings.model, **self._task()})

    async def server(self, request: Request) -> Response:
        """``GET /server_info``."""
        settings = self._house.settings
        return JSONResponse(
            self._house.about
            | {
                "model": settings.model,
                "admission": settings.admission,
                "sizes": [f"{s.width}x{s.height}" + (f"x{s.frames}" if s.frames > 1 else "") for s in settings.shapes],
                "tiers": {name: {"weight": t.weight, "deadline": t.deadline} for name, t in settings.tiers.items()},
                "in_system": len(self._house.desk.live),
                "now": self._house.clock(),
            }
        )

    async def file(self, request: Request) -> Response:
        """``GET /v1/files/{name}``."""
        name = request.path_params["name"]
        file = self._shelf.get(name)
        if file is None:
            raise RefusalError(404, f"there is no file {name[:80]!r}; files are kept for a while", "id")
        return Response(file.data, media_type=file.kind)

    async def page(self, request: Request) -> Response:
        """``GET /``."""
        return Response(_asset("index.html"), media_type="text/html")

    async def asset(self, request: Request) -> Response:
        """``GET /page/{name}``."""
        name = request.path_params["name"]
        if name not in _PAGE:
            raise RefusalError(404, f"there is no {name[:80]!r} here")
        return Response(_asset(name), media_type=_PAGE[name])

    def _card(self) -> dict[str, Any]:
        return {
            "id": self._house.settings.model,
            "object": "model",
            "created": self._began,
            "owned_by": "tetriplan",
            "root": self._house.settings.model,
            **self._task(),
        }

    def _task(self) -> dict[str, Any]:
        video = self._house.settings.default_shape.frames > 1
        return {"task_type": "T2V" if video else "T2I", "num_gpus": self._house.about.get("gpus", 1)}


def _asset(name: str) -> bytes:
    return (files("experiments.serve") / "page" / name).read_bytes()
