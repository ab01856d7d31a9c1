"""What a user without the extra ``executor`` is told."""

from __future__ import annotations

import pytest

from experiments.cli import compose
from experiments.distributed import workers
from experiments.distributed.prepare import check


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a run on real workers without torch is refused with the command that installs it."""
    monkeypatch.setattr(workers, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(ValueError, match=r'needs torch; install the extra executor: pip install -e "\.\[executor\]"'):
        check(compose(["engine=distributed"]))
