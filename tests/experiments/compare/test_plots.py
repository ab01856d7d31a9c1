"""The plots of a comparison hold what its results say."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from experiments.compare.plots import draw_attainment, draw_decisions
from experiments.studies.bound import BoundResult
from experiments.studies.grid import Policy, Result, Spread, cells, run_all
from experiments.studies.jobs import Jobs

POLICIES = (Policy("greedy", ("solver=dp",)), Policy("deadline", ("solver=edf",)))


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Two policies in two cells with two seeds."""
    grid = cells([["workload.rate=12", "workload.rate=60"]], ["workload.requests=12"])
    return run_all(grid, POLICIES, range(2), jobs=Jobs(1))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Figures instead of files."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    return figures


def test_grid_has_a_row_per_cell_with_intervals_and_bounds(results: list[Result], drawn: list[Figure]) -> None:
    """Every mean is drawn where the runs put it, with its interval, and the bound of a cell beside."""
    grid = cells([["workload.rate=12", "workload.rate=60"]])
    bounds = [BoundResult(cell.label, seed, 0.9, 0.8 + 0.1 * seed, "optimal", 0.0) for cell in grid for seed in (0, 1)]
    draw_attainment(results, grid, POLICIES, bounds, Path("unused.png"))
    axes = drawn[0].axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["12/min", "60/min"]
    spread = Spread.of([r.summary.sar for r in results if (r.cell, r.policy) == ("60", "greedy")])
    lines = {line.get_gid(): line for line in axes.get_lines() if line.get_gid()}
    assert list(lines["60/greedy"].get_xdata()) == pytest.approx([spread.mean])
    assert list(lines["60/bound"].get_xdata()) == pytest.approx([0.85, 0.85])
    ends = [segment[:, 0].tolist() for collection in axes.collections for segment in collection.get_segments()]
    assert any(end == pytest.approx([spread.mean - spread.half_width, spread.mean + spread.half_width]) for end in ends)
    legend = {text.get_text() for text in drawn[0].legends[0].get_texts()}
    assert legend == {"greedy", "deadline", "clairvoyant bound of these runs"}


def test_one_cell_has_a_row_per_policy(results: list[Result], drawn: list[Figure]) -> None:
    """Policies name the rows, and no legend repeats them."""
    own = [result for result in results if result.cell == "12"]
    draw_attainment(own, cells([["workload.rate=12"]]), POLICIES, [], Path("unused.png"))
    assert [label.get_text() for label in drawn[0].axes[0].get_yticklabels()] == ["greedy", "deadline"]
    assert not drawn[0].legends


def test_decisions_are_drawn_at_their_median(results: list[Result], drawn: list[Figure]) -> None:
    """The dot of a policy is at the mean of its runs' medians, in milliseconds."""
    draw_decisions(results, POLICIES, Path("unused.png"))
    medians = [1e3 * r.summary.wall.decision_p50 for r in results if r.policy == "deadline"]
    line = next(line for line in drawn[0].axes[0].get_lines() if line.get_gid() == "deadline")
    assert list(line.get_xdata()) == pytest.approx([sum(medians) / len(medians)])
