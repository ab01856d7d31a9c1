"""The survey of published models: rehearsed on a CPU with tiny ones, interrupted, gone on with, and remade."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from executor.measure.emulation import priced
from executor.survey import report
from executor.survey.__main__ import FILE, main
from executor.survey.file import Setting, SurveyFile, Timing
from executor.survey.items import MODELS, SurveyItem, items_of
from executor.survey.profile import profile_of, short
from profiles import Shape, load_profile
from profiles.store import DATA, save_profile

ROOT = Path(__file__).parents[3]
GPU = ROOT / "docs" / "tables" / "gpu"
SMALL = ["--width", "tiny", "--models", "qwen", "--shapes", "64x64", "--degrees", "1,2", "--batches", "1,2"]
SETTING = Setting("NVIDIA H200", "bfloat16", "full", "graphs", "torch 2.11.0")
ITEM = SurveyItem("FLUX.1-dev", "step", Shape(256, 256), 1, 1)


def test_rehearsal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that an interrupted survey is gone on with item by item, and gives a profile that says how it is known."""
    pytest.importorskip("torch")
    arguments = ["--out", str(tmp_path), *SMALL, "--repeats", "2", "--date", "2026-01-02"]
    assert main([*arguments, "--minutes", "0.0001"]) == 3
    assert "give the same command again" in capsys.readouterr().out
    assert main(arguments) == 0
    first = (tmp_path / FILE).read_text()
    with (tmp_path / FILE).open("a") as file:
        file.write('{"item": "cut o')
    assert main(arguments) == 0
    assert (tmp_path / FILE).read_text() == first
    assert "0 of 6 to time" in capsys.readouterr().out
    profile = load_profile(tmp_path / "qwen-image_cpu_eager.json")
    assert {(e.degree, e.batch, e.provenance) for e in profile.entries} == {
        (1, 1, "measured"),
        (2, 1, "emulated"),
        (1, 2, "measured"),
        (2, 2, "emulated"),
    }
    assert profile.encode_time(Shape(64, 64)) > 0
    assert profile.decode_time(Shape(64, 64)) > 0
    assert "assumed" in profile.notes
    assert "tiny" in profile.notes


def test_compiled_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a survey with compiled blocks compiles them, and that its profile and its file say so."""
    pytest.importorskip("torch")
    from executor.models.spec import ModelSpec

    graphs: list[object] = []

    def counted(graph: Any, inputs: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    monkeypatch.setattr(ModelSpec, "compiler", property(lambda self: counted if self.compile else None))
    arguments = [*SMALL, "--repeats", "2", "--batches", "1"]
    assert main(["--out", str(tmp_path / "plain"), *arguments]) == 0
    assert not graphs
    assert main(["--out", str(tmp_path / "compiled"), *arguments, "--compile"]) == 0
    assert graphs
    profile = load_profile(tmp_path / "compiled" / "qwen-image_cpu_compiled.json")
    assert profile.notes.startswith("Diffusers, blocks compiled by inductor, on one CPU")
    assert SurveyFile(tmp_path / "compiled" / FILE, None).setting.mode == "compiled"


@pytest.mark.parametrize(
    ("mode", "attention", "words"),
    [
        ("eager", "native", "Diffusers, eager, on one"),
        ("graphs", "native", "Diffusers, steps replayed as CUDA graphs, on one"),
        (
            "compiled_graphs",
            "_native_cudnn",
            "Diffusers, blocks compiled by inductor, steps replayed as CUDA graphs, attention by _native_cudnn, on one",
        ),
    ],
)
def test_notes_say_how(mode: str, attention: str, words: str) -> None:
    """Tests that a profile says in words how its steps were run."""
    setting = Setting("NVIDIA H200", "bfloat16", "full", mode, "torch 2.11.0", attention)
    items = [SurveyItem("FLUX.1-dev", kind, Shape(64, 64), 1, 1) for kind in ("step", "encode", "decode")]  # type: ignore[arg-type]
    timings = {item.key: Timing((0.1, 0.2)) for item in items}
    profile = profile_of(
        MODELS[0], items, timings, setting, priced(None, (1.0, 1.0), None, None), "nvlink", "2026-01-01"
    )
    assert profile is not None
    assert profile.notes.startswith(words)
    assert profile.name == f"flux1-dev_h200_{mode}"


def test_the_most_useful_comes_first() -> None:
    """Tests that what is left out by an interruption is larger batches, not shapes or degrees."""
    items = list(items_of(MODELS[0], (Shape(64, 64), Shape(128, 128)), (1, 2), (1, 2)))
    assert len(items) == len(set(items)) == 12
    assert [item.batch for item in items] == sorted(item.batch for item in items)


def test_found_again(tmp_path: Path) -> None:
    """Tests that what was written down is read back, whoever asks."""
    path = tmp_path / FILE
    timing = Timing((0.1, 0.2), 3, 4, 5)
    SurveyFile(path, SETTING).add(ITEM, timing)
    for setting in (SETTING, None):
        found = SurveyFile(path, setting)
        assert found.timings == {ITEM.key: timing}
        assert found.setting == SETTING


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"schema": "other"}\n', "schema"),
        ("shopping list\n", "no file of a survey"),
        (json.dumps({"schema": "tetriplan/survey/1", "device": "x"}) + "\n", "no file of a survey"),
    ],
)
def test_foreign_files_are_refused(tmp_path: Path, text: str, word: str) -> None:
    """Tests that a file that is no survey's is refused and stays as it is."""
    (tmp_path / FILE).write_text(text)
    with pytest.raises(ValueError, match=word):
        SurveyFile(tmp_path / FILE, SETTING)
    assert (tmp_path / FILE).read_text() == text


