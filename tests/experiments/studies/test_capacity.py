"""Capacity: the answer of the search is that of a sweep over all rates, with the same seeds."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from experiments.studies.capacity import main
from experiments.studies.grid import Policy, cells, run_all
from experiments.studies.jobs import Jobs
from experiments.studies.questions import BOUND, Prober, Question, search_all

SMALL = ("workload.requests=30", "workload=uniform", "workload.slo_scale=1.5")
SEEDS = range(3)
PROBER = Prober(SEEDS, Jobs(1))


@pytest.mark.parametrize("target", [0.7, 0.9])
def test_the_search_agrees_with_a_sweep(target: float) -> None:
    """On a grid of rates with the same seeds, the target holds at the answer's neighbour below, and fails at that above."""
    question = Question("", "edf", (*SMALL, "solver=edf"), target, "workload.rate", each=False)
    (found,) = search_all([question], [12.0], PROBER, 1.03)
    rates = [found.value * 1.03**n for n in range(-3, 4)]
    grid = cells([[f"workload.rate={rate!r}" for rate in rates]], SMALL)
    results = run_all(grid, [Policy("edf", ("solver=edf",))], SEEDS, Jobs(1))
    means = [sum(r.summary.weighted_sar for r in results if r.cell == cell.label) / len(SEEDS) for cell in grid]
    assert means[3] >= target > means[4]


def test_more_gpus_serve_what_fewer_do_not() -> None:
    """The fewest GPUs found meet the target; one size less does not."""
    question = Question("", "edf", (*SMALL, "solver=edf", "workload.rate=20"), 0.8, "cluster.gpus", each=False)
    (found,) = search_all([question], [8.0], PROBER, 1.02)
    by_gpus = {probe.value: probe.mean for probe in found.probes}
    assert by_gpus[found.value] >= 0.8
    assert all(mean < 0.8 for value, mean in by_gpus.items() if value < found.value)


@pytest.mark.parametrize(("field", "sign"), [("workload.rate", 1), ("cluster.gpus", -1)])
def test_a_bound_is_sought_beyond_the_best_policy(field: str, sign: int) -> None:
    """Nothing is bounded that a policy attains already, and the limit is not below its answer."""
    common = (*SMALL, "solver=edf") if sign > 0 else (*SMALL, "solver=edf", "workload.rate=20")
    questions = [Question("", policy, common, 0.8, field, each=False) for policy in ("edf", BOUND)]
    edf, bound = search_all(questions, [8.0, 8.0], PROBER, 1.05)
    assert sign * bound.value >= sign * edf.value
    assert all(sign * probe.value >= sign * edf.value for probe in bound.probes)


def test_every_class_by_itself_is_harder() -> None:
    """With --each the hardest shape decides, so that the answer is smaller."""
    answers = [
        search_all([Question("", "edf", (*SMALL, "solver=edf"), 0.8, "workload.rate", each)], [12.0], PROBER, 1.05)
        for each in (False, True)
    ]
    assert answers[1][0].value < answers[0][0].value


def test_the_command_answers_for_every_policy_and_the_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row per policy, target and setting; none passes the bound; a price adds what a request on time costs."""
    out = tmp_path / "out"
    arguments = [
        "--policy",
        "edf",
        "--policy",
        "wide:solver=fixed solver.degree=8",
        "--target",
        "0.8",
        "--target",
        "0.6",
    ]
    arguments += [
        "--sweep",
        "workload=uniform,skewed",
        "--seeds",
        "2",
        "--step",
        "1.2",
        "--jobs",
        "1",
        "--gpu-price",
        "2.5",
    ]
    assert main([*arguments, "--output", str(out), "workload.requests=12"]) == 0
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in (out / "table.md").read_text().splitlines()
    ]
    assert rows[0][-1] == "cost each" and len(rows) == 2 + 2 * 2 * 3
    assert {row[2] for row in rows[2:]} == {"edf", "wide", BOUND}
    assert all(float(row[6]) <= 1.2 for row in rows[2:] if row[6] != "-")
    assert (out / "capacity.png").read_bytes().startswith(b"\x89PNG")
    probes = list(csv.DictReader((out / "probes.csv").open()))
    assert {probe["target"] for probe in probes} == {"0.8", "0.6"}
    assert "GPU-s each" in capsys.readouterr().out
    assert main([*arguments, "--output", str(out), "workload.requests=12", "--resume"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "1.5"], "'1.5' is more than 1"),
        (["--target", "0"], "'0' is not a positive number"),
        (["workload.rate=6"], "workload.rate=6 has no effect here: --vary rate finds it"),
        (["--vary", "gpus", "cluster.gpus=4"], "--vary gpus finds it"),
        (["workload=bursts"], "workload.pieces is"),
        (["workload.load=0.5"], "workload.load is 0.5"),
        (["--vary", "gpus", "cluster=pairs"], "use cluster=switch"),
        (["--each"], "add --no-bound"),
        (["--step", "1"], "a factor above 1"),
        (["--policy", "nosuch"], "there is no policy 'nosuch'"),
        (["--cell", "a:workload=skewed", "--sweep", "workload.cv=1,2"], "leave out --sweep"),
    ],
)
def test_careless_questions_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense, or would have no effect, is one line before anything runs."""
    assert main(arguments) == 2
    message = capsys.readouterr().err
    assert words in message and message.count("\n") == 1
