from __future__ import annotations

from importlib.util import find_spec

from tests.executor.distributed.conftest import nothing_left_behind, squad

__all__ = ["nothing_left_behind", "squad"]

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py", "*/test_*.py"]
"""Without the extra ``executor`` there is nothing to test here."""
