"""Performance profile: the share of instances that a solver answers optimally within a time (Dolan and More, 2002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.drawing.palette import GRID, INK, SOFT, colour_of, mark_of
from experiments.instances.evaluate import Solved, gap_to
from experiments.instances.library import Known

BUDGET = 10.0
"""Milliseconds: the paper's."""
OPTIMAL_GAP = 1e-6


def draw_performance(
    solved: Sequence[Solved], known: Mapping[tuple[str, str, str], Known], objective: str, path: Path
) -> None:
    """Draw one panel per program and one step curve per solver; instances not answered optimally never count."""
    from matplotlib.figure import Figure

    programs = list(dict.fromkeys(s.program for s in solved))
    everybody = list(dict.fromkeys(s.solver for s in solved))
    figure = Figure(figsize=(5.2 * len(programs), 3.9), layout="constrained", dpi=150)
    panels = figure.subplots(1, len(programs), squeeze=False, sharey=True)[0]
    for axes, program in zip(panels, programs, strict=True):
        for solver in dict.fromkeys(s.solver for s in solved if s.program == program):
            own = [s for s in solved if (s.program, s.solver) == (program, solver)]
            times = sorted(
                1e3 * s.seconds for s in own if gap_to(s, known[s.instance, program, objective]) <= OPTIMAL_GAP
            )
            shares = [(i + 1) / len(own) for i in range(len(times))]
            axes.step(
                [times[0] * 0.5, *times] if times else [], [0.0, *shares] if times else [], where="post",
                color=colour_of(solver, everybody), marker=mark_of(solver, everybody), markersize=4,
                markevery=max(1, len(times) // 6), linewidth=1.4, label=solver,
            )  # fmt: skip
        axes.axvline(BUDGET, color=SOFT, linewidth=0.8, linestyle=":", label=f"the paper's budget, {BUDGET:g} ms")
        axes.set_xscale("log")
        axes.set_ylim(0.0, 1.05)
        axes.set_xlabel("time to build and solve (ms)", color=SOFT)
        axes.set_title(f"{program} program, {objective}", loc="left", fontsize=10, color=INK)
        axes.grid(axis="y", color=GRID)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("share of instances answered optimally", color=SOFT)
    entries = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        list(entries.values()), list(entries), loc="outside upper center", ncols=len(entries), frameon=False, fontsize=9
    )
    figure.savefig(path)
