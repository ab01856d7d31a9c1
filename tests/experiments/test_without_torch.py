"""What a user without the extras ``executor`` and ``cluster`` is told."""

from __future__ import annotations

import pytest

from experiments.cli import compose
from experiments.config import workers
from experiments.distributed.prepare import check


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a run on real workers without torch is refused with the command that installs it."""
    monkeypatch.setattr(workers, "find_spec", lambda name: None if name == "torch" else object())
    with pytest.raises(ValueError, match=r'needs torch; install the extra executor: pip install -e "\.\[executor\]"'):
        check(compose(["engine=distributed"]))


def test_missing_ray_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a run on Ray without Ray is refused with the command that installs it, before anything is connected to."""
    monkeypatch.setattr(workers, "find_spec", lambda name: None if name == "ray" else object())
    config = compose(["engine=distributed", "engine/transport=ray", "engine.transport.address=127.0.0.1:1"])
    words = r'engine/transport=ray needs ray; install the extra cluster: pip install -e "\.\[executor,cluster\]"'
    with pytest.raises(ValueError, match=words):
        check(config)
    with pytest.raises(ValueError, match=words), workers.joined(config["engine"]):
        pass
