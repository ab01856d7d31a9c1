from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload.mixes import Mix, ShapeClass, custom_mix, named_mix, named_mixes, skewed
from profiles.shape import Shape

SQUARE = Shape(512, 512)


def test_uniform_is_the_papers() -> None:
    """Four sizes in equal shares, 50 steps, targets 1.5 to 5 s."""
    mix = named_mix("uniform")
    assert [c.shape.label for c in mix.classes] == ["256x256", "512x512", "1024x1024", "2048x2048"]
    assert mix.shares.tolist() == [0.25] * 4
    assert [c.steps for c in mix.classes] == [50] * 4
    assert [c.slo for c in mix.classes] == [1.5, 2.0, 3.0, 5.0]


def test_skewed_follows_the_papers_formula() -> None:
    """Shares are proportional to exp(L / L_max) with 256, 1024, 4096 and 16384 tokens."""
    powers = [math.exp(tokens / 16384) for tokens in (256, 1024, 4096, 16384)]
    assert named_mix("skewed").shares == pytest.approx([p / sum(powers) for p in powers])
    assert skewed(alpha=0.0).shares == pytest.approx([0.25] * 4)


def test_mix_c_is_vllm_omnis_with_the_papers_targets() -> None:
    """Sizes, steps and shares are as published; targets are those documented."""
    mix = named_mix("mix-c")
    rows = [(c.shape.height, c.steps, round(c.share, 9)) for c in mix.classes]
    assert rows == [(512, 20, 0.15), (768, 20, 0.25), (1024, 25, 0.45), (1536, 35, 0.15)]
    assert [round(c.slo or 0, 2) for c in mix.classes] == [0.80, 1.01, 1.50, 2.83]


def test_every_named_mix_is_found_by_its_name_and_complete() -> None:
    """Named mixes have shares that sum to 1 and a target for every class."""
    assert "homogeneous-2048" in named_mixes()
    for name, mix in named_mixes().items():
        assert named_mix(name) == mix
        assert mix.shares.sum() == pytest.approx(1.0)
        assert all(c.slo is not None for c in mix.classes)


def test_an_unknown_name_lists_the_known_ones() -> None:
    """The error names the mix asked for and those there are."""
    with pytest.raises(ValueError, match=r"mix 'unifrom' is unknown.*uniform, skewed, .*mix-c"):
        named_mix("unifrom")


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=8).filter(lambda shares: sum(shares) > 1e-6))
def test_shares_are_normalised(shares: list[float]) -> None:
    """Whatever their sum, shares keep their proportions and sum to 1."""
    mix = Mix("m", tuple(ShapeClass(SQUARE, 50, share, 1.0) for share in shares))
    assert mix.shares.sum() == pytest.approx(1.0)
    assert mix.shares == pytest.approx([share / math.fsum(shares) for share in shares])


def test_auto_targets_are_filled_in_and_others_stay() -> None:
    """A rule is asked only for the classes whose target is auto."""
    mix = Mix("m", (ShapeClass(SQUARE, 10, 1.0), ShapeClass(SQUARE, 20, 1.0, slo=9.0)))
    assert [c.slo for c in mix.with_slos(lambda _, steps: steps / 2).classes] == [5.0, 9.0]
    assert [c.slo for c in mix.with_auto_slos().classes] == [None, None]


@dataclass
class Row:
    shape: str = "768x512"
    steps: int = 30
    share: float = 2.0
    slo_seconds: float | str = "auto"


def test_custom_mixes_come_from_mappings_dataclasses_and_classes() -> None:
    """All three spellings of a class give the same mix."""
    ready = ShapeClass(Shape(768, 512), 30, 2.0)
    rows = [{"shape": "768x512", "steps": 30, "share": 2.0}, Row(), ready]
    assert len({custom_mix("m", [row]) for row in rows}) == 1
    assert custom_mix("m", [Row(slo_seconds=4)]).classes[0].slo == 4.0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (
            {"shape": "512", "steps": 30, "shares": 1.0},
            "class 0: key 'shares' is unknown.*did you mean 'share'",
        ),
        ({"shape": "512", "steps": 30}, "class 0: key 'share' is missing"),
        ({"shape": "512by512", "steps": 30, "share": 1}, "class 0: shape '512by512' is not HEIGHTxWIDTH"),
        ({"shape": "512", "steps": 2.5, "share": 1}, "class 0: steps is 2.5; a whole number"),
        ({"shape": "512", "steps": 0, "share": 1}, "class 0: .*steps is 0"),
        ({"shape": "512", "steps": 5, "share": "1"}, "class 0: share is '1'; a number"),
        ({"shape": "512", "steps": 5, "share": -1}, "class 0: .*share is -1"),
        (
            {"shape": "512", "steps": 5, "share": 1, "slo_seconds": "soon"},
            "slo_seconds is 'soon'; seconds or auto",
        ),
        ({"shape": "512", "steps": 5, "share": 1, "slo_seconds": 0}, "slo is 0.0; positive seconds"),
        ({"shape": "512", "steps": 5, "share": 1, "weight": 0}, "weight is 0.0; a positive number"),
        ("512", "class 0: '512' is not a mapping"),
    ],
)
def test_an_unfit_custom_class_is_named(row: object, words: str) -> None:
    """The error names mix, class, key and value, and what would be right."""
    with pytest.raises(ValueError, match=f"mix 'mine'.*{words}"):
        custom_mix("mine", [row])


def test_a_mix_without_shares_is_refused() -> None:
    """No class, or only shares of 0, is an error that names the mix."""
    with pytest.raises(ValueError, match="mix 'empty': shares are"):
        Mix("empty", ())
    with pytest.raises(ValueError, match="mix 'zero': shares are"):
        Mix("zero", (ShapeClass(SQUARE, 50, 0.0, 1.0),))
