"""Figure 6: one scheduling round, row by row: before it, the packing, placement preservation, elastic scale-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.drawing.palette import SOFT
from experiments.results.panel import HATCH
from experiments.runner import simulate
from paper_figs.figure import Figure
from paper_figs.figures._sweeps import SHAPES
from paper_figs.lab import Lab
from paper_figs.policies import DP
from paper_figs.style import SHAPE_COLOURS, panels, shown
from paper_figs.table import Table, Value
from paper_figs.work import Task, prepared
from planner.plan import Plan
from planner.round import Round
from planner.solvers.dp import GreedyDp

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

STAGES = {
    "before": "1  before the round: who was where last",
    "packed": "2  packed: most survivors, late requests on what is left",
    "placed": "3  placed: on the GPUs they had",
    "scaled": "4  scaled up: wider, those on time before the late ones",
}


def data(lab: Lab) -> Table:
    """Find a round in which every stage changes something, and keep what each stage makes of it."""
    config = lab.config("workload.requests=400", "workload.rate=30.0", "workload.slo_scale=1.5", *DP.overrides)
    rows: list[dict[str, Value]] = lab.do([Task("paper_figs.figures.fig06:telling_round", {"config": config})])[0]
    return Table.of(rows)


def telling_round(config: Mapping[str, Any]) -> list[dict[str, Value]]:
    """Serve a workload, and return as rows the round with most jobs in which all stages matter."""
    best: list[tuple[int, Round]] = []
    solvers = [GreedyDp(preserve=False, elastic=False), GreedyDp(elastic=False), GreedyDp()]

    def look(round_: Round, plan: Plan) -> None:
        held = [job for job in round_.jobs if job.group is not None]
        masks = [job.group.mask for job in held if job.group is not None]
        overlap = sum(mask.bit_count() for mask in masks) > 8 or len(held) < 2
        if overlap or not 3 <= len(round_.jobs) <= 7 or (best and best[0][0] >= len(round_.jobs)):
            return
        made = [{(a.jobs, a.group.mask) for a in solver.assignments(round_)} for solver in solvers]
        if made[0] != made[1] and made[1] != made[2] and len(made[2]) >= 3:
            best[:] = [(len(round_.jobs), round_)]

    simulate(prepared(config), on_round=look)
    if not best:
        raise LookupError("no round of this run shows every stage; choose a higher rate")
    round_ = best[0][1]
    rows: list[dict[str, Value]] = []
    shapes = {job.id: shown(job.request.shape.label) for job in round_.jobs}
    for job in round_.jobs:
        about: dict[str, Value] = {
            "stage": "before",
            "request": job.id,
            "shape": shapes[job.id],
            "steps": job.steps_left,
        }
        due: dict[str, Value] = {"due_in": job.due - round_.now, "tau": round_.cadence.tau}
        due["late"] = int(round_.hopeless(job))
        here: dict[str, Value] = {"gpu": None, "gpus": 0}
        if job.group is not None:
            here = {"gpu": job.group.gpus[0], "gpus": job.group.degree}
        rows.append(about | here | due)
    for stage, solver in zip(("packed", "placed", "scaled"), solvers, strict=True):
        for a in solver.assignments(round_):
            group: dict[str, Value] = {"gpu": a.group.gpus[0], "gpus": a.group.degree}
            rows.append({"stage": stage, "request": a.jobs[0], "shape": shapes[a.jobs[0]], "steps": a.steps, **group})
    return rows


def draw(table: Table) -> Drawing:
    """Draw the GPUs of each stage as a row of boxes."""
    from matplotlib.patches import Patch, Rectangle
    from matplotlib.patheffects import Normal, Stroke

    halo = [Stroke(linewidth=1.6, foreground="#ffffffaa"), Normal()]
    figure, axes = panels(1, 1, 2.9)
    axis = axes[0, 0]
    axis.axis("off")
    axis.set_xlim(-0.1, 8.1)
    axis.set_ylim(4.65, -0.45)
    late = table.where(stage="before", late=1).texts("request")
    for row, (stage, title) in enumerate(STAGES.items()):
        axis.text(0, row - 0.04, title, fontsize=7, va="bottom", fontweight="bold")
        for gpu in range(8):
            if row == len(STAGES) - 1:
                axis.text(gpu + 0.5, row + 0.72, f"GPU {gpu}", fontsize=6, color=SOFT, ha="center", va="center")
            axis.add_patch(Rectangle((gpu + 0.03, row + 0.05), 0.94, 0.55, facecolor="#f1f1f1", linewidth=0))
        shown = table.where(stage=stage).filter(lambda record: bool(record["gpus"])).records()
        for record in shown:
            gpu, count = int(str(record["gpu"])), int(str(record["gpus"]))
            colour = SHAPE_COLOURS[str(record["shape"])]
            axis.add_patch(Rectangle((gpu + 0.03, row + 0.05), count - 0.06, 0.55, facecolor=colour, edgecolor="white"))
            if str(record["request"]) in late:
                where: dict[str, Any] = {"facecolor": "#ffffff66", "edgecolor": HATCH, "hatch": "////", "linewidth": 0}
                axis.add_patch(Rectangle((gpu + 0.03, row + 0.05), count - 0.06, 0.55, hatch_linewidth=0.6, **where))
            text = f"{record['request']}" if stage == "before" else f"{record['request']}: {record['steps']}"
            size = 6.3 if count > 1 else 6
            axis.text(gpu + count / 2, row + 0.325, text, ha="center", va="center", fontsize=size, path_effects=halo)
    waiting = table.where(stage="before", gpus=0).records()
    listed = ", ".join(
        f"{row['request']} ({row['shape']} px, due in {float(str(row['due_in'])):.1f} s)" for row in waiting
    )
    axis.text(
        0,
        4.15,
        f"waiting: {listed or 'nobody'}; late, hatched: {', '.join(late) or 'nobody'}",
        fontsize=6.3,
        color=SOFT,
    )
    axis.text(0, 4.45, "in a box: request, and its steps in this round", fontsize=6.3, color=SOFT)
    used = [shape for shape in SHAPES if shape in table.texts("shape")]
    handles = [Patch(color=SHAPE_COLOURS[shape], label=f"{shape} px") for shape in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.0, columnspacing=1.2)
    return figure


def describe(table: Table) -> str:
    """Say what the stages did."""
    before = table.where(stage="before")
    packed, scaled = table.where(stage="packed"), table.where(stage="scaled")
    late = len(before.where(late=1))
    running = len(set(scaled.numbers("request")) & set(before.where(late=1).numbers("request")))
    return (
        f"A round of {before.numbers('tau')[0]:.2f} s with {len(before)} live requests, {late} of them past hope. The "
        f"packing runs {len(packed)} requests on {sum(packed.numbers('gpus')):.0f} GPUs, placement moves them to where "
        f"they were as far as it can, and scale-up leaves {len(scaled)} requests on {sum(scaled.numbers('gpus')):.0f} "
        f"GPUs, {running or 'none'} of them late."
    )


FIGURE = Figure("One scheduling round, stage by stage", data, draw, describe)
