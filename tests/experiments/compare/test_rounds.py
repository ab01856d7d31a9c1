"""Optimal against greedy plans: which rounds are taken, what is answered, what the tables and the sentence say."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from experiments.compare.answers import Judged, ReferenceRun, RollOut, RunRounds, find, slack_of
from experiments.compare.classes import CONFLICT_ORDER, conflict_class, live_class, slack_class
from experiments.compare.regret import (
    Judgements,
    costs_table,
    exact_table,
    kinds_table,
    rules_table,
    sentence,
    split_table,
)
from experiments.compare.regret_plots import draw_plans, draw_regret
from experiments.compare.rounds import RULES, RoundComparison, compare_rounds
from experiments.compare.sampling import best_answers, choose, pick_worse, worse_answers
from experiments.studies.grid import Cell, Policy
from experiments.studies.jobs import Jobs
from experiments.studies.journal import Journal
from experiments.studies.study import Study
from planner.cluster import Cluster
from planner.comparison import Answered
from planner.plan import Assignment
from planner.round import Round
from planner.solvers.priority import Edf
from tests.strategies import EVENTS, LARGE, job, round_of

REFERENCE = Policy("lookahead", ("solver=highs",))
CELLS = [
    Cell(f"at {rate}", (f"workload.rate={rate}", "workload=skewed", "workload.slo_scale=1.5", "workload.requests=25"))
    for rate in (18, 40)
]


def _judged(
    number: int, solver: str, regret: float, alone: float | None = None, exact: bool = False, live: int = 2
) -> Judged:
    answered = Answered(solver, "lookahead", (), 2.0 - regret, regret, alone, 0.001)
    if exact:
        answered = replace(answered, status="optimal", value=1.9, bound=1.9)
    return Judged("cell", number % 2, number, live, 2, 0.2, number % 2 == 0, 2.0, True, answered)


OUTCOME = Judgements(
    [
        *(_judged(n, "highs", 0.0, 0.0, exact=True, live=2 + n) for n in range(4)),
        *(_judged(n, "edf", float(n == 3), 0.0, live=2 + n) for n in range(4)),
        *(_judged(n, "dp", float(n > 1), 1.0, live=2 + n) for n in range(4)),
    ],
    [
        RollOut("cell", 0, 2, "lookahead", "dp", 1.0, 2.0),
        RollOut("cell", 1, 3, "lookahead", "dp", 1.0, 1.0),
        RollOut("cell", 1, 3, "lookahead", "edf", 1.0, -1.0),
    ],
    {"lookahead": {"none": 10, "fits": 3, "conflict": 5}},
    runs=2,
)
"""Four rounds, of which edf loses one and dp two; dp alone loses all."""


def _row(table: list[list[str]], *first: str) -> dict[str, str]:
    (row,) = [row for row in table[1:] if tuple(row[: len(first)]) == first]
    return dict(zip(table[0], row, strict=True))


def test_tables_count_what_is_lost() -> None:
    """Shares, means and extremes of hand-made answers stand in the tables as they are."""
    kinds = _row(kinds_table(OUTCOME), "lookahead")
    assert (kinds["rounds met"], kinds["no choice"], kinds["answered"], kinds["in conflict"]) == ("18", "10", "4", "2")
    rules = rules_table(OUTCOME)
    dp, edf, highs = (_row(rules, "lookahead", name) for name in ("dp", "edf", "highs"))
    assert (dp["optimal"], dp["mean regret"], dp["worst"], dp["optimal to the end"]) == ("50.0%", "0.5000", "1", "0.0%")
    assert (edf["optimal"], edf["optimal to the end"], highs["optimal"]) == ("75.0%", "100.0%", "100.0%")
    exact = _row(exact_table(OUTCOME), "lookahead", "highs")
    assert (exact["proven"], exact["same value"], exact["largest gap"], exact["rounds"]) == (
        "100.0%",
        "100.0%",
        "0.00%",
        "4",
    )


def test_costs_are_means_over_runs() -> None:
    """What a rule's worse plans cost is the mean of its runs, with losses and gains counted."""
    costs = costs_table(OUTCOME)
    dp, edf = _row(costs, "lookahead", "dp"), _row(costs, "lookahead", "edf")
    assert (dp["plan worse"], dp["carried out"], dp["runs"], dp["deadlines lost"], dp["loses"]) == (
        "2",
        "2",
        "2",
        "+1.500",
        "2",
    )
    assert (edf["plan worse"], edf["deadlines lost"], edf["±"], edf["gains"]) == ("1", "-1.000", "", "1")


