from __future__ import annotations

from tests.executor.distributed.conftest import nothing_left_behind

__all__ = ["nothing_left_behind"]
