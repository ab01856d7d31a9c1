"""Videos: jobs that are created, asked for and fetched, and the route that waits."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from experiments.serve.bodies import fields_of
from experiments.serve.desk import Order
from experiments.serve.errors import RefusalError
from experiments.serve.house import House, check_made, request_id
from experiments.serve.paging import page_of
from experiments.serve.shelf import Shelf
from experiments.serve.wanted import Wanted, wanted


@dataclass
class Video:
    """A job.

    Parameters
    ----------
    name
        Its id for clients.
    ticket, wanted
        Of its request.
    created
        Unix time.
    completed
        Unix time at which its file was there.
    error
        What failed, if something did.
    task
        What makes it.
    """

    name: str
    ticket: Order
    wanted: Wanted
    created: float
    completed: float | None = None
    error: RefusalError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def gone(self) -> bool:
        """Whether it is done, or failed."""
        return self.completed is not None or self.error is not None


class Videos:
    """The routes of videos.

    Parameters
    ----------
    house
        The server.
    shelf
        Where finished ones are.
    """

    def __init__(self, house: House, shelf: Shelf) -> None:
        self._house = house
        self._shelf = shelf
        self._jobs: dict[str, Video] = {}

    async def create(self, request: Request) -> Response:
        """``POST /v1/videos``."""
        job = await self._begin(request)
        return JSONResponse(self._described(job), headers=self._house.told([job.ticket]))

    async def sync(self, request: Request) -> Response:
        """``POST /v1/videos/sync``: answers with the file."""
        house, received = self._house, self._house.clock()
        fields = await fields_of(request, house.settings.limits)
        what = wanted(fields, request.headers, house.settings)
        tickets = house.hand_in(_one(what), received)
        await house.admitted(tickets)
        await house.results(request, tickets)
        data = await asyncio.to_thread(house.make, tickets[0], "MP4")
        timing = house.timing(tickets[0])
        headers = house.headers(tickets) | {"X-Stage-Durations": json.dumps(timing), "X-Peak-Memory-MB": "0"}
        return Response(data, media_type="video/mp4", headers=headers)

    async def listed(self, request: Request) -> Response:
        """``GET /v1/videos``: a page of them."""
        self._sweep()
        page = page_of(list(self._jobs), request.query_params)
        data = [self._described(self._jobs[name]) for name in page.names]
        first, last = (page.names[0], page.names[-1]) if page.names else (None, None)
        return JSONResponse({"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": page.more})

    async def get(self, request: Request) -> Response:
        """``GET /v1/videos/{id}``."""
        return JSONResponse(self._described(self._job(request)))

    async def content(self, request: Request) -> Response:
        """``GET /v1/videos/{id}/content``."""
        job = self._job(request)
        if job.error is not None:
            raise job.error
        file = self._shelf.get(job.name)
        if file is None:
            said = "is gone: it was kept for a while" if job.completed else "is not finished"
            raise RefusalError(404, f"video {job.name} {said}", "id", "not_ready")
        return Response(file.data, media_type=file.kind, headers=self._house.headers([job.ticket]))

    async def delete(self, request: Request) -> Response:
        """``DELETE /v1/videos/{id}``: one that is not finished is cancelled."""
        job = self._job(request)
        self._house.desk.take_back(job.ticket)
        self._shelf.remove(job.name)
        del self._jobs[job.name]
        return JSONResponse({"id": job.name, "deleted": True, "object": "video.deleted"})

    async def _begin(self, request: Request) -> Video:
        house, received = self._house, self._house.clock()
        self._sweep()
        fields = await fields_of(request, house.settings.limits)
        what = _one(wanted(fields, request.headers, house.settings))
        (ticket,) = house.hand_in(what, received)
        await house.admitted([ticket])
        job = Video(f"video_{request_id(ticket)}", ticket, what, time.time())
        self._jobs[job.name] = job
        job.task = asyncio.create_task(self._make(job))
        return job

    async def _make(self, job: Video) -> None:
        try:
            check_made(await job.ticket.result)
            data = await asyncio.to_thread(self._house.make, job.ticket, "MP4")
        except RefusalError as refusal:
            job.error = refusal
            return
        except Exception as error:
            job.error = RefusalError(500, f"the file could not be made ({type(error).__name__}: {error})")
            return
        if job.name in self._jobs:
            self._shelf.put(data, job.name, "video/mp4")
        job.completed = time.time()

    def _job(self, request: Request) -> Video:
        name = request.path_params["id"]
        job = self._jobs.get(name)
        if job is None:
            raise RefusalError(404, f"there is no video {name[:60]!r}", "id", "not_found")
        return job

    def _sweep(self) -> None:
        """Forget jobs that are done and can no longer be fetched."""
        oldest = time.time() - self._house.settings.limits.keep_videos
        for job in list(self._jobs.values()):
            if job.gone and job.created < oldest and self._shelf.get(job.name) is None:
                del self._jobs[job.name]

    def _described(self, job: Video) -> dict[str, Any]:
        ticket, what = job.ticket, job.wanted
        done = ticket.steps_done
        status = (
            "failed"
            if job.error is not None
            else "completed"
            if job.completed is not None
            else "in_progress"
            if done
            else "queued"
        )
        found = {
            "id": job.name,
            "object": "video",
            "model": self._house.settings.model,
            "status": status,
            "progress": 100 if status == "completed" else min(99, 100 * done // ticket.request.steps),
            "created_at": int(job.created),
            "completed_at": None if job.completed is None else int(job.completed),
            "completed_at_s": job.completed,
            "expires_at": None
            if job.completed is None
            else int(job.completed + self._house.settings.limits.keep_videos),
            "size": f"{what.shape.width}x{what.shape.height}",
            "seconds": str(max(1, round(what.shape.frames / what.fps))),
            "prompt": what.prompt,
            "error": None if job.error is None else {"code": job.error.code or "failed", "message": job.error.message},
        }
        if job.completed is not None:
            timing = self._house.timing(ticket)
            found |= {
                "inference_time_s": timing["generation"],
                "peak_memory_mb": 0.0,
                "stage_durations": timing,
                "deadline_met": ticket.result.result().fate == "on_time",
            }
        return found


def _one(what: Wanted) -> Wanted:
    if what.shape.frames == 1:
        raise RefusalError(400, "this server makes images; they are at /v1/images/generations", "model")
    if what.count != 1:
        raise RefusalError(400, f"n is {what.count}; videos are made one at a time", "n")
    return what
