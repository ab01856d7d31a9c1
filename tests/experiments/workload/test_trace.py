from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload.arrivals import Gamma
from experiments.workload.generate import LognormalJitter, generate
from experiments.workload.mixes import named_mix
from experiments.workload.trace import COLUMNS, TraceError, read_trace, write_trace
from experiments.workload.workload import Workload
from planner.request import Request
from profiles.shape import Shape

HEADER = "id,arrival_s,height,width,frames,steps,deadline_s,weight,model"
TEXT = st.text(st.characters(exclude_categories=("C", "Z")), max_size=12)
POSITIVE = st.floats(1e-9, 1e9, exclude_min=True)


@st.composite
def workloads(draw: st.DrawFn) -> Workload:
    """Any workload that a trace can hold."""
    arrivals = sorted(draw(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=8)))
    size = st.integers(1, 10**6)
    requests = [
        Request(
            id=3 * i,
            shape=Shape(draw(size), draw(size), draw(st.integers(1, 300))),
            steps=draw(size),
            arrival=arrival,
            deadline=float(np.nextafter(arrival, np.inf)) + draw(POSITIVE),
            weight=draw(POSITIVE),
            model=draw(TEXT),
            tier=draw(TEXT),
        )
        for i, arrival in enumerate(arrivals)
    ]
    keys = st.dictionaries(TEXT, st.one_of(st.integers(), st.floats(allow_nan=False), TEXT), max_size=3)
    return Workload(draw(TEXT.filter(bool)), tuple(requests), draw(keys))


def write(path: Path, *rows: str, header: str = HEADER, version: str = "# tetriplan-trace 1") -> Path:
    """Write a trace by hand."""
    path.write_text("\n".join([version, header, *rows]) + "\n", encoding="utf-8")
    return path


