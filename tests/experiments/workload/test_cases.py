"""Files made after public traces and bug reports: each is served, or refused with line and column."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from experiments.results import summarize
from experiments.runner import simulate
from experiments.workload.__main__ import main
from experiments.workload.trace import TraceError, read_trace
from tests.experiments.workload.serving import served, setup_of
from tests.patience import PATIENCE

CASES = Path(__file__).parent / "samples" / "cases"


def test_sizes_outside_the_profile_are_served_with_one_note() -> None:
    """Both sizes are in it, their times are marked extrapolated, and every request is delivered."""
    setup = setup_of(CASES / "t01_rect.csv")
    notes = [note for note in setup.notes if "extrapolated" in note]
    assert len(notes) == 1
    assert "768x1344, 1360x768" in notes[0]
    assert len(simulate(setup).delivered) == 3
    assert served(CASES / "t01_rect.csv", "profile.shapes=nearest") == 3
    with pytest.raises(ValueError, match="768x1344"):
        setup_of(CASES / "t01_rect.csv", "profile.shapes=exact")
    with pytest.raises(ValueError, match=r"profile.shapes is 'modle'; use .*did you mean model\?"):
        setup_of(CASES / "t01_rect.csv", "profile.shapes=modle")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("t04_iso_time.csv", "line 3, column arrival_s: '2026-01-05T10:00:00Z'"),
        ("t05_epoch_ms.csv", "line 3, column arrival_s: '1767607200000' seems to be milliseconds"),
        ("t06_unsorted.csv", "line 4, column arrival_s: '1'"),
        ("t09_string_ids.csv", "line 3, column id: 'req-0001'"),
    ],
)
def test_what_a_trace_may_not_hold_names_line_column_and_the_command_that_reads_it(name: str, words: str) -> None:
    """The error says where, and that convert reads it."""
    with pytest.raises(TraceError) as error:
        read_trace(CASES / name)
    assert words in str(error.value)
    assert "convert FILE --from csv" in str(error.value)


def test_a_trace_on_the_clock_of_the_world_begins_at_zero() -> None:
    """Times are shifted, with a note, and the run is as long as the trace."""
    setup = setup_of(CASES / "t05b_epoch_s.csv")
    assert [r.arrival for r in setup.workload.requests] == [0.0, 1.25, 2.25]
    assert [r.deadline for r in setup.workload.requests] == [5.0, 6.25, 6.25]
    assert any("1767607200.25 s on its clock" in note for note in setup.notes)


@pytest.mark.parametrize("name", ["t13_crlf.csv", "t15.csv.gz"])
def test_line_ends_and_compression_are_read(name: str) -> None:
    """One request of 28 steps, and the name without endings."""
    workload = read_trace(CASES / name)
    assert [r.steps for r in workload.requests] == [28]
    assert workload.name == name.partition(".")[0]


@pytest.mark.parametrize("solver", ["edf", "srtf", "dp", "rssp", "fixed", "cpsat", "highs"])
def test_all_at_once_is_served(solver: str) -> None:
    """Forty requests at second 0 all reach an end."""
    records = simulate(setup_of(CASES / "t19_all_at_zero.csv", f"solver={solver}"))
    assert len(records.delivered) + len(records.dropped) == 40


def test_degrees_that_nest_are_used_and_others_named() -> None:
    """A profile of 1, 2, 3 and 6 on six GPUs runs on 1, 3 and 6, says so, and takes all with grouping=all."""
    profile = ["profile=file", f"profile.name={CASES / 'p_deg36.json'}"]
    for gpus in (6, 12):
        setup = setup_of(CASES / "mix1.csv", *profile, f"cluster.gpus={gpus}", "solver=edf")
        assert setup.service.cluster.degrees == (1, 3, 6)
        assert setup.service.cluster.laminar
        assert any("at degree 2, of which the aligned groups" in note for note in setup.notes)
        assert len(simulate(setup).delivered) == 6
    every = setup_of(CASES / "mix1.csv", *profile, "cluster.gpus=6", "cluster.grouping=all", "solver=edf")
    assert every.service.cluster.degrees == (1, 2, 3, 6)


@pytest.mark.parametrize("solver", ["dp", "edf", "cpsat"])
def test_a_profile_of_one_gpu_is_enough(solver: str) -> None:
    """Degree 1 alone, on one GPU, also for a size that the profile lacks."""
    more = ["profile=file", f"profile.name={CASES / 'p_only1.json'}", "cluster.gpus=1", f"solver={solver}"]
    setup = setup_of(CASES / "mix1.csv", *more)
    records = simulate(setup)
    assert len(records.delivered) + len(records.dropped) == 6


def test_check_agrees_with_run(capsys: pytest.CaptureFixture[str]) -> None:
    """What run refuses, check refuses, with the shapes and how many requests they have."""
    assert main(["check", str(CASES / "t01_rect.csv"), "--profile", "hunyuanvideo_l20"]) == 2
    assert "1 requests of 768x1344 cannot be served" in capsys.readouterr().err
    assert main(["check", str(CASES / "t01_rect.csv"), "--shapes", "exact"]) == 2
    assert main(["check", str(CASES / "t01_rect.csv")]) == 0
    assert "768x1344, 1360x768" in capsys.readouterr().out


def test_check_compares_deadlines_with_the_fastest_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A video of 129 frames due after 5 s is too late even alone, and the line says at least how long it takes."""
    trace = tmp_path / "v.csv"
    trace.write_text(
        "# tetriplan-trace 1\nid,arrival_s,height,width,frames,steps,deadline_s\n0,0,720,1280,129,50,5\n",
        encoding="utf-8",
    )
    assert main(["check", str(trace), "--profile", "hunyuanvideo_l20"]) == 0
    assert "too late even alone on 8 GPUs of hunyuanvideo_l20: 1 of 1 requests" in capsys.readouterr().out


def test_a_burst_that_is_late_costs_about_what_edf_costs() -> None:
    """At the same attainment, the median latency and the GPU-seconds are within 1.2 x of those of ``edf``."""
    found = {}
    for solver in ("edf", "cpsat"):
        setup = setup_of(CASES / "burst_late.csv", f"solver={solver}")
        found[solver] = summarize(simulate(setup), setup.service.cluster)
    edf, optimum = found["edf"], found["cpsat"]
    assert optimum.sar >= edf.sar
    assert optimum.latency_p50 <= 1.2 * edf.latency_p50
    assert optimum.gpu_seconds <= 1.2 * edf.gpu_seconds


def test_exact_solvers_choose_the_same_by_weight() -> None:
    """On one GPU the requests of weight 50 and 30 are on time, whoever solves; ``dp`` serves all."""
    for solver in ("cpsat", "highs", "scip"):
        setup = setup_of(CASES / "weights_50.csv", "cluster.gpus=1", f"solver={solver}")
        records = simulate(setup)
        assert [r.id for r in setup.workload.requests if records.fate(r) == "on_time"] == [0, 3]
    assert served(CASES / "weights_50.csv", "cluster.gpus=1", "solver=dp") == 4


@pytest.mark.parametrize("module", ["bound", "compare"])
def test_studies_take_sizes_outside_the_profile(module: str, tmp_path: Path) -> None:
    """The clairvoyant bound and a comparison with it end well on such a trace, also with targets of the profile."""
    trace = ["workload=trace", f"workload.file={CASES / 't01_rect.csv'}", "workload.deadlines=profile"]
    more = ["--policy", "solver=edf", "--bound", "--output", str(tmp_path / "out")] if module == "compare" else []
    command = [sys.executable, "-m", f"experiments.{module}", *trace, "--seeds", "1", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
