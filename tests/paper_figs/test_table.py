"""Tables of figures."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper_figs.table import Table, means

names = st.text(st.characters(categories=["L"]), min_size=1, max_size=6)
texts = st.text(st.characters(categories=["L"]), min_size=1).map(lambda text: f"_{text}")
values = st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), texts)


@given(st.lists(names, min_size=1, max_size=4, unique=True), st.data())
def test_file_holds_the_table(columns: list[str], data: st.DataObject) -> None:
    """What is read from a file is what was written, for all values with six digits."""
    rows = data.draw(st.lists(st.tuples(*[values for _ in columns]), max_size=5))
    table = Table(tuple(columns), tuple(rows))
    with TemporaryDirectory() as directory:
        path = Path(directory) / "table.csv"
        table.write(path)
        assert Table.read(path) == table


def test_of_records_fills_in_what_is_missing() -> None:
    """Columns come in order of appearance; a value that is missing, or NaN, is None."""
    table = Table.of([{"a": 1, "b": math.nan}, {"c": "x"}])
    assert table.columns == ("a", "b", "c")
    assert table.rows == ((1, None, None), (None, None, "x"))
    assert math.isnan(table.numbers("b")[0])


def test_where_takes_numbers_and_their_texts() -> None:
    """A resolution is found as 512 and as "512", a scale as 1 and as 1.0; nothing else is."""
    table = Table.of([{"shape": 512, "scale": 1.0, "sar": 0.5}, {"shape": 1024, "scale": 1.5, "sar": 0.25}])
    assert table.where(shape="512").rows == table.where(shape=512).rows == table.where(scale=1.0).rows
    assert table.number("sar", shape="1024") == 0.25
    with pytest.raises(LookupError, match="0 rows"):
        table.number("sar", shape="256")


def test_means_leave_out_missing_values() -> None:
    """The mean is over the rows that have a value."""
    table = Table.of([{"k": "a", "v": 1.0}, {"k": "a", "v": 2.0}, {"k": "a", "v": None}, {"k": "b", "v": 4.0}])
    assert means(table, ["k"], "v") == {("a",): 1.5, ("b",): 4.0}


def test_refuses_what_is_no_table() -> None:
    """A repeated column, a row of another length and an empty file are errors that say so."""
    with pytest.raises(ValueError, match="every name must occur once"):
        Table(("a", "a"), ())
    with pytest.raises(ValueError, match="1 values for 2 columns"):
        Table(("a", "b"), ((1,),))
    with pytest.raises(KeyError, match="the columns are a"):
        Table(("a",), ()).column("b")
