from collections.abc import Iterator

import pytest

pytest.importorskip("torch")

from tests.executor.distributed.crew import Crew


@pytest.fixture(scope="session")
def crew() -> Iterator[Crew]:
    """Four processes."""
    made = Crew(4)
    yield made
    made.close()
