"""Cached runs: what is kept, what is found again, what is made anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paper_figs.cache import Cache
from paper_figs.lab import Lab, Point
from paper_figs.policies import BOUND, DP, EDF
from paper_figs.work import Task, run

SMALL = ("workload.requests=12",)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A laboratory with a cache of its own."""
    return Lab(Cache(tmp_path), quick=True, jobs=1)


def count(lab: Lab, found: list[int]) -> Lab:
    """Let a laboratory tell how much it has to do."""
    return replace(lab, on_work=found.append)


def test_second_call_runs_nothing_and_deleting_one_run_repeats_only_that(lab: Lab) -> None:
    """The second call finds all runs; after one file is deleted, exactly one run is made, with an equal result."""
    work: list[int] = []
    points = [Point({"rate": rate}, (*SMALL, f"workload.rate={rate}")) for rate in (6, 12)]
    first = count(lab, work).sweep(points, (DP, EDF))
    assert work[0] == 2 * 2 * 3
    assert work.count(-1) == work[0]
    work.clear()
    assert count(lab, work).sweep(points, (DP, EDF)) == first
    assert work == [0]
    victim = sorted((lab.cache.directory / "runs").glob("*.json"))[3]
    text = victim.read_text()
    victim.unlink()
    work.clear()
    assert count(lab, work).sweep(points, (DP, EDF)) == first
    assert work == [1, -1]
    assert victim.read_text().split('"wall"')[0] == text.split('"wall"')[0]


def test_unreadable_result_is_made_anew(lab: Lab) -> None:
    """A file that is no JSON counts as missing."""
    task = run(lab.config(*SMALL, *DP.overrides) | {"seed": 0})
    result = lab.do([task])[0]
    lab.cache.path(task).write_text("{")
    assert lab.do([task])[0]["summary"]["sar"] == result["summary"]["sar"]


def test_identity_is_the_whole_configuration(lab: Lab) -> None:
    """Seed, any field, what is kept and the speed change it; name, output and idle programs do not."""
    config = lab.config(*DP.overrides) | {"seed": 0}
    path = lab.cache.path(run(config))
    assert lab.cache.path(run(config | {"name": "x", "program": {"kind": "other"}})) == path
    others = [run(config | {"seed": 1}), run(config, keep=["requests"]), run(config, speed=1.1)]
    slower = lab.config(*DP.overrides, "workload.rate=6.0") | {"seed": 0}
    assert len({path, lab.cache.path(run(slower)), *map(lab.cache.path, others)}) == 5


def test_fields_are_set_as_on_the_command_line(lab: Lab) -> None:
    """A field gets the value and the type that Hydra gives it; an unknown one is an error that lists the known."""
    config = lab.config("solver=dp", "workload.rate=18", "cadence.tau=0.2", "workload.pieces=[[1.0,2.0]]")
    assert config["workload"]["rate"] == 18.0
    assert isinstance(config["workload"]["rate"], float)
    assert config["cadence"] == config["cadence"] | {"kind": "rounds", "tau": 0.2}
    assert config["workload"]["pieces"] == [[1.0, 2.0]]
    with pytest.raises(KeyError, match=r"no field workload\.speed"):
        lab.config("workload.speed=1")


def test_no_policy_exceeds_the_clairvoyant_bound(lab: Lab) -> None:
    """For equal seeds, the bound is at least the attainment of any policy."""
    table = lab.sweep([Point({}, (*SMALL, "workload.rate=40"))], (DP, EDF, BOUND))
    bound = table.number("sar", policy="bound")
    assert all(table.number("sar", policy=name) <= bound + 1e-9 for name in ("dp", "edf"))


def test_failure_in_a_run_is_not_cached(lab: Lab) -> None:
    """A piece of work that raises leaves no file."""
    task = Task("paper_figs.work:simulate", {"config": lab.config("cluster.gpus=0") | {"seed": 0}})
    with pytest.raises(ValueError, match="gpus"):
        lab.do([task])
    assert not lab.cache.path(task).exists()
