"""A run in the Trace Event Format, for ui.perfetto.dev and chrome://tracing: the Tetris picture to zoom into.

There is one track per GPU, with the images that it makes, and one per worker for texts and images. Times are microseconds,
as the format wants them.
chrome://tracing takes the colour of an event from ``cname``; Perfetto ignores it and hashes the name without its digits,
so a name ends in letters that stand for the request.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from executor.records import Records
from experiments.results.colours import colour_slots
from experiments.results.usage import duration, missed
from planner.cluster import Cluster

TraceEvent = dict[str, Any]

GPUS, REQUESTS, PLANNER, STAGES = 1, 2, 3, 4
"""Process ids: the tracks of each are shown together."""
ARRIVALS, MISSED, DROPPED, DECISIONS = 1, 2, 3, 1
"""Thread ids within requests, and within the planner."""
CNAMES = (
    "rail_response", "rail_load", "rail_idle", "thread_state_iowait", "thread_state_runnable", "olive",
    "cq_build_passed", "generic_work", "thread_state_unknown", "cq_build_running",
)  # fmt: skip
"""Colour names that chrome://tracing knows, without its reds."""


def write_trace(records: Records, cluster: Cluster, path: str | Path) -> None:
    """Write the trace, event by event, and compressed if the path ends in ``.gz``."""
    path = Path(path)
    with path.open("wb") as file:
        if path.suffix != ".gz":
            _stream(trace_events(records, cluster), file.write)
            return
        with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as compressed:
            _stream(trace_events(records, cluster), compressed.write)


def trace_events(records: Records, cluster: Cluster) -> Iterator[TraceEvent]:
    """Yield the events: names of tracks, then GPUs, stages, requests, decisions and counters."""
    yield from _tracks(cluster, records)
    yield from _gpu_events(records)
    yield from _image_events(records)
    yield from _stage_events(records)
    yield from _request_events(records)
    yield from _decision_events(records)
    yield from _live_jobs(records)


def _stream(events: Iterable[TraceEvent], write: Callable[[bytes], object]) -> None:
    write(b'{"displayTimeUnit":"ms","traceEvents":[')
    before = "\n"
    for event in events:
        write((before + json.dumps(event, separators=(",", ":"), allow_nan=False)).encode())
        before = ",\n"
    write(b"\n]}\n")


def _tracks(cluster: Cluster, records: Records) -> Iterator[TraceEvent]:
    workers = sorted({staged.worker for staged in records.staged if staged.gpu < 0})
    processes = {
        GPUS: (f"GPUs ({cluster.name})", {gpu + 1: f"GPU {gpu}" for gpu in range(cluster.gpus)}),
        REQUESTS: ("requests", {ARRIVALS: "arrivals", MISSED: "deadlines missed", DROPPED: "dropped"}),
        PLANNER: ("planner", {DECISIONS: "decisions"}),
    }
    if workers:
        processes[STAGES] = ("text and image", {worker + 1: f"worker {worker}" for worker in workers})
    for pid, (name, threads) in processes.items():
        yield {"ph": "M", "name": "process_name", "pid": pid, "args": {"name": name}}
        yield {"ph": "M", "name": "process_sort_index", "pid": pid, "args": {"sort_index": pid}}
        for tid, thread in threads.items():
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": thread}}
            yield {
                "ph": "M",
                "name": "thread_sort_index",
                "pid": pid,
                "tid": tid,
                "args": {"sort_index": tid},
            }


def _gpu_events(records: Records) -> Iterator[TraceEvent]:
    requests = {request.id: request for request in records.requests}
    colours = colour_slots(records, len(CNAMES))
    for jobs, gpus, start, end, steps in records.segments:
        first = requests[jobs[0]]
        batch = f" b{len(jobs)}" if len(jobs) > 1 else ""
        who = "+".join(f"#{job}" for job in jobs)
        ts = _microseconds(start)
        event = {
            "ph": "X",
            "name": f"{who} {first.shape.label} sp{len(gpus)}{batch} {_letters(first.id)}",
            "cat": "segment",
            "ts": ts,
            "dur": max(0, _microseconds(end) - ts),
            "pid": GPUS,
            "cname": CNAMES[colours[first.id]],
            "args": {
                "request": list(jobs) if batch else first.id,
                "steps": steps,
                "degree": len(gpus),
                "gpus": ",".join(map(str, gpus)),
                "deadline": first.deadline if not batch else [requests[job].deadline for job in jobs],
                "fate": records.fate(first) if not batch else [records.fate(requests[job]) for job in jobs],
            },
        }
        for gpu in gpus:
            yield event | {"tid": gpu + 1}


