"""The regimes: every one can be built, the page names all of them, and gains are what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from executor.records import Records
from experiments.cli import compose
from experiments.config.build import build
from experiments.results import summarize
from experiments.studies.grid import Result
from experiments.studies.regimes.declared import REGIMES, Regime
from experiments.studies.regimes.gains import gain_of, gains_table
from experiments.studies.regimes.study import SERVED, main
from planner.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("regime", REGIMES, ids=lambda regime: regime.name)
def test_every_regime_can_be_served_by_every_policy(regime: Regime) -> None:
    """Overrides compose, and no policy asks for a degree that the regime's cluster lacks."""
    for policy in SERVED:
        setup = build(compose([*regime.cell(["workload.requests=5"]).overrides, *policy.overrides]))
        assert len(setup.workload) == 5


def test_the_page_has_a_reason_for_every_regime() -> None:
    """Names are unique, and docs/regimes.md says why something is, or is not, gained in each."""
    names = [regime.name for regime in REGIMES]
    assert len(set(names)) == len(names) >= 10
    page = (ROOT / "docs" / "regimes.md").read_text()
    for name in names:
        assert f"- **{name[0].upper()}{name[1:]}**:" in page


def results(sars: dict[str, list[float]]) -> list[Result]:
    """Make the runs of one regime: attainment by weight by policy and seed."""
    empty = summarize(Records(()), Cluster.nvlink(8))
    return [
        Result("r", policy, seed, replace(empty, weighted_sar=sar))
        for policy, by_seed in sars.items()
        for seed, sar in enumerate(by_seed)
    ]


def test_the_best_rule_is_the_one_with_the_highest_mean() -> None:
    """Policy b beats a on average, so the gain is over b, though a is better in one seed; rounds are compared with b, too."""
    runs = results({"plan": [0.9, 0.8, 0.9], "a": [0.7, 0.75, 0.3], "b": [0.8, 0.6, 0.7], "rounds": [0.5, 0.5, 0.5]})
    gain = gain_of(runs, "plan", ["a", "b"], ["rounds"])
    assert (gain.simple, gain.rounds, gain.wins, gain.losses) == ("b", "rounds", 3, 0)
    assert gain.over_simple.mean == pytest.approx((0.1 + 0.2 + 0.2) / 3)
    assert gain.over_rounds.mean == pytest.approx((0.3 + 0.1 + 0.2) / 3)
    assert gain.verdict == "ahead"


@pytest.mark.parametrize(
    ("plan", "verdict"), [([0.9, 0.91], "ahead"), ([0.4, 0.41], "behind"), ([0.9, 0.4], "even"), ([0.9], "even")]
)
def test_a_verdict_needs_an_interval_beyond_zero(plan: list[float], verdict: str) -> None:
    """Ahead and behind only where the interval leaves out 0; one seed proves nothing."""
    runs = results({"plan": plan, "a": [0.6, 0.61][: len(plan)], "rounds": [0.5, 0.5][: len(plan)]})
    assert gain_of(runs, "plan", ["a"], ["rounds"]).verdict == verdict


def test_the_table_is_sorted_by_gain() -> None:
    """The regime with the largest gain stands first."""
    gains = [
        replace(gain_of(results({"plan": [p], "a": [0.5], "rounds": [0.4]}), "plan", ["a"], ["rounds"]), regime=name)
        for name, p in (("little", 0.55), ("much", 0.9), ("loss", 0.4))
    ]
    assert [row[0] for row in gains_table(gains)[1:]] == ["much", "little", "loss"]


def test_the_command_writes_tables_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One small regime with its bound leaves list, table, gains, runs, bounds, picture and manifest."""
    output = tmp_path / "out"
    arguments = ["--regime", "premium tier", "--seeds", "2", "--jobs", "1", "--bound", "--output", str(output)]
    assert main([*arguments, "workload.requests=15"]) == 0
    assert {path.name for path in output.iterdir()} == {
        "list.md", "table.md", "gains.md", "runs.csv", "bounds.csv", "gains.png", "manifest.json", "finished.jsonl",
    }  # fmt: skip
    assert "premium tier" in (output / "gains.md").read_text()
    assert "over best simple" in capsys.readouterr().out


def test_an_unknown_regime_is_named_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """The error lists the regimes, and the list has who has each."""
    assert main(["--regime", "nosuch"]) == 2
    error = capsys.readouterr().err
    assert "'nosuch'" in error and "premium tier" in error
    assert main(["--list"]) == 0
    assert "A premium plan" in capsys.readouterr().out
