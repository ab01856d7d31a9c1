"""Pieces of work whose results are cached: plain data in, plain data out, run in a process of their own."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from executor.records import Records
from experiments.cli import compose
from experiments.config.build import Setup, build
from experiments.results import summarize
from experiments.runner import simulate as run_setup
from experiments.studies.bound import bound_of
from experiments.workload import Workload
from experiments.workload.nirvana import Nirvana, with_nirvana
from planner.request import Request
from profiles import Shape, load_profile

FIGURES = "paper_figs.figures."

PLAIN = ("dp", "fixed", "rssp", "edf", "srtf", "moore")
"""Solvers without a program and an objective."""


@dataclass(frozen=True)
class Task:
    """A piece of work.

    Parameters
    ----------
    work
        ``module:function``; called with the arguments as keywords, returns what JSON can hold.
    arguments
        JSON types only. Together with the digest of the profile they are the identity of the result.
    """

    work: str
    arguments: Mapping[str, Any]

    def identity(self) -> dict[str, Any]:
        """Return everything that the result depends on, but the code that all tasks share.

        Of a function in the module of a figure, the source text is a part.
        """
        config = self.arguments.get("config")
        name = self.arguments.get("profile") or (config and config["profile"]["name"])
        profile = _digest_of(name) if name else None
        identity = {"work": self.work, "arguments": dict(self.arguments), "profile": profile}
        if self.work.startswith(FIGURES):
            identity["source"] = inspect.getsource(self.function())
        return identity

    def run(self) -> Any:
        """Do the work."""
        return self.function()(**self.arguments)

    def function(self) -> Callable[..., Any]:
        """Return what does the work."""
        module, _, name = self.work.partition(":")
        function: Callable[..., Any] = getattr(importlib.import_module(module), name)
        return function


@cache
def _digest_of(profile: str) -> str:
    return load_profile(profile).digest


def run(config: Mapping[str, Any], **more: Any) -> Task:
    """Make the task of one simulated run; ``more`` are arguments of :func:`simulate`."""
    return Task("paper_figs.work:simulate", {"config": _relevant(config), **more})


def bound(config: Mapping[str, Any], seconds: float, **more: Any) -> Task:
    """Make the task of the clairvoyant bound of a run, within a time limit."""
    return Task("paper_figs.work:clairvoyant", {"config": _relevant(config), "seconds": seconds, **more})


def _relevant(config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what does not change a run, so that its result is found again when a default changes."""
    idle = {"name", "output", "overwrite"} | ({"program", "objective"} if config["solver"]["kind"] in PLAIN else set())
    return {key: value for key, value in config.items() if key not in idle}


def simulate(
    config: Mapping[str, Any],
    keep: Sequence[str] = (),
    speed: float = 1.0,
    nirvana: Mapping[str, float] | None = None,
    requests: Sequence[Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Serve a workload on the simulated cluster.

    Parameters
    ----------
    config
        Of :func:`experiments.config.build.build`.
    keep
        What to return beside the key figures: ``requests`` (shape, arrival, deadline, delivered), ``segments`` (jobs,
        GPUs, start, end, steps), ``decisions`` (time, jobs, seconds).
    speed
        The hardware, and the planner's idea of it, are this many times as fast.
    nirvana
        Parameters of an approximate cache that shortens requests (see :mod:`experiments.workload.nirvana`); None for
        no cache.
    requests
        Replace the workload: edge in pixels, steps, arrival, deadline of each.
    """
    setup = prepared(config, speed, nirvana, requests)
    records = run_setup(setup)
    summary = summarize(records, setup.service.cluster).to_dict()
    return {"summary": summary, **{what: _KEPT[what](records) for what in keep}}


def clairvoyant(
    config: Mapping[str, Any],
    seconds: float,
    speed: float = 1.0,
    nirvana: Mapping[str, float] | None = None,
    requests: Sequence[Sequence[float]] | None = None,
) -> dict[str, Any]:
    """Bound the share of requests that any schedule of this run could serve on time; arguments as of :func:`simulate`."""
    found = bound_of(prepared(config, speed, nirvana, requests), seconds)
    return {"share": found.share, "found": found.value / found.total, "status": found.status, "seconds": found.seconds}


@cache
def _unused() -> dict[str, Any]:
    """Return the configuration that nobody changed, for what :func:`_relevant` leaves out."""
    return compose([])


def prepared(
    config: Mapping[str, Any],
    speed: float = 1.0,
    nirvana: Mapping[str, float] | None = None,
    requests: Sequence[Sequence[float]] | None = None,
) -> Setup:
    """Build a setup and change it; arguments as of :func:`simulate`."""
    setup = build({**_unused(), **config})
    if speed != 1.0:
        believed = setup.service.profile.scaled(1 / speed)
        setup = replace(setup, service=replace(setup.service, profile=believed), truth=setup.truth.scaled(1 / speed))
    if requests is not None:
        made = tuple(
            Request(i, Shape(int(edge), int(edge)), int(steps), arrival, deadline)
            for i, (edge, steps, arrival, deadline) in enumerate(requests)
        )
        setup = replace(setup, workload=Workload("given", made))
    if nirvana is not None:
        cache_ = Nirvana(**cast(dict[str, Any], dict(nirvana)))
        setup = replace(setup, workload=with_nirvana(setup.workload, cache_, seed=setup.seed))
    return setup


def _requests(records: Records) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for request in records.requests:
        done = records.delivered.get(request.id, math.nan)
        times = [_ms(request.arrival), _ms(request.deadline), None if math.isnan(done) else _ms(done)]
        rows.append([request.shape.label, *times, records.fate(request) == "on_time"])
    return rows


def _segments(records: Records) -> list[list[Any]]:
    return [[list(s.jobs), list(s.gpus), _ms(s.start), _ms(s.end), s.steps] for s in records.segments]


def _decisions(records: Records) -> list[list[Any]]:
    return [[_ms(d.at), d.jobs, d.total_seconds, d.value, d.bound, d.status] for d in records.decisions]


_KEPT = {"requests": _requests, "segments": _segments, "decisions": _decisions}


def _ms(seconds: float) -> float:
    return round(seconds, 4)
