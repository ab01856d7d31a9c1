from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from planner.cluster import Cluster, Group
from planner.errors import ParameterError
from planner.round import Cadence, Round
from tests.strategies import LARGE, ROUNDS, SMALL, TOY, job, round_of, rounds

C8 = Cluster.nvlink(8)
ONE, TWO = C8.groups(1)[0], C8.groups(2)[0]


@settings(max_examples=60)
@given(rounds())
def test_json_round_trip_is_exact(round_: Round) -> None:
    """Tests that a round survives JSON to the last bit of every float, with cluster and profile inside."""
    text = json.dumps(round_.to_dict())
    again = Round.from_dict(json.loads(text))
    assert (again.now, again.jobs, again.free_at, again.cadence, again.regroup_seconds) == (
        round_.now, round_.jobs, round_.free_at, round_.cadence, round_.regroup_seconds,
    )  # fmt: skip
    assert again.cluster.to_dict() == round_.cluster.to_dict()
    assert again.profile.digest == round_.profile.digest
    assert json.dumps(again.to_dict()) == text


def test_file_round_trip(tmp_path: Path) -> None:
    """Tests that a saved round reads back equal, awkward floats included."""
    round_ = replace(round_of([job(3, due=0.1 + 0.2, ready=1 / 3)], now=1e6 / 7), demand=1.7, regroup_seconds=0.1)
    for saved in (round_, round_.off_grid):
        saved.save(tmp_path / "round.json")
        again = Round.load(tmp_path / "round.json")
        assert (again.to_dict(), again.cadence) == (saved.to_dict(), saved.cadence)
    assert "grid" not in round_.to_dict()["cadence"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(schema="tetriplan/round/99"), "round/99"),
        (lambda data: data.pop("free_at"), "free_at is missing"),
        (lambda data: data["jobs"][0].pop("due"), "jobs\\[0\\].due is missing"),
        (lambda data: data["jobs"][0].update(group=[1, 2]), "no legal group"),
        (lambda data: data["cadence"].update(tau=0), "cadence.tau is 0; a positive number"),
        (lambda data: data["cadence"].update(kind="round"), "cadence.kind is 'round'; use"),
        (lambda data: data["cadence"].pop("kind"), "cadence.kind is missing"),
        (lambda data: data.update(cadence=3), "cadence is 3; an object"),
        (lambda data: data.update(now=math.nan), "now is nan; a finite"),
        (lambda data: data.update(now=None), "now is None;"),
        (lambda data: data.update(regroup_seconds=-1), "regroup_seconds is -1; a number of at least 0"),
        (lambda data: data.update(nwo=0.0), r"nwo is no field; did you mean now\?"),
        (lambda data: data.update(jobs={}), "jobs is {}; a list"),
        (lambda data: data["jobs"].append(3), r"jobs\[1\] is 3; an object"),
        (lambda data: data["jobs"].append(data["jobs"][0]), r"jobs\[1\].id is 0; another job"),
        (lambda data: data["jobs"][0].update(duee=1.0), r"jobs\[0\].duee is no field; did you mean due\?"),
        (lambda data: data["jobs"][0].update(steps_left=0), r"jobs\[0\].steps_left is 0;"),
        (lambda data: data["jobs"][0].update(steps_left="10"), r"jobs\[0\].steps_left is '10';"),
        (lambda data: data["jobs"][0].update(steps_left=11), r"jobs\[0\].steps_left is 11; the request has 10 steps"),
        (lambda data: data["jobs"][0].update(due=math.inf), r"jobs\[0\].due is inf;"),
        (lambda data: data["jobs"][0].update(ready="now"), r"jobs\[0\].ready is 'now';"),
        (lambda data: data["jobs"][0].update(weight="1"), r"jobs\[0\].weight is '1';"),
        (lambda data: data["jobs"][0].update(shape="big"), r"jobs\[0\]: .*big"),
        (lambda data: data["jobs"][0].update(shape=256), r"jobs\[0\].shape is 256;"),
        (lambda data: data["jobs"][0].update(running=True), r"jobs\[0\].running is True; a job that runs has a group"),
        (lambda data: data["jobs"][0].update(group=[-1]), r"jobs\[0\].group is \[-1\]; numbers of GPUs from 0 to 7"),
        (lambda data: data["jobs"][0].update(group="0"), r"jobs\[0\].group is '0'; a list"),
        (lambda data: data["free_at"].__setitem__(2, None), r"free_at\[2\] is None;"),
        (lambda data: data["free_at"].__setitem__(2, math.nan), r"free_at\[2\] is nan;"),
        (lambda data: data["cluster"].update(gpus="8"), "cluster.gpus is '8'; a whole number"),
        (lambda data: data["cluster"].update(degrees=[1, "2"]), "cluster.degrees is '2';"),
        (lambda data: data["cluster"].update(edges=[["gpu0", "switch"]]), "cluster.edges is "),
        (lambda data: data["cluster"].pop("links"), "cluster.links is missing"),
        (lambda data: data["profile"].pop("entries"), "entries"),
        (lambda data: data["free_at"].pop(), r"free_at is \(.*; 7 times are given, but the cluster has 8 GPUs"),
    ],
)
def test_bad_files_name_themselves(tmp_path: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    """Tests that an unreadable round names its file and what is wrong with it."""
    data = round_of([job(0)]).to_dict()
    change(data)
    path = tmp_path / "hard.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match=rf"hard\.json: .*{message}"):
        Round.load(path)


@pytest.mark.parametrize("text", ["", "[]", "3", "{"])
def test_what_is_no_round_is_refused(tmp_path: Path, text: str) -> None:
    """Tests that a file that holds no JSON object is refused by name, too."""
    path = tmp_path / "hard.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"hard\.json"):
        Round.load(path)


def test_hopeless_by_the_fastest_degree() -> None:
    """Tests that a job is hopeless just when the fastest degree from its next boundary on is too slow."""
    exactly = 10 * 0.1
    assert not round_of([j := job(0, LARGE, 10, due=exactly)]).hopeless(j)
    assert round_of([j := job(0, LARGE, 10, due=exactly - 1e-6)]).hopeless(j)
    assert round_of([j := job(0, LARGE, 10, due=exactly, ready=0.05)]).hopeless(j)
    assert not round_of([j := job(0, LARGE, 10, due=exactly + 2.0)], now=2.0).hopeless(j)


@pytest.mark.parametrize(("kind", "tau"), [("round", 1.0), ("rounds", 0.0), ("events", math.inf), ("events", math.nan)])
def test_impossible_cadences_are_refused(kind: str, tau: float) -> None:
    """Tests that a cadence is refused with its field and value."""
    with pytest.raises(ValueError, match=r"^(kind|tau) is"):
        Cadence(kind, tau)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"now": math.nan}, "^now is nan;"),
        ({"jobs": [job(0)]}, r"^jobs is \[Job.*; a tuple of Job"),
        ({"jobs": (3,)}, "^jobs is "),
        ({"cluster": None}, "^cluster is None; a Cluster"),
        ({"profile": "flux"}, "^profile is 'flux'; a Profile"),
        ({"regroup_seconds": math.nan}, "^regroup_seconds is nan; a number"),
        ({"regroup_seconds": -0.1}, r"^regroup_seconds is -0\.1; a number"),
        ({"regroup_seconds": "0"}, "^regroup_seconds is '0'; a number"),
        ({"demand": -1.0}, r"^demand is -1\.0; a number"),
        ({"demand": math.inf}, "^demand is inf; a number"),
        ({"cadence": 0.4}, r"^cadence is 0\.4; a Cadence"),
        ({"free_at": [0.0] * 8}, "^free_at is .*; a tuple"),
        ({"free_at": (0.0,)}, r"^free_at is \(0\.0,\); 1 times are given, but the cluster has 8 GPUs"),
        ({"free_at": (*(0.0,) * 7, math.inf)}, r"^free_at\[7\] is inf;"),
        ({"free_at": (*(0.0,) * 7, "0")}, r"^free_at\[7\] is '0';"),
        ({"jobs": (job(4), job(4))}, r"^jobs\[1\]\.id is 4; another job"),
        ({"jobs": (job(0, group=Group((1, 2), "nvlink")),)}, r"^jobs\[0\]\.group is .*; that is no group of cluster"),
        (
            {"jobs": (job(0, group=TWO, running=True), job(1, group=ONE, running=True))},
            r"^jobs\[1\]\.group is \(0,\); job 0 runs on one of these GPUs",
        ),
        (
            {"jobs": (job(0, SMALL, group=ONE, running=True), job(1, LARGE, group=ONE, running=True))},
            r"^jobs\[1\]\.group is \(0,\); job 0 runs",
        ),
    ],
)
def test_impossible_rounds_are_refused(change: dict[str, object], message: str) -> None:
    """Tests that a round made in Python is refused with the parameter and its value."""
    good = {"now": 0.0, "jobs": (), "cluster": C8, "profile": TOY, "free_at": (0.0,) * 8, "cadence": ROUNDS}
    Round(**good)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match=message):
        Round(**(good | change))  # type: ignore[arg-type]


