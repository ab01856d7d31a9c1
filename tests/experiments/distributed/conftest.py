from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.executor.conftest import forked_from
from tests.executor.distributed.conftest import nothing_left_behind

__all__ = ["cache", "cached", "forked_from", "nothing_left_behind"]

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py"]
"""Without the extra ``executor`` there is nothing to test here."""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a cache for built models, for all tests, also where several processes run them."""
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture(autouse=True)
def cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test, and the processes that it starts, use it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
