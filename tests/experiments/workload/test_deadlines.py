from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.workload.deadlines import (
    H100_FASTEST_STEPS,
    PAPER_SLOS,
    fastest_step,
    is_papers,
    latent_tokens,
    paper_slo,
    paper_tightness,
    profile_slo,
    slo_from_profile,
    slo_rule,
)
from profiles.entries import LOCAL, StepEntry
from profiles.profile import Profile
from profiles.shape import Shape
from profiles.store import load_profile

SIZES = st.integers(64, 4096)


def entry(shape: Shape, degree: int, seconds: float, link: str = "nvlink", batch: int = 1) -> StepEntry:
    """One step time."""
    return StepEntry(
        shape, degree, batch, LOCAL if degree == 1 else link, seconds, 0.0, "measured", "test", "2026-01-31"
    )


def profile(*entries: StepEntry) -> Profile:
    """Make a profile of these step times."""
    return Profile("test", "model", "hardware", ("nvlink", "pcie"), 50, entries)


LARGE = Shape(1024, 1024)
SMALL_PROFILE = profile(
    entry(LARGE, 1, 0.4),
    entry(LARGE, 2, 0.2),
    entry(LARGE, 2, 0.3, link="pcie"),
    entry(LARGE, 4, 0.1),
    entry(LARGE, 1, 0.05, batch=2),
)


def test_paper_targets_are_exact_at_fifty_steps() -> None:
    """The rule returns 1.5, 2, 3 and 5 s for the paper's four sizes."""
    assert [paper_slo(shape, 50) for shape in PAPER_SLOS] == [1.5, 2.0, 3.0, 5.0]


@given(SIZES, SIZES, st.integers(1, 100))
def test_paper_targets_stay_within_the_published_range_and_follow_steps(height: int, width: int, steps: int) -> None:
    """Between and beyond the four sizes, targets lie from 1.5 to 5 s at 50 steps and are linear in steps."""
    slo = paper_slo(Shape(height, width), 50)
    assert slo * (1 + 1e-12) >= 1.5
    assert slo <= 5.0 * (1 + 1e-12)
    assert paper_slo(Shape(height, width), steps) == pytest.approx(slo * steps / 50)


def test_paper_targets_grow_with_size() -> None:
    """A larger square image never gets less time."""
    targets = [paper_slo(Shape(size, size), 50) for size in range(256, 2049, 64)]
    assert all(a < b for a, b in pairwise(targets))


def test_a_video_counts_its_latent_frames() -> None:
    """129 frames are 33 latent frames."""
    assert latent_tokens(Shape(720, 1280, 129)) == pytest.approx(45 * 80 * 33)


def test_targets_for_the_papers_machine_are_the_papers() -> None:
    """On a profile with the step times of eight H100, the rule gives back the published targets."""
    h100 = profile(*(entry(s, d, t * (8 / d)) for s, t in H100_FASTEST_STEPS.items() for d in (1, 8)))
    for shape, published in PAPER_SLOS.items():
        assert slo_from_profile(h100, shape, 50) == pytest.approx(published)


def test_the_fastest_step_is_the_least_at_batch_one() -> None:
    """Larger batches do not count, and link and largest degree narrow the choice."""
    assert fastest_step(SMALL_PROFILE, LARGE) == 0.1
    assert fastest_step(SMALL_PROFILE, LARGE, max_degree=2) == 0.2
    assert fastest_step(SMALL_PROFILE, LARGE, link="pcie") == 0.3
    assert fastest_step(SMALL_PROFILE, LARGE, max_degree=1) == 0.4


def test_a_target_is_tightness_times_steps_times_fastest_step() -> None:
    """The rule made from a profile multiplies the three."""
    rule = profile_slo(SMALL_PROFILE, max_degree=2)
    assert rule(LARGE, 30) == pytest.approx(paper_tightness(LARGE) * 30 * 0.2)


def test_a_shape_without_entries_is_named_with_those_there_are() -> None:
    """The error names the shape asked for and the shapes of the profile."""
    with pytest.raises(ValueError, match=r"no step of 512x512 .* its shapes are 1024x1024"):
        slo_from_profile(SMALL_PROFILE, Shape(512, 512), 50)


def test_tightness_is_that_of_the_shipped_profile() -> None:
    """Published target over 50 of the fastest steps of flux1-dev_h100: 1.98, 2.24, 1.97 and 0.92, as docs/traces.md says."""
    shipped = load_profile("flux1-dev_h100")
    assert {shape: fastest_step(shipped, shape) for shape in PAPER_SLOS} == H100_FASTEST_STEPS
    assert [round(paper_tightness(shape), 2) for shape in PAPER_SLOS] == [1.98, 2.24, 1.97, 0.92]
    page = (Path(__file__).parents[3] / "docs" / "traces.md").read_text()
    assert "1.98, 2.24, 1.97 and 0.92" in " ".join(page.split())


def test_the_papers_targets_go_with_model_and_hardware_not_with_a_name() -> None:
    """FLUX.1-dev on H100 has the published seconds under any name; another model or GPU has not, under the same name."""
    shipped = load_profile("flux1-dev_h100")
    for name in ("mine", "flux1-dev_h100_256tokens"):
        assert is_papers(replace(shipped, name=name))
    assert slo_rule(replace(shipped, name="mine"))(Shape(256, 256), 50) == 1.5
    for other in ({"model": "FLUX.1-schnell"}, {"hardware": "H1000"}, {"hardware": "A100, NVLink 3"}):
        assert not is_papers(replace(shipped, **other))


@pytest.mark.parametrize("shape", PAPER_SLOS)
def test_on_the_papers_machine_all_rules_agree(shape: Shape) -> None:
    """Targets scaled to FLUX.1-dev on H100 are the published ones, so that nothing hangs on which of the two rules holds."""
    shipped = load_profile("flux1-dev_h100")
    assert slo_rule(shipped, "profile")(shape, 50) == pytest.approx(slo_rule(shipped)(shape, 50))


def test_targets_refer_to_eight_gpus_or_what_the_user_says() -> None:
    """Without a word, the fastest step on up to eight GPUs counts, or on all that a profile has; with one, on so many."""
    wide = profile(entry(LARGE, 1, 0.4), entry(LARGE, 8, 0.1), entry(LARGE, 16, 0.05))
    tightness = paper_tightness(LARGE)
    assert slo_rule(wide)(LARGE, 10) == pytest.approx(tightness * 10 * 0.1)
    assert slo_rule(wide, reference_gpus=16)(LARGE, 10) == pytest.approx(tightness * 10 * 0.05)
    assert slo_rule(SMALL_PROFILE)(LARGE, 10) == pytest.approx(tightness * 10 * 0.1)
    assert "on 4 x hardware" in slo_rule(SMALL_PROFILE).words


def test_unknown_rules_are_refused() -> None:
    """The error names the field, the value and what there is."""
    with pytest.raises(ValueError, match="deadlines is 'never'; use 'auto', 'paper'"):
        slo_rule(SMALL_PROFILE, "never")
    with pytest.raises(ValueError, match="reference_gpus is 0"):
        slo_rule(SMALL_PROFILE, reference_gpus=0)


def test_no_steps_are_refused() -> None:
    """A target for 0 steps is an error that names the value."""
    with pytest.raises(ValueError, match="steps is 0"):
        paper_slo(LARGE, 0)
    with pytest.raises(ValueError, match="steps is 0"):
        slo_from_profile(SMALL_PROFILE, LARGE, 0)
