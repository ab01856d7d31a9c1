"""Lists in pages: every entry once, in the order asked for, and careless queries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.serve.errors import RefusalError
from experiments.serve.paging import LIMIT, page_of

NAMES = [f"video_{i}" for i in range(45)]


@given(count=st.integers(0, 45), limit=st.integers(1, 100), order=st.sampled_from(["asc", "desc"]))
def test_going_through_all_pages(count: int, limit: int, order: str) -> None:
    """Tests that whoever asks for page after page gets every entry once, in order, and is told when there is no more."""
    names, found, query, more = NAMES[:count], [], {"limit": str(limit), "order": order}, True
    while more:
        page = page_of(names, query)
        more = page.more
        assert len(page.names) == limit or not more
        found += page.names
        query["after"] = found[-1] if found else ""
    assert found == (names if order == "asc" else names[::-1])


def test_unless_told_otherwise() -> None:
    """Tests that a page has twenty entries, the newest first."""
    assert page_of(NAMES, {}) == (NAMES[::-1][:LIMIT], True)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"limit": "1000000000"}, "limit"),
        ({"order": "newest"}, "order"),
        ({"after": "video_99"}, "after"),
    ],
)
def test_careless_queries(query: dict[str, str], field: str) -> None:
    """Tests that a value that means nothing is refused with its field, and said."""
    with pytest.raises(RefusalError, match=f"^{field} is '") as refusal:
        page_of(NAMES, query)
    assert refusal.value.field == field
