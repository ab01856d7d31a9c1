"""Style: colours that stay apart, shapes in short."""

from __future__ import annotations

from itertools import combinations

from paper_figs.policies import ALL
from paper_figs.style import SHAPE_COLOURS, shown, titled


def test_no_two_policies_look_alike() -> None:
    """Every pair of policies differs in colour, also from the resolutions."""
    assert len({policy.colour for policy in ALL}) == len(ALL)
    for a, b in combinations(ALL, 2):
        assert (a.marker, a.line, a.colour) != (b.marker, b.line, b.colour)
    assert not {policy.colour for policy in ALL} & set(SHAPE_COLOURS.values())


def test_profiles_as_titles() -> None:
    """Model and hardware come first, how it was timed below."""
    assert titled("flux1-dev_h200_compiled_graphs") == "flux1-dev, h200,\ncompiled, graphs"
    assert titled("flux-small_2xcpu") == "flux-small, 2xcpu"


def test_square_shapes_are_shortened() -> None:
    """512x512 is 512; others stay."""
    assert [shown("512x512"), shown("720x1280"), shown("960x960x65")] == ["512", "720x1280", "960x960x65"]
