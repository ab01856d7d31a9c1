from __future__ import annotations

from collections.abc import Iterator

import pytest

from executor.distributed.local import forking


@pytest.fixture(scope="session", autouse=True)
def forked_from() -> Iterator[None]:
    """Let workers and squads be forked from a process that has imported what all these tests need, once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forking, "PRELOAD", (*forking.PRELOAD, "tests.executor.distributed.imports"))
        yield
