from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.executor.distributed.crew import Crew

collect_ignore_glob = [] if find_spec("torch") and find_spec("diffusers") else ["test_*.py", "*/test_*.py"]
"""Without the extra ``executor`` there is nothing to test here."""


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """Start four processes."""
    from tests.executor.distributed.crew import Crew

    made = Crew(4)
    yield made
    made.close()
