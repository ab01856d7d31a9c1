from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.workload.adapters import diffusiondb, gentd26
from experiments.workload.mixes import named_mix
from experiments.workload.trace import TraceError
from profiles.shape import Shape

GENTD26 = """\
gmt_create,predict_type,num_images_per_prompt,num_inference_steps
2024-11-15 16:57:50,TXT_2_IMG,1.0,30.0
2024-11-15 16:59:50,TXT_2_IMG,4.0,40.0
2024-11-15 16:58:50,IMG_2_IMG,2.0,30.0
2024-11-15 17:00:00,TXT_2_IMG,1.0,
"""
SQUARE = Shape(1024, 1024)


@pytest.fixture
def requests_csv(tmp_path: Path) -> Path:
    """Four prompts, out of order, the last without steps."""
    path = tmp_path / "lora_request_trace.csv"
    path.write_text(GENTD26)
    return path


def test_gentd26_gives_one_request_per_image_in_order(requests_csv: Path) -> None:
    """Images of a prompt arrive together, times count from the first one, a row without steps is skipped."""
    workload = gentd26(requests_csv, shape=SQUARE, slo=lambda _, steps: steps / 10)
    assert [r.arrival for r in workload.requests] == [0.0, 60.0, 60.0, 120.0, 120.0, 120.0, 120.0]
    assert [r.steps for r in workload.requests] == [30, 30, 30, 40, 40, 40, 40]
    assert workload.requests[0].deadline == 3.0
    assert {r.shape for r in workload.requests} == {SQUARE}
    assert workload.parameters["rows_skipped"] == 1


def test_gentd26_gives_one_request_per_prompt_on_demand(requests_csv: Path) -> None:
    """Without splitting, a window of the second minute holds one request that arrives at its start."""
    workload = gentd26(requests_csv, shape=SQUARE, split_images=False, start=60.0, duration=60.0)
    assert [(r.id, r.arrival, r.steps) for r in workload.requests] == [(0, 0.0, 30)]


def test_gentd26_draws_one_shape_per_prompt_from_a_mix(requests_csv: Path) -> None:
    """Images of one prompt share their size, and the seed decides which."""
    mix = named_mix("uniform")
    drawn = [gentd26(requests_csv, shape=mix, rng=np.random.default_rng(s)).requests for s in (0, 0, 1, 2)]
    assert drawn[0] == drawn[1]
    assert len({tuple(r.shape for r in requests) for requests in drawn}) > 1
    assert len({r.shape for r in drawn[0] if r.arrival == 120.0}) == 1
    with pytest.raises(ValueError, match="rng is missing"):
        gentd26(requests_csv, shape=mix)


def test_gentd26_reads_other_column_names_and_seconds(tmp_path: Path) -> None:
    """A mapping points at a copy's own columns, and times may be seconds."""
    path = tmp_path / "copy.csv"
    path.write_text("when,num_inference_steps,num_images_per_prompt\n100.5,20,1\n101,20,1\n")
    workload = gentd26(path, shape=SQUARE, columns={"time": "when"})
    assert [r.arrival for r in workload.requests] == [0.0, 0.5]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "gmt_create",
            "created",
            r"column 'gmt_create' is missing; it should hold the time.*created, predict_type",
        ),
        ("30.0\n2024", "30.5\n2024", "line 2, column num_inference_steps: '30.5' is not a whole number"),
        ("4.0", "none", "line 3, column num_images_per_prompt: 'none' is not a whole number"),
        ("2024-11-15 16:59:50", "yesterday", "line 3, column gmt_create: 'yesterday' is neither"),
        ("2024-11-15 16:59:50", "nan", "line 3, column gmt_create: 'nan' is not finite"),
    ],
)
def test_an_unfit_gentd26_file_is_named(requests_csv: Path, old: str, new: str, words: str) -> None:
    """The error names the file, the line, the column and the value."""
    requests_csv.write_text(GENTD26.replace(old, new, 1))
    with pytest.raises(TraceError, match=rf"lora_request_trace\.csv.*{words}"):
        gentd26(requests_csv, shape=SQUARE)


