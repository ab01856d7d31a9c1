"""Journals: what is written is read back, whatever happens in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.engine import Segment
from executor.records import Decision
from experiments.serve.journal import JournalError, SessionWriter, read_journal
from planner.promise import Answer
from planner.request import Request
from profiles import Shape

FIRST = Request(0, Shape(512, 768), 20, 1.5, 4.25, 2.0, tier="gold")
SECOND = Request(1, Shape(256, 256), 4, 2.0, 3.0)
THIRD = Request(2, Shape(256, 256), 4, 2.5, 3.0)
DECISION = Decision(1.5, 1, 0, 1, 8, "edf", "feasible", None, float("inf"), False, "", 0.0, 0.0, 0.001)
SEGMENT = Segment((0,), (0, 1), 1.5, 2.5, 20)


def written(path: Path) -> None:
    """Write a session with one request of each fate."""
    with SessionWriter(path, every=0.01) as journal:
        journal.begin(1000.0, 10.0, 8, {"solver": "edf"})
        journal.arrived(FIRST, Answer(True))
        journal.decided(DECISION)
        journal.ran(SEGMENT)
        journal.arrived(SECOND, Answer(False, 9.0, True, "late"))
        journal.arrived(THIRD, None)
        journal.left(0, "on_time", 2.5, "")
        journal.left(2, "cancelled", 2.75, "")
        journal.end(3.0)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Tests every kind of line, and an infinite bound, which JSON does not know."""
    written(tmp_path / "j")
    session = read_journal(tmp_path / "j")
    records = session.records
    assert (session.unix, session.speed, session.gpus, session.ended) == (1000.0, 10.0, 8, True)
    assert session.about == {"solver": "edf"}
    assert list(records.requests) == [FIRST, SECOND, THIRD]
    assert records.decisions == [DECISION._replace(bound=None)] and records.segments == [SEGMENT]
    assert [records.fate(r) for r in records.requests] == ["on_time", "refused", "cancelled"]
    assert records.promised == {0} and records.complete and not session.owed


@pytest.mark.parametrize("lost", range(2, 60))
def test_a_torn_end_is_left_out(tmp_path: Path, lost: int) -> None:
    """Tests that a file that ends anywhere can be read, and that a session that goes on in it can be, too."""
    path = tmp_path / "j"
    written(path)
    path.write_bytes(path.read_bytes()[:-lost])
    before = read_journal(path)
    assert not before.ended and before.records.requests[0] == FIRST
    with SessionWriter(path) as journal:
        journal.begin(1000.0, 10.0, 8, {})
        journal.left(2, "dropped", 5.0, "the server was killed")
        journal.end(6.0)
    after = read_journal(path)
    assert after.ended and list(after.records.requests) == list(before.records.requests)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("{}\n{}\n", "line 1"),
        ('{"is": "request"}\n', "does not begin"),
        ('{"is": "session", "schema": "tetriplan/session/9"}\n', "schema is 'tetriplan/session/9'"),
        (
            '{"is":"session","schema":"tetriplan/session/1","unix":0,"speed":1,"gpus":8}\nx\n{"is":"end","at":1}\n',
            "line 2",
        ),
        ('{"is":"session","schema":"tetriplan/session/1","unix":0,"speed":1,"gpus":8}\n{"is":"left"}\n', "line 2"),
    ],
)
def test_what_is_no_journal_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """Tests that the line at fault is named."""
    (tmp_path / "j").write_text(text)
    with pytest.raises(JournalError, match=said):
        read_journal(tmp_path / "j")
