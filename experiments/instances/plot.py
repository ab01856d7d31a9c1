"""Performance profile: the share of instances that a solver answers optimally within a time (Dolan and More, 2002)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.instances.evaluate import Solved, gap_to
from experiments.instances.library import Known

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
OPTIMAL_GAP = 1e-6


def draw_performance(
    solved: Sequence[Solved], known: Mapping[tuple[str, str, str], Known], objective: str, path: Path
) -> None:
    """Draw one panel per program and one step curve per solver; instances not answered optimally never count."""
    from matplotlib.figure import Figure

    programs = list(dict.fromkeys(s.program for s in solved))
    figure = Figure(figsize=(5.2 * len(programs), 3.6), layout="constrained", dpi=150)
    panels = figure.subplots(1, len(programs), squeeze=False)[0]
    for axes, program in zip(panels, programs, strict=True):
        solvers = list(dict.fromkeys(s.solver for s in solved if s.program == program))
        for colour, solver in zip(COLOURS, solvers, strict=False):
            own = [s for s in solved if (s.program, s.solver) == (program, solver)]
            times = sorted(
                1e3 * s.seconds for s in own if gap_to(s, known[s.instance, program, objective]) <= OPTIMAL_GAP
            )
            shares = [(i + 1) / len(own) for i in range(len(times))]
            axes.step(
                [times[0] * 0.5, *times] if times else [], [0.0, *shares] if times else [], where="post", color=colour
            )
            if times:
                axes.annotate(
                    solver,
                    (times[-1], shares[-1]),
                    xytext=(4, 0),
                    textcoords="offset points",
                    color=colour,
                    va="center",
                )
        axes.axvline(10.0, color="#999999", lw=0.8, ls=":")
        axes.set_xscale("log")
        axes.set_ylim(0.0, 1.05)
        axes.set_xlabel("time to build and solve (ms); dotted: the paper's budget")
        axes.set_ylabel("instances answered optimally")
        axes.set_title(program, loc="left")
        axes.margins(x=0.15)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    figure.savefig(path)
