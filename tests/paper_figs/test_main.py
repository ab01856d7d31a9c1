"""The command line: one tiny figure end to end, a failing one among others, and names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paper_figs import __main__ as command
from paper_figs.__main__ import main
from paper_figs.figure import Figure, figure_names, load_figure
from paper_figs.lab import Lab
from paper_figs.table import Table


def test_makes_a_figure_end_to_end(tmp_path: Path) -> None:
    """One command writes CSV, PDF, SVG, PNG and the manifest; the second call gives the same bytes."""
    where = ["--quick", "--jobs", "1", "--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert main(["fig01", *where]) == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(files) == {"fig01.csv", "fig01.pdf", "fig01.svg", "fig01.png", "manifest.json"}
    assert json.loads(files.pop("manifest.json"))["config"]["seconds"].keys() == {"fig01"}
    assert main(["fig01", *where]) == 0
    assert all((tmp_path / "out" / name).read_bytes() == content for name, content in files.items())
    assert (tmp_path / "cache" / ".gitignore").read_text() == "*\n"


def test_draws_again_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call draws nothing, a lost picture is drawn again, and so is one whose stamp is not that of its data."""
    drawn: list[str] = []
    original = command.draw
    monkeypatch.setattr(command, "draw", lambda name, *rest: (drawn.append(name), original(name, *rest)))
    out = tmp_path / "out"
    where = ["--quick", "--jobs", "1", "--output", str(out), "--cache", str(tmp_path / "cache")]
    assert main(["fig02", "fig03", *where]) == 0
    assert main(["fig02", "fig03", *where]) == 0
    assert drawn == ["fig02", "fig03"]
    (out / "fig03.svg").unlink()
    assert main(["fig02", "fig03", *where]) == 0
    assert drawn == ["fig02", "fig03", "fig03"]
    kept = json.loads((out / "manifest.json").read_text())
    kept["config"]["drawn"]["fig02"] = "of other data"
    (out / "manifest.json").write_text(json.dumps(kept))
    assert main(["fig02", "fig03", *where]) == 0
    assert drawn[3:] == ["fig02"]


def test_failing_figure_is_named_and_the_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A figure that raises does not keep others from being made; the exit status says that one failed."""

    def fail(lab: Lab) -> Table:
        raise RuntimeError("out of paint")

    good = load_figure("fig02")
    bad = Figure("broken", fail, good.draw, good.describe)
    monkeypatch.setattr(command, "load_figure", lambda name: bad if name == "fig03" else load_figure(name))
    assert main(["fig03", "fig02", "--output", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 1
    assert (tmp_path / "fig02.png").exists()
    assert not (tmp_path / "fig03.png").exists()
    told = capsys.readouterr().err
    assert "fig03 failed" in told
    assert "out of paint" in told
    assert "1 of 2 figures" in told


def test_redraw_computes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--redraw draws from the tables that are there, keeps what the manifest says of the run, and names what is missing."""
    where = ["--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert main(["fig02", "--seeds", "2", *where]) == 0
    before = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert before["config"]["seeds"] == 2
    (tmp_path / "out" / "fig02.png").unlink()
    table = (tmp_path / "out" / "fig02.csv").read_text()
    assert main(["fig02", "--redraw", *where]) == 0
    assert (tmp_path / "out" / "fig02.png").exists()
    assert (tmp_path / "out" / "fig02.csv").read_text() == table
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == before
    assert main(["fig07", "--redraw", *where]) == 2
    assert "fig07.csv" in capsys.readouterr().err


def test_interruption_is_no_failure_of_a_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After ctrl-C no further figure is made, and the exit status is that of an interrupted command."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "make", stop)
    assert main(["fig02", "fig03", "--output", str(tmp_path), "--cache", str(tmp_path / "cache")]) == 130
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--output", "--cache"])
def test_a_place_that_cannot_be_written_is_named(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is run when its results could not be kept."""
    (tmp_path / "file").write_text("")
    where = {"--output": str(tmp_path / "out"), "--cache": str(tmp_path / "cache"), option: str(tmp_path / "file")}
    assert main(["fig02", *(word for pair in where.items() for word in pair)]) == 2
    assert f"{option} is {tmp_path / 'file'}" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--seeds", "x"], ["--jobs", "0"]])
def test_counts_are_at_least_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The option and the value are named."""
    assert main(arguments) == 2
    assert f"argument {arguments[0]}: '{arguments[1]}' is not a whole number of at least 1" in capsys.readouterr().err


def test_names(capsys: pytest.CaptureFixture[str]) -> None:
    """--list names every figure with its title; a name that does not exist is refused with the nearest one."""
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == figure_names()
    assert main(["fig7"]) == 2
    assert "Did you mean fig07?" in capsys.readouterr().err


def test_every_figure_of_the_paper_is_there() -> None:
    """All numbered figures and tables of the evaluation have a module with a title."""
    figures = {f"fig{number:02}" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}
    tables = {f"table{number}" for number in (1, 3, 4, 5, 6)}
    assert figures | tables <= set(figure_names())
    assert all(load_figure(name).title for name in figure_names())
