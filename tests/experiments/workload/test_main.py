from __future__ import annotations

from pathlib import Path

import pytest

from experiments.workload.__main__ import main
from experiments.workload.trace import read_trace


def generate(path: Path, *more: str) -> int:
    """Run ``generate`` with a few options set."""
    return main(["generate", "--count", "40", "--seed", "0", "--output", str(path), *more])


def test_generate_writes_a_trace_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file has the requests asked for, and both commands print the summary."""
    path = tmp_path / "trace.csv"
    assert generate(path, "--mix", "mix-c", "--rate", "30", "--slo-scale", "1.1", "--jitter", "0.2") == 0
    assert main(["check", str(path)]) == 0
    assert capsys.readouterr().out.count("1536x1536") == 2
    workload = read_trace(path)
    assert len(workload) == 40
    assert workload.parameters["seed"] == 0


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two runs with one seed write identical files."""
    for name in ("a.csv", "b.csv"):
        assert generate(tmp_path / name, "--pieces", "50:12,10:60", "--drift-to", "skewed", "--cv", "1.6") == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_check_counts_empty_deadlines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trace without deadlines is fine, and the summary says how many were filled in."""
    path = tmp_path / "t.csv"
    path.write_text("# tetriplan-trace 1\nid,arrival_s,height,width,steps,deadline_s\n0,1,512,512,50,\n")
    assert main(["check", str(path)]) == 0
    assert "1 empty deadlines" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--mix", "nope"], "mix 'nope' is unknown"),
        (["--rate", "0"], "'0' is not a positive number"),
        (["--pieces", "50-12"], "'50-12' is not SECONDS:RATE"),
        (["--seed", "-1"], "'-1' is not a whole number"),
        (["--jitter", "2"], "spread is 2.0"),
    ],
)
def test_an_unfit_option_is_one_line_and_status_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], words: str
) -> None:
    """Nothing is written, standard error has one line that names the value, and the status is 2."""
    assert generate(tmp_path / "t.csv", *more) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "t.csv").exists()


def test_check_fails_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing file and an unfit one give status 1 and one line each that names the file."""
    bad = tmp_path / "bad.csv"
    bad.write_text("id,arrival\n")
    for path in (tmp_path / "none.csv", bad):
        assert main(["check", str(path)]) == 2
        error = capsys.readouterr().err
        assert path.name in error
        assert error.count("\n") == 1
