"""The main job as a user starts it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.patience import PATIENCE

DETERMINISTIC = ("requests.parquet", "rounds.parquet", "segments.parquet", "summary.json")


def start(*arguments: str, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start ``python -m experiments.run`` in a directory; ctrl-C ends it, even where these tests are deaf to it."""
    return subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )


def hear_interrupts() -> None:
    """Undo that a shell lets what it starts in the background, and all that is started there, ignore ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for a process; return exit code, standard output and standard error."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.mark.parametrize("solver", ["cpsat", "dp"])
def test_same_seed_same_bytes(solver: str, tmp_path: Path) -> None:
    """Two processes under different hash seeds write the same tables to the byte; another seed writes others."""
    arguments = [f"solver={solver}", "workload.requests=30"]
    first = start(*arguments, "output=first", cwd=tmp_path, PYTHONHASHSEED="1")
    second = start(*arguments, "output=second", cwd=tmp_path, PYTHONHASHSEED="2")
    assert finish(first)[0] == finish(second)[0] == 0
    for name in DETERMINISTIC:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes(), name
    assert finish(start(*arguments, "output=third", "seed=1", cwd=tmp_path))[0] == 0
    assert (tmp_path / "third" / "requests.parquet").read_bytes() != (
        tmp_path / "first" / "requests.parquet"
    ).read_bytes()


def test_leaves_everything_and_says_where(tmp_path: Path) -> None:
    """A run prints its table and the place of its files, and all of them are there and readable."""
    code, out, err = finish(start("solver=edf", "workload.requests=20", "output=run", cwd=tmp_path))
    assert code == 0, err
    assert "SLO attainment" in out and "Results are in run" in out
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {*DETERMINISTIC, "timings.parquet", "manifest.json", "trace.json.gz", "timeline.png"}
    assert pq.read_table(tmp_path / "run" / "requests.parquet").num_rows == 20
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["config"]["solver"]["kind"] == "edf" and manifest["seeds"] == {"workload": 0, "engine": 0}


def test_refuses_before_anything_runs(tmp_path: Path) -> None:
    """A wrong value ends with exit code 2, one message and no result directory."""
    code, out, err = finish(start("solver=fixed", "solver.degree=16", "output=run", cwd=tmp_path))
    assert code == 2 and out == ""
    assert err.startswith("error: solver.degree is 16") and err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_refuses_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """An output path with a file in its place is refused by name."""
    (tmp_path / "taken").write_text("")
    code, _, err = finish(start("workload.requests=5", "output=taken", cwd=tmp_path))
    assert code == 2 and "taken" in err and err.startswith("error: ") and err.count("\n") == 1


LONG = ["workload=skewed", "workload.rate=18", "workload.slo_scale=1.2", "workload.requests=10000"]


@pytest.mark.parametrize(
    ("solver", "sent"), [("edf", signal.SIGINT), ("cpsat", signal.SIGINT), ("edf", signal.SIGTERM)]
)
def test_interrupt_keeps_what_was_finished(solver: str, sent: signal.Signals, tmp_path: Path) -> None:
    """Ctrl-C or a request to terminate ends a long run with readable tables and exit code 130, also while CP-SAT searches."""
    process = start(*LONG, f"solver={solver}", "output=run", cwd=tmp_path)
    tables = tmp_path / "run" / "requests.parquet"
    for _ in range(1800):
        if tables.exists():
            break
        time.sleep(0.1)
    process.send_signal(sent)
    code, out, err = finish(process)
    assert code == 130, err
    assert "Interrupted" in out
    fates = pq.read_table(tables)["fate"].to_pylist()
    assert len(fates) == 10000 and {"on_time", "unfinished"} <= set(fates)
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["complete"] is False


def test_terminate_in_the_background(tmp_path: Path) -> None:
    """A request to terminate ends a run that a shell started with ``&``, which lets it ignore ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.run", *LONG, "solver=edf", "output=run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN) and None,
    )
    for _ in range(1800):
        if (tmp_path / "run" / "requests.parquet").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    code, out, err = finish(process)
    assert code == 130, err
    assert "Interrupted" in out


def test_sweep_runs_every_combination(tmp_path: Path) -> None:
    """-m makes a run per combination below one new directory, and prints them as one table."""
    code, out, err = finish(start("-m", "solver=edf,fixed", "workload.requests=5,6", cwd=tmp_path))
    assert code == 0, err
    (sweep,) = (tmp_path / "results").iterdir()
    assert sum((path / "timeline.png").is_file() for path in sweep.iterdir()) == 4
    assert out.count("of 5") == out.count("of 6") == 2


def test_own_objective_changes_the_plan(tmp_path: Path) -> None:
    """A class in a file outside the repository, named on the command line, changes what is planned."""
    (tmp_path / "mine.py").write_text(
        "class SmallFirst:\n"
        "    def __init__(self, power=0.5):\n"
        "        self.power = power\n"
        "    def rewards(self, outcomes):\n"
        "        return outcomes.survives * (65536 / outcomes.pixels) ** self.power\n"
    )
    common = ["program=assignment", "workload=skewed", "workload.rate=30", "workload.requests=60"]
    mine = ["objective=custom", "objective.file=mine.py", "+objective.arguments.power=2"]
    assert finish(start(*common, "output=shipped", cwd=tmp_path))[0] == 0
    code, _, err = finish(start(*common, *mine, "output=mine", cwd=tmp_path))
    assert code == 0, err
    shipped, own = (pq.read_table(tmp_path / name / "segments.parquet") for name in ("shipped", "mine"))
    assert not shipped.equals(own)


def test_objective_that_fails_later_keeps_what_was_finished(tmp_path: Path) -> None:
    """An objective that turns to NaN during the run ends it with its name and leaves readable tables."""
    (tmp_path / "late.py").write_text(
        "import numpy as np\n"
        "class TurnsBad:\n"
        "    def rewards(self, outcomes):\n"
        "        return np.where(outcomes.job > 10, np.nan, 1.0 * outcomes.survives)\n"
    )
    code, _, err = finish(
        start("program=assignment", "objective=custom", "objective.file=late.py", "output=run", cwd=tmp_path)
    )
    assert code == 2 and "TurnsBad" in err and "nan" in err
    assert "on_time" in pq.read_table(tmp_path / "run" / "requests.parquet")["fate"].to_pylist()
