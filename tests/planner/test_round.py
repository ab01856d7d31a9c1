from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings

from planner.round import Cadence, Round
from tests.strategies import LARGE, job, round_of, rounds


@settings(max_examples=60)
@given(rounds())
def test_json_round_trip_is_exact(round_: Round) -> None:
    """Tests that a round survives JSON to the last bit of every float, with cluster and profile inside."""
    text = json.dumps(round_.to_dict())
    again = Round.from_dict(json.loads(text))
    assert (again.now, again.jobs, again.free_at, again.cadence) == (
        round_.now, round_.jobs, round_.free_at, round_.cadence,
    )  # fmt: skip
    assert again.cluster.to_dict() == round_.cluster.to_dict()
    assert again.profile.digest == round_.profile.digest
    assert json.dumps(again.to_dict()) == text


def test_file_round_trip(tmp_path: Path) -> None:
    """Tests that a saved round reads back equal, awkward floats included."""
    round_ = round_of([job(3, due=0.1 + 0.2, ready=1 / 3)], now=1e6 / 7)
    round_.save(tmp_path / "round.json")
    assert Round.load(tmp_path / "round.json").to_dict() == round_.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(schema="tetriplan/round/99"), "round/99"),
        (lambda data: data.pop("free_at"), "lacks the field 'free_at'"),
        (lambda data: data["jobs"][0].pop("due"), "lacks the field 'due'"),
        (lambda data: data["jobs"][0].update(group=[1, 2]), "no legal group"),
        (lambda data: data["cadence"].update(tau=0), "cadence.tau is 0"),
        (lambda data: data["free_at"].pop(), "free_at has 7 times; the cluster has 8 GPUs"),
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
    with pytest.raises(ValueError, match=r"cadence\.(kind|tau) is"):
        Cadence(kind, tau)  # type: ignore[arg-type]
