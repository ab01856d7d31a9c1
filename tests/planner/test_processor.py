"""Time of the processor."""

from __future__ import annotations

import subprocess
import sys

from planner.processor import busy_seconds


def test_work_counts_in_this_process_and_in_ended_ones() -> None:
    """Work adds to the time, whether it is done here or by a process that has ended."""
    before = busy_seconds()
    sum(range(10**6))
    here = busy_seconds()
    subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True)
    assert before < here < busy_seconds()
