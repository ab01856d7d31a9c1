"""Tiers: drawn by share, limited to shapes, refused by name."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from experiments.workload.tiers import ALL_ALIKE, Tier, custom_tiers, draw_tiers
from profiles.shape import Shape

SMALL, LARGE = Shape(256, 256), Shape(2048, 2048)


def test_shares_are_those_asked_for() -> None:
    """Of 20,000 requests, a tier of share 1 beside one of share 3 gets a quarter."""
    tiers = (Tier("premium", 1.0), Tier("standard", 3.0))
    counts = Counter(tier.name for tier in draw_tiers(tiers, [SMALL] * 20_000, np.random.default_rng(0)))
    assert counts["premium"] / 20_000 == pytest.approx(0.25, abs=0.01)


def test_a_tier_takes_only_its_shapes() -> None:
    """A tier for large images gets no small one, and shares it with the tiers that take all."""
    tiers = (Tier("large", 1.0, shapes=(LARGE,)), Tier("all", 1.0))
    shapes = [SMALL, LARGE] * 5_000
    drawn = draw_tiers(tiers, shapes, np.random.default_rng(0))
    assert {tier.name for tier, shape in zip(drawn, shapes, strict=True) if shape == SMALL} == {"all"}
    assert np.mean([tier.name == "large" for tier in drawn[1::2]]) == pytest.approx(0.5, abs=0.02)


def test_one_draw_per_request_whatever_the_tiers() -> None:
    """After any division into tiers, the generator stands at the same place."""
    states = []
    for tiers in ((ALL_ALIKE,), (Tier("a", 0.3), Tier("b", 0.5), Tier("c", 0.2, shapes=(LARGE,)))):
        rng = np.random.default_rng(1)
        draw_tiers(tiers, [SMALL, LARGE, SMALL], rng)
        states.append(rng.random())
    assert states[0] == states[1]


def test_tiers_from_configuration() -> None:
    """Keys that are left out have their defaults, and shapes are read from labels and numbers."""
    made = custom_tiers([{"name": "premium", "share": 0.1, "weight": 10, "shapes": [2048, "256x256"]}])
    assert made == (Tier("premium", 0.1, 10.0, 1.0, (LARGE, SMALL)),)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "a"}, "tier 0: key 'share' is missing"),
        ({"share": 1}, "tier 0: key 'name' is missing"),
        ({"name": "a", "share": 1, "wieght": 2}, "'wieght' is unknown; .* did you mean 'weight'"),
        ({"name": "a", "share": 0}, "tier 'a': share is 0.0; a positive"),
        ({"name": "a", "share": 1, "weight": "ten"}, "weight is 'ten'; a number"),
        ({"name": "a", "share": 1, "deadline": -1}, "deadline is -1.0"),
        ({"name": "a", "share": 1, "deadline": float("nan")}, "deadline is nan"),
        ({"name": "a", "share": 1, "shapes": "2048"}, "shapes is '2048'; a list"),
        ({"name": "a", "share": 1, "shapes": ["wide"]}, "tier 0: .*wide"),
        ({"name": "a\tb", "share": 1}, "cannot be printed"),
        ("premium", "tier 0: 'premium' is not a mapping"),
    ],
)
def test_unfit_tiers_are_refused(given: object, words: str) -> None:
    """The error names the tier, the key and the value."""
    with pytest.raises(ValueError, match=words):
        custom_tiers([given])


def test_a_shape_without_tier_and_a_name_used_twice_are_refused() -> None:
    """Every shape needs a tier, and figures by tier need names that are unique."""
    with pytest.raises(ValueError, match="no tier takes 256x256; the tiers are large"):
        draw_tiers((Tier("large", 1.0, shapes=(LARGE,)),), [SMALL], np.random.default_rng(0))
    with pytest.raises(ValueError, match="tier 'a' occurs twice"):
        draw_tiers((Tier("a", 1.0), Tier("a", 2.0)), [SMALL], np.random.default_rng(0))