def test_a_batch_and_a_waiting_job_share_gpus() -> None:
    """Tests that jobs of one shape may run on one group, as a batch, and that the latent of another may lie there."""
    jobs = (job(0, SMALL, group=ONE, running=True), job(1, SMALL, group=ONE, running=True), job(2, LARGE, group=TWO))
    assert len(round_of(jobs, C8).jobs) == 3


def test_the_tier_is_kept() -> None:
    """Tests that a request's class of service survives the file, and that files without it can be read."""
    j = job(0)
    round_ = round_of([replace(j, request=replace(j.request, tier="premium"))])
    assert Round.from_dict(round_.to_dict()).jobs[0].request.tier == "premium"
    assert "tier" not in round_of([j]).to_dict()["jobs"][0]


def test_slack_counts_from_the_end_of_the_step_in_progress() -> None:
    """Tests that a job in the middle of a step has the slack that is left when the step ends."""
    j = job(0, LARGE, 10, due=3.0, ready=0.5, group=C8.groups(8)[0], running=True)
    assert round_of([j], C8).slack(j) == pytest.approx(1.5)
    waiting = job(0, LARGE, 10, due=3.0)
    assert round_of([waiting], C8, now=1.0).slack(waiting) == pytest.approx(1.0)


def test_only_what_has_begun_elsewhere_loses_by_a_move() -> None:
    """Tests the seconds of a move, none before the first step and on the job's own GPUs, and a file without the field."""
    new, here, there = job(0), job(1, group=TWO), job(2, group=TWO, running=True)
    round_ = round_of([new, here, there], C8, regroup_seconds=0.2)
    assert [round_.move_seconds(j, TWO) for j in round_.jobs] == [0.0, 0.0, 0.0]
    assert [round_.move_seconds(j, ONE) for j in round_.jobs] == [0.0, 0.2, 0.2]
    assert not {"regroup_seconds", "demand"} & set(round_of([new], C8).to_dict())


@given(rounds())
def test_off_the_grid_nothing_else_differs(round_: Round) -> None:
    """Tests that a round off the grid is what it would be if it were made and checked anew."""
    made = replace(round_, cadence=replace(round_.cadence, grid=round_.cadence.kind == "events"))
    assert round_.off_grid == made
    assert round_.off_grid.costs is round_.costs