def _image_events(records: Records) -> Iterator[TraceEvent]:
    """Yield the images that GPUs of the cluster made, on the tracks of those GPUs."""
    colours = colour_slots(records, len(CNAMES))
    for staged in records.staged:
        if staged.gpu < 0:
            continue
        ts = _microseconds(staged.start)
        yield {
            "ph": "X",
            "name": f"#{staged.request} image {_letters(staged.request)}",
            "cat": "stage",
            "ts": ts,
            "dur": max(0, _microseconds(staged.freed) - ts),
            "pid": GPUS,
            "tid": staged.gpu + 1,
            "cname": CNAMES[colours[staged.request]],
            "args": {"request": staged.request, "seconds": staged.end - staged.start},
        }


def _stage_events(records: Records) -> Iterator[TraceEvent]:
    """Yield texts and images; an image that is still written when the next stage begins ends there, so that none overlap."""
    requests = {request.id: request for request in records.requests}
    colours = colour_slots(records, len(CNAMES))
    follows: dict[int, float] = {}
    by_workers = [staged for staged in records.staged if staged.gpu < 0]
    for staged in sorted(by_workers, key=lambda staged: -staged.start):
        request = requests[staged.request]
        ts = _microseconds(staged.start)
        end = min(staged.end, follows.get(staged.worker, staged.end))
        follows[staged.worker] = staged.start
        yield {
            "ph": "X",
            "name": f"#{request.id} {'text' if staged.stage == 'encode' else 'image'} {_letters(request.id)}",
            "cat": "stage",
            "ts": ts,
            "dur": max(0, _microseconds(end) - ts),
            "pid": STAGES,
            "tid": staged.worker + 1,
            "cname": CNAMES[colours[request.id]],
            "args": {"request": request.id, "seconds": staged.end - staged.start},
        }


def _request_events(records: Records) -> Iterator[TraceEvent]:
    end = duration(records)
    for request in records.requests:
        fate = records.fate(request)
        label = f"#{request.id} {request.shape.label}"
        about = {"request": request.id, "steps": request.steps, "deadline": request.deadline, "fate": fate}
        yield _instant(f"{label} arrives", request.arrival, REQUESTS, ARRIVALS, about)
        if fate == "dropped":
            yield _instant(f"{label} dropped", records.dropped[request.id], REQUESTS, DROPPED, about)
        if missed(records, request, end):
            event = _instant(f"{label} misses its deadline", request.deadline, REQUESTS, MISSED, about)
            yield event | {"cname": "terrible"}


def _decision_events(records: Records) -> Iterator[TraceEvent]:
    for index, d in enumerate(records.decisions):
        about = {
            "round": index, "status": d.status, "jobs": d.jobs, "running": d.running,
            "assigned": d.assigned, "gpus": d.gpus, "value": d.value, "bound": d.bound,
            "fallback": d.fallback,
        }  # fmt: skip
        yield _instant(f"{d.solver} {d.status}", d.at, PLANNER, DECISIONS, about)


def _live_jobs(records: Records) -> Iterator[TraceEvent]:
    """Yield the number of requests that have arrived and not left, at every change of it."""
    changes: dict[int, int] = {}
    for request in records.requests:
        at = _microseconds(request.arrival)
        changes[at] = changes.get(at, 0) + 1
    for left in (*records.delivered.values(), *records.dropped.values()):
        at = _microseconds(left)
        changes[at] = changes.get(at, 0) - 1
    live = 0
    for at in sorted(changes):
        live += changes[at]
        yield {"ph": "C", "name": "live jobs", "ts": at, "pid": REQUESTS, "args": {"jobs": live}}


def _instant(name: str, at: float, pid: int, tid: int, args: TraceEvent) -> TraceEvent:
    return {
        "ph": "i",
        "s": "t",
        "name": name,
        "cat": "event",
        "ts": _microseconds(at),
        "pid": pid,
        "tid": tid,
        "args": args,
    }


def _microseconds(seconds: float) -> int:
    """Round; ends are rounded like starts, so that segments that touch still do, and none overlap."""
    return round(seconds * 1e6)


def _letters(number: int) -> str:
    """Write a number in letters: a, b, ..., z, aa, ab, ..."""
    letters = ""
    number += 1
    while number > 0:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return letters
