"""What simulated hardware may do."""

from __future__ import annotations

import pytest

from executor.physics import Physics
from tests.strategies import TOY


@pytest.mark.parametrize("field", ["noise", "noise_cv", "regroup_seconds"])
@pytest.mark.parametrize("value", [-0.1, float("inf"), float("nan")])
def test_impossible_physics_are_refused(field: str, value: float) -> None:
    """Tests that an impossible value is refused with its field."""
    with pytest.raises(ValueError, match=rf"^{field} is {value}"):
        Physics(**{field: value})


def test_noise_that_would_make_steps_negative_is_refused() -> None:
    """Tests that the largest spread is limited, given directly or as a multiple of the profile's."""
    with pytest.raises(ValueError, match=r"noise_cv is 0\.31; at most 0\.3"):
        Physics(noise_cv=0.31)
    with pytest.raises(ValueError, match=r"^noise is 61\.0.*0\.305 of profile toy"):
        Physics(noise=61.0).check_noise(TOY)
