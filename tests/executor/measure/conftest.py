from __future__ import annotations

from importlib.util import find_spec

from tests.executor.distributed.conftest import nothing_left_behind, squad

__all__ = ["nothing_left_behind", "squad"]

NEED_TORCH = ["test_bench.py", "test_collectives.py", "test_emulation.py", "test_priced.py", "test_steps.py"]
collect_ignore = [] if find_spec("torch") and find_spec("diffusers") else NEED_TORCH
"""Without the extra ``executor`` these cannot be tested."""
