"""Files that wait to be fetched."""

from __future__ import annotations

from experiments.serve.shelf import Shelf


def test_files_go_when_their_time_is_over() -> None:
    """Tests that a file can be fetched until then."""
    now = [0.0]
    shelf = Shelf(10.0, lambda: now[0])
    shelf.put(b"a", "a", "image/png")
    now[0] = 9.0
    shelf.put(b"b", "b", "image/png")
    assert shelf.get("a") is not None
    now[0] = 10.0
    assert shelf.get("a") is None and shelf.get("b") is not None


def test_the_oldest_make_room() -> None:
    """Tests that the bytes that are kept have a limit, and that one file alone may pass it."""
    shelf = Shelf(10.0, lambda: 0.0, most=5)
    for name in "abc":
        shelf.put(b"xx", name, "image/png")
    assert shelf.get("a") is None and shelf.get("b") is not None and shelf.get("c") is not None
    shelf.put(b"x" * 9, "d", "image/png")
    assert shelf.get("d") is not None and shelf.get("c") is None
