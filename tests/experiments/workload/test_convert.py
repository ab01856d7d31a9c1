"""Public formats and odd files become traces, by the documented command, and are served."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from experiments.workload.__main__ import main
from experiments.workload.formats import FORMATS
from experiments.workload.trace import read_trace
from experiments.workload.workload import Workload
from profiles import Shape
from tests.experiments.workload.serving import served

SAMPLES = Path(__file__).parent / "samples"
CASES = SAMPLES / "cases"

PUBLIC = {
    "gentd26": ("lora_request_trace.csv", ["--shape", "1024x1024", "--where", "status=SUCCEED", "type=TXT_2_IMG"], 3),
    "diffusiondb": ("cases/ddb.parquet", [], 6),
    "hetu": ("flux_trace.txt", [], 3),
    "vllm-omni": ("omni_trace.txt", [], 2),
    "gfdit": ("cases/gfdit_style.json", [], 6),
    "aiperf": ("mooncake.jsonl", ["--mix", "uniform", "--seed", "3"], 3),
    "azure": ("AzureLLMInferenceTrace_conv.csv", ["--shape", "512x768", "--steps", "28"], 3),
    "csv": ("cases/t06_unsorted.csv", [], 2),
}


def converted(source: Path, form: str, to: Path, *more: str) -> Workload:
    """Convert a file and read the trace."""
    assert main(["convert", str(source), "--from", form, "--output", str(to), *more]) == 0
    return read_trace(to)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line with which a command is refused."""
    assert main(list(arguments)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_there_is_a_sample_of_every_format() -> None:
    """No format is offered that no sample is converted from."""
    assert set(PUBLIC) == set(FORMATS)


@pytest.mark.parametrize("form", PUBLIC)
def test_samples_of_public_formats_are_converted_and_served(form: str, tmp_path: Path) -> None:
    """Each has the requests it should have, begins at 0, and is delivered whole."""
    name, more, count = PUBLIC[form]
    trace = tmp_path / "trace.csv"
    workload = converted(SAMPLES / name, form, trace, *more)
    assert len(workload) == count
    assert workload.requests[0].arrival == 0.0
    assert served(trace) == count


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says how many rows go and why, and what nobody filtered by."""
    workload = converted(SAMPLES / "lora_request_trace.csv", "gentd26", tmp_path / "a.csv", "--shape", "1024x1024")
    said = capsys.readouterr().out
    assert "left out: 1 rows, num_images_per_prompt is empty" in said
    assert "predict_status differs and all rows are kept (SUCCEED 4, FAILED 1); --where status=VALUE" in said
    assert [r.arrival for r in workload.requests] == [0.0, 2.0, 3.0, 4.0, 4.0]
    assert [r.steps for r in workload.requests] == [20, 20, 20, 30, 30]
    converted(CASES / "ddb.parquet", "diffusiondb", tmp_path / "d.csv")
    said = capsys.readouterr().out
    assert "left out: 1 rows, step is empty" in said
    assert "left out: 1 rows, step is 0" in said


def test_pictures_of_a_prompt_share_their_size_or_are_one_request(tmp_path: Path) -> None:
    """A mix draws one size per prompt, and the seed decides which; with --prompts, a prompt is a request."""
    source = SAMPLES / "lora_request_trace.csv"
    drawn = [
        converted(source, "gentd26", tmp_path / f"{at}.csv", "--mix", "uniform", "--seed", seed)
        for at, seed in enumerate("0012")
    ]
    assert drawn[0].requests == drawn[1].requests
    assert len({tuple(r.shape for r in workload.requests) for workload in drawn}) > 1
    assert all(len({r.shape for r in workload.requests if r.arrival == 4.0}) == 1 for workload in drawn)
    whole = converted(source, "gentd26", tmp_path / "p.csv", "--shape", "1024x1024", "--prompts", "--start", "3")
    assert [(r.arrival, r.steps) for r in whole.requests] == [(0.0, 20), (1.0, 30), (2.0, 25)]


def test_deadlines_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Milliseconds after arrival, and on the clock of arrival."""
    omni = converted(SAMPLES / "omni_trace.txt", "vllm-omni", tmp_path / "a.csv")
    assert [(r.arrival, r.deadline, r.shape) for r in omni.requests] == [
        (0.0, 2.5, Shape(512, 512)),
        (0.5, 4.5, Shape(768, 1360)),
    ]
    other = converted(CASES / "gfdit_style.json", "gfdit", tmp_path / "b.csv")
    assert {r.deadline - r.arrival for r in other.requests} == {2.5}
    mapped = converted(CASES / "gfdit_style.json", "gfdit", tmp_path / "c.csv", "--map", "deadline_ms=allowed_ms")
    assert [r.deadline - r.arrival for r in mapped.requests] == [2.5, 3.0, 3.5, 4.0, 4.5, 5.0]


@pytest.mark.parametrize(
    ("name", "arrivals"),
    [
        ("t04_iso_time.csv", [0.0]),
        ("t05_epoch_ms.csv", [0.0, 1.0, 1.0]),
        ("t05b_epoch_s.csv", [0.0, 1.25, 2.25]),
        ("t06_unsorted.csv", [0.0, 4.0]),
        ("t09_string_ids.csv", [0.0]),
        ("t13_crlf.csv", [0.0]),
        ("t15.csv.gz", [0.0]),
    ],
)
def test_times_and_ids_of_real_traces_are_read(name: str, arrivals: list[float], tmp_path: Path) -> None:
    """Dates, epoch seconds and milliseconds, any order, string ids, line ends and compression."""
    workload = converted(CASES / name, "csv", tmp_path / "trace.csv")
    assert [r.arrival for r in workload.requests] == arrivals
    assert all(4.0 <= r.deadline - r.arrival <= 9.0 for r in workload.requests)


@pytest.mark.parametrize("ending", [".gz", ".tar.gz", ".zst", ".bz2", ".xz"])
def test_compressed_files_are_unpacked(ending: str, tmp_path: Path) -> None:
    """Every compression gives what the plain file gives."""
    import bz2
    import lzma

    import pyarrow as pa

    data = (SAMPLES / "mooncake.jsonl").read_bytes()
    path = tmp_path / f"mooncake.jsonl{ending}"
    if ending == ".tar.gz":
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("folder/mooncake.jsonl")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    elif ending == ".zst":
        path.write_bytes(pa.compress(data, "zstd", asbytes=True))
    else:
        path.write_bytes({".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[ending](data))
    plain = converted(SAMPLES / "mooncake.jsonl", "aiperf", tmp_path / "a.csv", "--mix", "uniform")
    packed = converted(path, "aiperf", tmp_path / "b.csv", "--mix", "uniform")
    assert packed.requests == plain.requests


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cases/g_many.csv", "--from", "gentd26", "--shape", "512"], "line 2, column num_images_per_prompt: '1e12'"),
        (["cases/g_nan.csv", "--from", "gentd26"], "no column holds sizes; give --shape"),
        (["cases/g_unsorted.csv", "--from", "gentd26", "--shape", "512", "--where", "statu=X"], "did you mean"),
        (["cases/t01_rect.csv", "--from", "csv", "--map", "id=wieght"], "did you mean weight?"),
        (["cases/t01_rect.csv", "--from", "azure"], "column TIMESTAMP is missing"),
        (["cases/t01_rect.csv", "--from", "csv", "--where", "id"], "COLUMN=VALUE"),
        (["cases/t01_rect.csv", "--from", "csv", "--where", "id=77"], "no usable row; 3 rows left out: id is not 77"),
        (["mooncake.jsonl", "--from", "aiperf", "--shape", "512"], "no column holds steps; give --steps"),
    ],
)
def test_what_cannot_be_converted_is_refused_in_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the file, the place and what would be right; nothing is written."""
    output = tmp_path / "trace.csv"
    assert words in refused(capsys, "convert", str(SAMPLES / arguments[0]), *arguments[1:], "--output", str(output))
    assert not output.exists()


@pytest.mark.parametrize("time", ["now", "1/2/2024", "inf", "ten"])
def test_times_that_mean_several_things_are_refused(
    time: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only ISO dates and finite numbers are times; the line and the column of others are named."""
    source = tmp_path / "s.csv"
    source.write_text(f"time,size,steps\n2024-01-02,512x512,20\n{time},512x512,20\n")
    output = str(tmp_path / "o.csv")
    assert f"line 3, column time: '{time}'" in refused(
        capsys, "convert", str(source), "--from", "csv", "--output", output
    )


def test_a_trace_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model's name of two lines is refused before the file is opened."""
    output = tmp_path / "o.csv"
    output.write_text("mine")
    source = tmp_path / "s.jsonl"
    source.write_text('{"timestamp": 0, "size": "768x512", "steps": 20, "model": "a\\nb"}\n')
    assert "printed in one line" in refused(
        capsys, "convert", str(source), "--from", "csv", "--output", str(output), "--overwrite"
    )
    assert output.read_text() == "mine"


def test_no_file_is_replaced_unless_told_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Convert and generate refuse an output that exists; --overwrite replaces it."""
    output = tmp_path / "README.md"
    output.write_text("mine")
    source = str(CASES / "t01_rect.csv")
    assert "--overwrite" in refused(capsys, "convert", source, "--from", "csv", "--output", str(output))
    assert "--overwrite" in refused(capsys, "generate", "--seed", "0", "--output", str(output))
    assert output.read_text() == "mine"
    converted(Path(source), "csv", output, "--overwrite")