def test_nothing_left_is_an_error(requests_csv: Path) -> None:
    """A window beyond the trace says how long the trace is, and an empty table says that no row is usable."""
    with pytest.raises(TraceError, match=r"no row from 1000 s .* 120.0 s long"):
        gentd26(requests_csv, shape=SQUARE, start=1000)
    requests_csv.write_text(GENTD26.splitlines()[0] + "\n")
    with pytest.raises(TraceError, match="no usable row"):
        gentd26(requests_csv, shape=SQUARE)


def write_parquet(path: Path, **changes: Any) -> Path:
    """Five rows, two of them unusable; `changes` replaces columns or, with None, drops them."""
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    noon = datetime(2022, 8, 8, 12, tzinfo=UTC)
    moments = [noon + timedelta(minutes=m) for m in (3, 0, 1)]
    columns: dict[str, Any] = {
        "prompt": ["a", "b", "c", "d", "e"],
        "step": pa.array([50, 30, 20, 10, 0], pa.uint16()),
        "height": pa.array([512, 704, 512, 512, 512], pa.uint16()),
        "width": pa.array([512, 512, 1024, 512, 512], pa.uint16()),
        "timestamp": pa.array([*moments, None, noon], pa.timestamp("us", tz="UTC")),
    }
    table = {name: column for name, column in {**columns, **changes}.items() if column is not None}
    pq.write_table(pa.table(table), path)
    return path


def test_diffusiondb_is_read_in_order_of_time(tmp_path: Path) -> None:
    """Rows are sorted by timestamp; one without a timestamp and one with 0 steps are counted as skipped."""
    workload = diffusiondb(write_parquet(tmp_path / "metadata.parquet"), slo=lambda *_: 5.0)
    rows = [(r.arrival, r.shape.label, r.steps) for r in workload.requests]
    assert rows == [(0.0, "704x512", 30), (60.0, "512x1024", 20), (180.0, "512x512", 50)]
    assert workload.requests[0].deadline == 5.0
    assert workload.parameters["rows_skipped"] == 2


def test_diffusiondb_sizes_can_be_mapped_and_cut(tmp_path: Path) -> None:
    """Sizes become the given shape of the nearest token count, and a window cuts by seconds."""
    path = write_parquet(tmp_path / "metadata.parquet")
    shapes = [Shape(512, 512), Shape(1024, 1024)]
    workload = diffusiondb(path, shapes=shapes, start=60.0, duration=120.0)
    assert [(r.arrival, r.shape) for r in workload.requests] == [(0.0, shapes[0])]


def test_an_unfit_diffusiondb_file_is_named(tmp_path: Path) -> None:
    """A missing column, one of another type and a file that is not Parquet are told apart."""
    path = tmp_path / "metadata.parquet"
    with pytest.raises(TraceError, match=r"column 'step' is missing; it should hold the steps.*prompt, height"):
        diffusiondb(write_parquet(path, step=None))
    with pytest.raises(TraceError, match="column 'timestamp' holds string; timestamps are needed"):
        diffusiondb(write_parquet(path, timestamp=["now"] * 5))
    path.write_text("not parquet at all")
    with pytest.raises(TraceError, match="not a Parquet file"):
        diffusiondb(path)


def test_unfit_arguments_are_named(tmp_path: Path) -> None:
    """An unknown key of the column mapping and an empty list of shapes are errors."""
    with pytest.raises(ValueError, match="columns has the key 'tiem'; the keys are time, steps"):
        diffusiondb(tmp_path / "x", columns={"tiem": "t"})
    with pytest.raises(ValueError, match="shapes is empty"):
        diffusiondb(tmp_path / "x", shapes=[])
