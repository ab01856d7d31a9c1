"""Our sequence parallelism against diffusers' own context parallelism, where that works."""

from __future__ import annotations

from pathlib import Path

from tests.executor.distributed.bench import against_diffusers
from tests.executor.distributed.crew import Crew


def test_same_output(crew: Crew, tmp_path: Path) -> None:
    """Tests that at degree 2, with even lengths, both give the same output on both members."""
    for _, _, difference in crew.call((0, 1), against_diffusers, str(tmp_path / "store"), "tiny", 3):
        assert difference <= 1e-6
