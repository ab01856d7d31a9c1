"""Branch and bound over linear relaxations, for programs with few integer variables or small budgets.

A MIP solver spends about 5 ms on a program of three requests before its first node; a relaxation takes 0.2 ms, and the
next one, from the last basis, less. So for a handful of integer variables plain best-first branching is the fastest
exact method by far. It is deterministic: what limits it are numbers of nodes and of simplex iterations.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from time import perf_counter
from typing import Any

import numpy as np

from planner.backends.protocol import Solution
from planner.effort import HIGHS_ITERATION, HIGHS_RUN
from planner.outcomes import Floats
from planner.programs.linear import LinearProgram

_INTEGRAL = 1e-7


@dataclass(frozen=True, slots=True)
class Branched:
    """What branching found, and the work that it took in modelled seconds."""

    answer: Solution
    work: float


def branch(highs: Any, program: LinearProgram, gap: float, nodes: int, budget: float) -> Branched:
    """Maximize by best-first branching on the most fractional variable.

    Parameters
    ----------
    highs
        A ``highspy.Highs`` that holds the relaxation.
    program
        The program; its start is the first incumbent if it is feasible.
    gap
        Difference to the incumbent at which a node is left out.
    nodes, budget
        Relaxations to solve, and seconds of work by :mod:`planner.effort`, at most.
    """
    import highspy

    began = perf_counter()
    run, iteration = HIGHS_RUN(program.entries), HIGHS_ITERATION(program.entries)
    integers = np.flatnonzero(program.integer).astype(np.int32)
    best: Floats | None = None
    least = -np.inf
    if program.violation(program.start) <= _INTEGRAL:
        best, least = program.start, program.value(program.start)
    heap: list[tuple[float, int, Floats, Floats]] = []
    lower, upper = program.lower[integers], program.upper[integers]
    heappush(heap, (-np.inf, 0, lower, upper))
    solved, work = 0, 0.0
    while heap:
        iterations = int((budget - work - run) / iteration)
        if solved >= nodes or iterations < 1:
            break
        negative, _, lower, upper = heappop(heap)
        if -negative <= least + gap:
            continue
        highs.changeColsBounds(len(integers), integers, lower, upper)
        highs.setOptionValue("simplex_iteration_limit", min(iterations, 2**31 - 1))
        highs.run()
        solved += 1
        info = highs.getInfo()
        work += run + iteration * max(0, info.simplex_iteration_count)
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            continue
        if status != highspy.HighsModelStatus.kOptimal:
            heappush(heap, (negative, 2 * solved, lower, upper))
            break
        value = info.objective_function_value
        if value <= least + gap:
            continue
        point = np.array(highs.getSolution().col_value, dtype=np.float64)
        part = point[integers]
        distance = np.abs(part - np.rint(part))
        at = int(np.argmax(distance))
        if distance[at] <= _INTEGRAL:
            point[integers] = np.rint(part)
            best, least = point, float(value)
            continue
        down, up = upper.copy(), lower.copy()
        down[at], up[at] = np.floor(part[at]), np.ceil(part[at])
        heappush(heap, (-value, 2 * solved, up, upper))
        heappush(heap, (-value, 2 * solved + 1, lower, down))
    open_bound = -heap[0][0] if heap else -np.inf
    finished = open_bound <= least + gap
    seconds = perf_counter() - began
    if best is None:
        return Branched(Solution(None, open_bound if np.isfinite(open_bound) else None, "unknown", 0.0, seconds), work)
    bound = max(open_bound, least + gap if finished and heap else least)
    proven = bound if np.isfinite(bound) else None
    return Branched(Solution(best, proven, "optimal" if finished else "feasible", 0.0, seconds), work)
