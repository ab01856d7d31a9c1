from __future__ import annotations
import os
from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from planner.programs.intervals import Task
from planner.programs.lists import allot, list_schedule

WORK = int(os.environ.get("WORK","40_000"))

class Admitted(NamedTuple):
    tasks: list[int]
    degrees: dict[int, int]

def admit(tasks: Sequence[Task], now: float, gpus: int) -> Admitted:
    kept = list(range(len(tasks)))
    if not kept:
        return Admitted(kept, {})
    burdens = None
    lists = _affordable(len(kept), gpus)
    if not lists:
        kept=_by_seconds(tasks, [burden(t,now) for t in tasks], now, gpus)
        lists = _affordable(len(kept), gpus)
    while True:
        mine = [tasks[i] for i in kept]
        if not lists:
            order = sorted(range(len(mine)), key=lambda i: (mine[i].due, i))
            if os.environ.get("O"): order = sorted(range(len(mine)), key=lambda i: (burden(mine[i],now), i))
            return Admitted(kept, allot(mine, [float(t.steps) for t in mine], order, now, gpus))
        schedule = list_schedule(mine, now, gpus)
        lists -= 1
        late = schedule.late(mine)
        if not late or not lists:
            return Admitted(kept, schedule.phases[0].degrees if schedule.phases else {})
        if burdens is None:
            burdens = [burden(t, now) for t in tasks]
            if len(late) > lists:
                cut = _by_seconds(tasks, burdens, now, gpus)
                if len(cut)<len(kept):
                    kept=cut
                    lists=max(lists, _affordable(len(kept), gpus))
                    continue
        late.sort(key=lambda at: (mine[at].due, at))
        gone=set()
        for first in late[:min(-(-len(late)//lists),-(-len(late)//4))]:
            limit = mine[first].due
            before = [at for at in range(len(mine)) if mine[at].due <= limit and at not in gone]
            gone.add(max(before, key=lambda at: (burdens[kept[at]], at)))
        kept = [i for at, i in enumerate(kept) if at not in gone]

def _affordable(count, gpus):
    return WORK // (count*min(count, gpus)) if count else 1

def burden(task: Task, now: float) -> float:
    allowed = task.due - max(now, task.release)
    cost = min((d*s for d,s in zip(task.degrees, task.seconds) if task.steps*s <= allowed), default=task.degrees[-1]*task.seconds[-1])
    return task.steps*cost/task.weight

def _by_seconds(tasks, burdens, now, gpus):
    order = sorted(range(len(tasks)), key=lambda i: (tasks[i].due, i))
    heap=[]; total=0.0; kept=set(order)
    for i in order:
        total += burdens[i]*tasks[i].weight
        heappush(heap, (-burdens[i], i))
        while total > gpus*(tasks[i].due-now) and heap:
            _, g = heappop(heap); kept.discard(g); total -= burdens[g]*tasks[g].weight
    return sorted(kept)
