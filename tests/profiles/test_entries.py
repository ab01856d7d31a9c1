from dataclasses import replace
from typing import Any

import pytest

from profiles import LOCAL, ProfileError, StageEntry, StepEntry

from .conftest import DATE, LARGE, step

GOOD = step(LARGE, 2, "nvlink", 0.25)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": 0.0}, "seconds is 0.0; it must be a positive"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"spread": -0.1}, "spread is -0.1"),
        ({"degree": 0}, "degree is 0"),
        ({"batch": 0}, "batch is 0"),
        ({"degree": 1}, "link is 'nvlink' at degree 1; it must be 'local'"),
        ({"link": LOCAL}, "link is 'local' at degree 2"),
        ({"provenance": "guessed"}, "provenance is 'guessed'; it must be one of measured, emulated"),
        ({"date": "31.1.2026"}, "date is '31.1.2026'; it must be an ISO day"),
    ],
)
def test_impossible_step(change: dict[str, Any], message: str) -> None:
    """Tests that an impossible field of a step is refused by name, value and what would be right."""
    with pytest.raises(ProfileError, match=f"^{message}"):
        replace(GOOD, **change)


def test_impossible_stage() -> None:
    """Tests that a stage other than encode and decode is refused."""
    with pytest.raises(ProfileError, match="stage is 'vae'; it must be one of encode, decode, write"):
        StageEntry(LARGE, "vae", 0.1, "published", "a paper", DATE)  # type: ignore[arg-type]


def test_key() -> None:
    """Tests that an entry's key is what a profile looks it up by."""
    assert GOOD.key == (LARGE, 2, "nvlink", 1)
    assert isinstance(GOOD, StepEntry)
