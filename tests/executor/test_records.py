from __future__ import annotations

from executor.records import Records
from tests.strategies import request


def test_fates() -> None:
    """Tests that an image is on time up to its deadline, and nothing is on time that is not there."""
    requests = tuple(request(i, deadline=2.0) for i in range(6))
    records = Records(requests, delivered={0: 1.0, 1: 2.0, 2: 2.0 + 1e-12, 3: 2.001}, dropped={4: 0.5})
    assert [records.fate(r) for r in requests] == ["on_time", "on_time", "on_time", "late", "dropped", "unfinished"]


def test_fresh_records_share_nothing() -> None:
    """Tests that two runs do not write into each other's tables."""
    a, b = Records(()), Records(())
    a.delivered[0] = 1.0
    a.decisions.append(None)  # type: ignore[arg-type]
    assert not b.delivered
    assert not b.decisions
    assert not b.complete
