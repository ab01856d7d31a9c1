from __future__ import annotations
import os
from dataclasses import dataclass
from planner.admission import admit
from planner.capacity import available_mask, steps_within
from planner.idle import mask_of, start_waiting, use_idle
from planner.placement import Choice, place
from planner.plan import Certificate, Plan
from planner.programs.lookahead import _task
from planner.round import Round

@dataclass(frozen=True)
class Moore:
    late: str = "idle"
    name: str = "moore"
    preemptive: bool = True
    def solve(self, round_: Round, budget: float) -> Plan:
        timely, late = [], []
        for job in round_.jobs: (late if round_.hopeless(job) else timely).append(job)
        tasks=[_task(round_, j, j.request.weight) for j in timely]
        kept, first = admit(tasks, round_.now, round_.cluster.gpus)
        free = available_mask(round_)
        choices=[]
        for at, degree in first.items():
            job=timely[kept[at]]; seconds=round_.costs.of(job.request.shape).step_time[degree]
            if round_.cadence.kind=="events": steps=job.steps_left if os.environ.get("S")!="tau" else steps_within(round_, seconds, job.steps_left)
            else: steps=steps_within(round_, seconds, job.steps_left)
            if steps: choices.append(Choice(job, degree, steps))
        placed=place(round_, choices, free)
        running={a.jobs[0] for a in placed}
        mine={timely[i].id for i in kept}
        for group in (True, False):
            waiting=[j for j in timely if j.id not in running and (j.id in mine)==group]
            placed+=start_waiting(round_, waiting, free & ~mask_of(placed))
        return Plan(tuple(use_idle(round_, placed, late, free)), Certificate(self.name))