def test_rounds_are_split_by_class() -> None:
    """A class without a round has no row; one decision and going on to the end have rows of their own."""
    table = split_table(OUTCOME, "rounds where", conflict_class, CONFLICT_ORDER)
    assert [row[:3] for row in table[1:]] == [
        ["lookahead", "all can be served", "2"],
        ["lookahead", "somebody must lose", "2"],
        ["lookahead to the end", "all can be served", "2"],
        ["lookahead to the end", "somebody must lose", "2"],
    ]
    assert _row(table, "lookahead", "all can be served")["edf"] == "0.500 (50.0%)"
    assert [live_class(replace(OUTCOME.judged[0], live=live)) for live in (2, 6, 7, 15, 40)] == [
        "2",
        "6-7",
        "6-7",
        "11-15",
        "16+",
    ]
    assert [slack_class(replace(OUTCOME.judged[0], slack=s)) for s in (0.0, 0.1, 2.0)] == [
        "below 10%",
        "10% to 30%",
        "100% and more",
    ]


def test_the_sentence_says_how_often_and_how_much() -> None:
    """Best and worst rule, what exact planning does, and what worse plans cost when they are carried out."""
    text = sentence(OUTCOME)
    assert "lookahead program in 25.0% (edf) to 50.0% (dp) of 4 rounds, by 1.00 where it is" in text
    assert "greedy loses in 0.0% (edf) to 100.0% (dp), and exact planning (highs) in 0.0%" in text
    assert "costs 1.00 ± " in text and text.endswith("deadlines.")


def test_rounds_are_taken_evenly_from_runs() -> None:
    """A run that has few gives what it has, and the others give the rest; nothing is taken twice."""
    run = ReferenceRun(CELLS[0], 0, REFERENCE)
    found = [RunRounds(run, {"lookahead": numbers}, {}) for numbers in ((5, 1, 2, 9), (3,), (4, 7, 8))]
    assert choose(found, 6) == [{"lookahead": (5, 1, 2)}, {"lookahead": (3,)}, {"lookahead": (4, 7)}]
    assert choose(found, 100) == [{"lookahead": (5, 1, 2, 9)}, {"lookahead": (3,)}, {"lookahead": (4, 7, 8)}]
    assert choose(found, 1) == [{"lookahead": (5,)}, {}, {}]


def test_only_worse_plans_of_rules_are_carried_out() -> None:
    """Of each rule at most so many, and none of an exact solver or of an optimal plan."""
    picked = [j for own in pick_worse(OUTCOME.judged, 1).values() for j in own]
    assert sorted((j.answered.solver, j.number) for j in picked) == [("dp", 2), ("edf", 3)]
    assert len([j for own in pick_worse(OUTCOME.judged, 9).values() for j in own]) == 3
    assert pick_worse(OUTCOME.judged, 0) == {}


def test_the_best_answer_is_an_exact_one_unless_a_rule_is_better() -> None:
    """Where the exact solver's own plan loses what the program promised, a rule's that loses as much is not worse."""
    lost = [_judged(0, "highs", 1.0, exact=True), _judged(0, "edf", 1.0), _judged(0, "dp", 2.0)]
    assert best_answers(lost)["lookahead", ("cell", 0, 0)].answered.solver == "highs"
    assert [j.answered.solver for j in worse_answers(lost)] == ["dp"]
    better = [*lost, _judged(0, "srtf", 0.0)]
    assert best_answers(better)["lookahead", ("cell", 0, 0)].answered.solver == "srtf"
    assert [j.answered.solver for j in worse_answers(better)] == ["edf", "dp"]


def test_rounds_found_in_a_run_have_a_choice() -> None:
    """Every round of a run is of one kind for each program; those with a choice are named, each once."""
    found = find(ReferenceRun(CELLS[1], 0, REFERENCE))
    for program, numbers in found.numbers.items():
        kinds = found.kinds[program]
        assert len(set(numbers)) == len(numbers) == kinds.get("fits", 0) + kinds.get("conflict", 0)
    assert sum(found.kinds["lookahead"].values()) == sum(found.kinds["assignment"].values())
    assert found.numbers["lookahead"]


def test_slack_is_what_can_be_waited_over_what_is_to_run() -> None:
    """The median over those that can be on time: here one second of waiting beside one and beside two of work."""
    round_ = round_of(
        [job(0, LARGE, left=10, due=2.0), job(1, LARGE, left=20, due=3.0), job(2, LARGE, due=0.1)], cadence=EVENTS
    )
    assert slack_of(round_) == pytest.approx((1.0 + 0.5) / 2)


SMALL = RoundComparison(CELLS, range(2), REFERENCE, RULES, rounds=6, roll_outs=2)


def _study(directory: Path) -> Study:
    return Study("compare", directory, Jobs(1, journal=Journal(directory / "finished.jsonl")), {})


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Judgements, Path]:
    """A small study in two cells."""
    directory = tmp_path_factory.mktemp("rounds")
    return compare_rounds(SMALL, _study(directory)), directory