def test_other_settings_are_refused(tmp_path: Path) -> None:
    """Tests that times of one device are not mixed with those of another."""
    SurveyFile(tmp_path / FILE, SETTING)
    with pytest.raises(ValueError, match="mode 'graphs', not 'eager'"):
        SurveyFile(tmp_path / FILE, Setting("NVIDIA H200", "bfloat16", "full", "eager", "torch 2.11.0"))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--models", "flux,sdxl"], "sdxl"),
        (["--degrees", "2,4"], "--degrees lacks 1"),
        (["--batches", "2"], "--batches lacks 1"),
        (["--repeats", "1"], "at least 2"),
        (["--warmup", "-1"], "'-1' is not a whole number"),
        (["--date", "yesterday"], "ISO day"),
        (["--link", "local"], "--link is local"),
        (["--shape", "64x64"], "did you mean --shapes?"),
        (["--minutes", "0"], "positive"),
        (["--remake"], "there is no survey"),
        (["--bandwidth", "-1"], "positive"),
    ],
)
def test_careless_words(tmp_path: Path, arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that what is wrong is said on one line before anything is timed."""
    assert main(["--out", str(tmp_path / "out"), *arguments]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert said.startswith("error: ") and said.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_shape_that_a_model_cannot_make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tests that sides which are no whole number of tokens are refused by name before the model is loaded."""
    pytest.importorskip("torch")
    assert main(["--out", str(tmp_path), "--width", "tiny", "--models", "flux", "--shapes", "100x100"]) == 2
    assert "multiples of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "batches", "date", "names"),
    [
        ("h200-graphs", "1,2", "2026-11-27", ["flux1-dev_h200_graphs"]),
        ("h200-compiled", "1,2", "2026-11-28", ["flux1-dev_h200_compiled_graphs"]),
        (
            "h200-compiled-more",
            "1",
            "2026-11-28",
            ["qwen-image_h200_compiled_graphs", "sd3-medium_h200_compiled_graphs"],
        ),
    ],
)
def test_shipped_profiles_are_what_was_timed(
    tmp_path: Path, folder: str, batches: str, date: str, names: list[str]
) -> None:
    """Tests that profiles made of a survey on an H200 are remade, byte for byte, from the committed times."""
    (tmp_path / FILE).write_bytes((GPU / folder / FILE).read_bytes())
    options = ["--batches", batches, "--bandwidth", "300", "--latency", "20", "--date", date]
    assert main(["--out", str(tmp_path), "--remake", *options]) == 0
    assert sorted(path.stem for path in tmp_path.glob("*.json")) == names
    for name in names:
        assert (tmp_path / f"{name}.json").read_bytes() == (DATA / f"{name}.json").read_bytes()
    for path in tmp_path.glob("*.txt"):
        assert path.read_bytes() == (GPU / folder / path.name).read_bytes()


def test_published_points_stand_beside(tmp_path: Path) -> None:
    """Tests that points marked to be verified are left out, and that totals are compared with totals."""
    rows = list(report.beside(load_profile("flux1-dev_h200_graphs")))
    assert {row.degree for row in rows} == {1, 2}
    assert all(row.total for row in rows)
    assert not any("verify" in row.mode for row in rows)
    save_profile(load_profile("sd3-medium_a40"), tmp_path / "none.json")
    assert report.table(load_profile(tmp_path / "none.json")) == ""


@pytest.mark.parametrize(
    ("device", "word"), [("NVIDIA H100 80GB HBM3", "h100"), ("NVIDIA A100-SXM4-80GB", "a100"), ("CPU (x86_64)", "cpu")]
)
def test_short_names(device: str, word: str) -> None:
    """Tests that profiles are named by the part of a device's name that people say."""
    assert short(device) == word


def test_remaking_needs_no_torch() -> None:
    """Tests that tables can be made on a machine that could not have timed anything."""
    code = "import sys; sys.modules['torch'] = None; import executor.survey.__main__"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