@given(workloads())
def test_a_round_trip_is_exact(tmp_path_factory: pytest.TempPathFactory, workload: Workload) -> None:
    """What is read back equals what was written, every floating-point number bit for bit."""
    path = tmp_path_factory.mktemp("trace") / "trace.csv"
    write_trace(workload, path)
    assert read_trace(path) == workload


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    """Two generations from one seed give identical files, another seed another file."""
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        rng = np.random.default_rng(seed)
        mix, jitter = named_mix("skewed"), LognormalJitter(0.3)
        write_trace(generate(Gamma(12.0, 1.6), mix, 50, 1.1, rng, deadline_jitter=jitter), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_optional_columns_may_be_absent_and_order_is_free(tmp_path: Path) -> None:
    """Without frames, weight, model and tier, a request is an image of weight 1; the file's stem is the name."""
    header = "deadline_s,steps,width,height,arrival_s,id"
    workload = read_trace(write(tmp_path / "mine.csv", "3.5,20,768,512,1,7", header=header))
    assert workload.name == "mine"
    assert workload.requests == (Request(7, Shape(512, 768), 20, 1.0, 3.5),)


def test_files_from_spreadsheets_are_read(tmp_path: Path) -> None:
    """A byte order mark, CRLF line ends, spaces around numbers and blank lines do no harm."""
    text = f"\ufeff# tetriplan-trace 1\r\n# a remark\r\n{HEADER}\r\n0, 1.5 ,512,512,1,20,3e0,,\r\n\r\n"
    path = tmp_path / "sheet.csv"
    path.write_bytes(text.encode())
    assert read_trace(path).requests == (Request(0, Shape(512, 512), 20, 1.5, 3.0),)


def test_empty_deadlines_are_filled_in_by_a_rule_and_counted(tmp_path: Path) -> None:
    """A rule gives the seconds allowed where the field is empty, and only there."""
    path = write(tmp_path / "t.csv", "0,1,512,512,1,20,,1,", "1,2,512,512,1,20,9,1,")
    workload = read_trace(path, slo=lambda shape, steps: shape.height / 512 + steps)
    assert [r.deadline for r in workload.requests] == [22.0, 9.0]
    assert workload.parameters == {"deadlines_filled_in": 1}


GOOD = "0,1.0,512,512,1,20,3.0,1,m"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["x,1,512,512,1,20,3,1,"], "line 3, column id: 'x' is not a whole number of at least 0"),
        (["-1,1,512,512,1,20,3,1,"], "line 3, column id: '-1' is not a whole number"),
        (["0,nan,512,512,1,20,3,1,"], "line 3, column arrival_s: 'nan' is not a finite number"),
        (["0,1e999,512,512,1,20,3,1,"], "line 3, column arrival_s: '1e999' is not a finite number"),
        (["0,-1,512,512,1,20,3,1,"], "line 3, column arrival_s: '-1' is negative"),
        (["0,1_0,512,512,1,20,30,1,"], "line 3, column arrival_s: '1_0' is not a finite number"),
        (["0,1,0,512,1,20,3,1,"], "line 3, column height: '0' is not a whole number of at least 1"),
        (["0,1,512,51.2,1,20,3,1,"], "line 3, column width: '51.2' is not a whole number"),
        (["0,1,512,512,0,20,3,1,"], "line 3, column frames: '0' is not a whole number"),
        (["0,1,512,512,1,,3,1,"], "line 3, column steps: '' is not a whole number"),
        (["0,1,512,512,1,20,inf,1,"], "line 3, column deadline_s: 'inf' is not a finite number"),
        (["0,1,512,512,1,20,1.0,1,"], r"line 3, column deadline_s: '1.0' is not after the arrival, 1.0"),
        (["0,1,512,512,1,20,,1,"], "line 3, column deadline_s: '' is empty and no rule"),
        (["0,1,512,512,1,20,3,0,"], "line 3, column weight: '0' is not positive"),
        (["0,1,512,512,1,20,3,heavy,"], "line 3, column weight: 'heavy' is not a finite number"),
        (["0,1,512,512,1,20,3,1,a\tb"], "line 3, column model: .* cannot be printed"),
        (
            [GOOD, "1,0.5,512,512,1,20,3,1,"],
            "line 4, column arrival_s: '0.5' is before the arrival above it, 1.0",
        ),
        ([GOOD, GOOD], "line 4, column id: '0' appears already in line 3"),
        (["0,1,512,512,1,20,3,1"], "line 3: 8 fields; the header has 9 columns"),
        (['0,1,512,512,1,20,3,1,"m'], "line 3: not CSV"),
        ([], "no requests below the header"),
    ],
)
def test_an_unfit_row_is_named(tmp_path: Path, rows: list[str], words: str) -> None:
    """The error names file, line, column and value."""
    with pytest.raises(TraceError, match=rf"bad\.csv(, |: ){words}"):
        read_trace(write(tmp_path / "bad.csv", *rows))


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER.replace("steps,", ""), "line 2: column 'steps' is missing"),
        (HEADER.replace("deadline_s", "deadline"), "column 'deadline' is unknown.*did you mean 'deadline_s'"),
        (HEADER + ",colour", "column 'colour' is unknown"),
        (HEADER + ",id", "column 'id' appears twice"),
        ("", "line 2: no header"),
    ],
)
def test_an_unfit_header_is_named(tmp_path: Path, header: str, words: str) -> None:
    """The error names the column and those that are needed."""
    with pytest.raises(TraceError, match=words):
        read_trace(write(tmp_path / "bad.csv", GOOD, header=header))


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("# tetriplan-trace 2", "version '2' is unknown; this program reads version 1"),
        ("# tetriplan-trace", "does not say the version"),
        (HEADER, "does not say the version; it must be '# tetriplan-trace 1'"),
        ("", "line 1: empty"),
        ("# tetriplan-trace 1\n# parameters: {", "line 2: parameters are not JSON"),
        ("# tetriplan-trace 1\n# parameters: 3", "line 2: parameters are '3'; a JSON object"),
    ],
)
def test_an_unfit_head_is_named(tmp_path: Path, version: str, words: str) -> None:
    """A wrong version, a missing one and broken parameters are told apart."""
    with pytest.raises(TraceError, match=words):
        read_trace(write(tmp_path / "bad.csv", GOOD, version=version))


def test_an_empty_and_a_binary_file_are_refused(tmp_path: Path) -> None:
    """A file of no bytes and one that is not text are errors that name the file."""
    path = tmp_path / "odd.csv"
    path.write_bytes(b"")
    with pytest.raises(TraceError, match=r"odd\.csv, line 1: empty"):
        read_trace(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError, match=r"odd\.csv: not UTF-8"):
        read_trace(path)


def test_line_numbers_count_remarks_and_blank_lines(tmp_path: Path) -> None:
    """With two remarks above the header and a blank line below, the number is that of the file."""
    head = "# tetriplan-trace 1\n# one\n# two"
    with pytest.raises(TraceError, match="line 7, column id"):
        read_trace(write(tmp_path / "t.csv", GOOD, "", "x" + GOOD[1:], version=head))


def test_text_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """A model with a line break is an error that names the request."""
    request = Request(0, Shape(512, 512), 20, 1.0, 3.0, model="a\nb")
    with pytest.raises(ValueError, match="request 0: model is"):
        write_trace(Workload("w", (request,)), tmp_path / "t.csv")


def test_the_documented_columns_are_those_written(tmp_path: Path) -> None:
    """The header of a written file lists all columns in the documented order."""
    path = tmp_path / "t.csv"
    write_trace(Workload("w", (Request(0, Shape(512, 512), 20, 1.0, 3.0),)), path)
    assert path.read_text().splitlines()[2] == ",".join(COLUMNS) == f"{HEADER},tier"