def test_a_study_leaves_everything_behind(studied: tuple[Judgements, Path]) -> None:
    """Tables, the sentence, pictures, every answer, and the worst rounds, which can be read and solved again."""
    outcome, directory = studied
    for program in ("assignment", "lookahead"):
        assert len({j.round_ for j in outcome.judged if j.answered.program == program}) <= 6
        for solver in ("highs", "cpsat", "scip", "cbc", "tetriserve", "edf", "srtf", "moore"):
            assert len(outcome.of(program, solver)) == len(outcome.of(program, "highs"))
    for name in ("kinds", "exact", "rules", "by_live", "by_slack", "by_conflict", "costs"):
        assert (directory / f"{name}.md").read_text().startswith("| program")
    assert (directory / "sentence.md").read_text().strip() == sentence(outcome)
    assert (directory / "regret.png").read_bytes().startswith(b"\x89PNG")
    with gzip.open(directory / "answers.csv.gz", "rt") as file:
        assert len(list(csv.DictReader(file))) == len(outcome.judged)
    worst = sorted((directory / "worst").glob("*.json"))
    assert worst and all(path.with_suffix(".png").is_file() for path in worst)
    assert all(len(Round.load(path).jobs) > 1 for path in worst)


def test_a_study_is_equal_when_it_is_made_again(studied: tuple[Judgements, Path], tmp_path: Path) -> None:
    """All but the times is equal; with the jobs that are done, nothing is done again and all is equal."""
    again = compare_rounds(SMALL, _study(tmp_path))

    def timeless(outcome: Judgements) -> list[Judged]:
        return [replace(j, answered=replace(j.answered, seconds=0.0)) for j in outcome.judged]

    assert timeless(again) == timeless(studied[0])
    assert again.roll_outs == studied[0].roll_outs
    assert compare_rounds(SMALL, _study(tmp_path)).judged == again.judged


def test_exact_solvers_lose_nothing_that_rules_keep(studied: tuple[Judgements, Path]) -> None:
    """On both programs no rule's plan is worth more than the optimum, and exact solvers agree on it."""
    for j in studied[0].judged:
        assert j.answered.worth <= j.optimum + 1e-6
        if j.answered.exact and j.answered.status == "optimal" and j.answered.program == "assignment":
            assert j.answered.regret == pytest.approx(0.0, abs=1e-6)


def test_a_study_refuses_what_it_cannot_do() -> None:
    """An exact solver as a rule, two of one name, and a run that does not repeat itself are refused before anything runs."""
    study = RoundComparison(CELLS, range(1), REFERENCE, RULES, rounds=4, roll_outs=0)
    with pytest.raises(ValueError, match="--policy mine is an exact solver"):
        replace(study, rules=[Policy("mine", ("solver=scip",))]).check()
    with pytest.raises(ValueError, match="two solvers are called edf"):
        replace(study, rules=[*RULES, Policy("edf", ("solver=edf",))])
    with pytest.raises(ValueError, match=r"engine\.latency=zero"):
        replace(study, grid=[Cell("measured", ("engine.latency=measured",))]).check()


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Catch figures instead of writing them."""
    figures: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, path: figures.append(self))
    return figures


def test_regret_is_drawn_at_its_mean(drawn: list[Figure]) -> None:
    """With enough rounds of a class, its mean stands in the panel of its program; with fewer, nothing does."""
    many = [
        _judged(n, name, float(n % 4 == 0), 0.0, exact=name == "highs") for name in ("edf", "highs") for n in range(8)
    ]
    few = [
        _judged(n + 8, name, 1.0, 0.0, exact=name == "highs", live=20) for name in ("edf", "highs") for n in range(2)
    ]
    draw_regret(replace(OUTCOME, judged=[*many, *few]), Path("unused.png"))
    decision, alone = drawn[0].axes
    line = next(c for c in decision.containers if c.get_label() == "edf")
    assert list(line[0].get_ydata()) == [pytest.approx(0.25)]  # type: ignore[index]
    assert [t.get_text() for t in decision.get_xticklabels()] == ["2\n8", "16+\n2"]
    assert "to the end" in alone.get_title(loc="left")


def test_two_plans_show_who_is_on_time(drawn: list[Figure]) -> None:
    """Of two rivals the plan decides which one is on time; each deadline is marked as met or missed."""
    group = Cluster.nvlink(8).groups(8)[0]
    round_ = round_of([job(0, LARGE, due=1.1), job(1, LARGE, due=1.2)], cadence=EVENTS)
    plans = [("rule", [Assignment((0,), group, 10)]), ("optimal", [Assignment((1,), group, 10)])]
    draw_plans(round_, plans, Edf(), "two plans", Path("unused.png"))
    marks = {line.get_gid() for axes in drawn[0].axes for line in axes.get_lines() if line.get_gid()}
    assert marks == {"rule/0/met", "rule/1/missed", "optimal/0/missed", "optimal/1/met"}
    assert drawn[0].axes[0].get_title(loc="left") == "rule: 1 of 2 on time"
