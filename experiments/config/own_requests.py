"""Requests from a function of the user's own, in a file anywhere on disk."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.config.checks import positive
from experiments.workload import Workload
from planner.errors import FAILURES, said
from planner.limit import TookTooLong, time_limit
from planner.load import SECONDS, LoadError, chosen_of, load_module, own_definitions
from planner.request import Request
from profiles import Profile

SIGNATURE = "(random, profile)"


def own_workload(config: Mapping[str, Any], profile: Profile, seed: int) -> Workload:
    """Let the function of a configuration make the requests, twice: with equal seeds it must give the same.

    Raises
    ------
    LoadError
        If the file does not give such a function, or the function no requests; the message names the file.
    ConfigError
        If a number is out of range.
    """
    file, scale = config["file"], positive("workload.slo_scale", config["slo_scale"])
    functions = {
        key: value
        for key, value in own_definitions(load_module("workload", file)).items()
        if inspect.isfunction(value) and not key.startswith("_")
    }
    function = chosen_of("workload", file, functions, config["name"], "function", f"{SIGNATURE} that returns requests")
    where = f"workload file {file}: {function.__name__}()"
    first, again = (_requests(function, where, profile, config["arguments"], seed) for _ in range(2))
    if first != again:
        raise LoadError(f"{where} gave other requests when asked again; draw from the generator that it is given alone")
    scaled = [replace(r, deadline=r.arrival + scale * (r.deadline - r.arrival)) for r in first]
    return Workload(
        function.__name__, tuple(scaled), {"file": file, "deadlines": f"those that {function.__name__} gives"}
    )


def _requests(function: Any, where: str, profile: Profile, arguments: Mapping[str, Any], seed: int) -> list[Request]:
    try:
        with time_limit(SECONDS):
            made = list(function(np.random.default_rng(seed), profile, **arguments))
    except TookTooLong as error:
        raise LoadError(f"{where} {error}") from None
    except FAILURES as error:
        raise LoadError(f"{where} raised {said(error)}") from error
    if not made:
        raise LoadError(f"{where} returned no requests; at least 1 is needed")
    for request in made:
        if not isinstance(request, Request):
            raise LoadError(
                f"{where} returned a {type(request).__name__} among its requests; planner.Request is needed"
            )
    ids = [request.id for request in made]
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise LoadError(f"{where} returned two requests with the id {twice}")
    return sorted(made, key=lambda request: (request.arrival, request.id))
