"""The conformance suite of engines, on those of the project that need no torch, and on broken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from executor.emulated import EmulatedEngine
from executor.engine import Engine, Milestone
from executor.physics import Physics
from executor.simulated import SimulatedEngine
from executor.testing import check_engine
from planner.cluster import Cluster
from planner.request import Request
from planner.testing import ConformanceError
from profiles.profile import Profile
from tests.strategies import CLUSTERS, SHAPES, TOY, profile_of

STAGED = profile_of(stages={shape: (0.05 * (1 + i), 0.1 * (1 + i)) for i, shape in enumerate(SHAPES)}, name="staged")
PHYSICS = {
    "exact": Physics(noise=0.0),
    "noisy": Physics(noise_cv=0.1, regroup_seconds=0.01),
    "stages": Physics(stages=True),
    "two stage workers": Physics(stages=True, stage_workers=2),
    "decoding on GPUs": Physics(stages=True, decode="group", noise_cv=0.1, regroup_seconds=0.01),
}


def simulated(cluster: Cluster, physics: Physics, profile: Profile = STAGED) -> Callable[[Sequence[Request]], Engine]:
    """Return what makes a simulated cluster."""
    return lambda requests: SimulatedEngine(cluster, profile, requests, physics, np.random.default_rng(0))


@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("cluster", CLUSTERS[2:], ids=lambda cluster: cluster.name + cluster.grouping)
def test_the_simulated_engine_keeps_the_rules(cluster: Cluster, physics: str) -> None:
    """On clusters of all kinds, with noise, moves that cost, and both ways to encode and decode."""
    how = PHYSICS[physics]
    for seed in range(3):
        check_engine(
            *(simulated(cluster, how), cluster, STAGED, SHAPES, seed),
            stages=how.stages,
            batches=seed > 0,
            decode=how.decode,
        )


def test_the_emulated_engine_keeps_the_rules() -> None:
    """On a real clock, two hundred times as fast."""
    cluster = Cluster.nvlink(4)
    make = simulated(cluster, Physics())
    check_engine(lambda requests: EmulatedEngine(make(requests), 200.0), cluster, TOY, SHAPES, real_clock=True)


def test_an_emulated_engine_that_decodes_on_gpus_keeps_the_rules() -> None:
    """On a real clock, with images that take GPUs."""
    cluster = Cluster.nvlink(4)
    make = simulated(cluster, PHYSICS["decoding on GPUs"])
    check_engine(
        *(lambda requests: EmulatedEngine(make(requests), 50.0), cluster, STAGED, SHAPES),
        stages=True,
        decode="group",
        real_clock=True,
    )


def test_images_that_were_made_elsewhere_are_found() -> None:
    """An engine whose workers decode though GPUs are to."""
    cluster = Cluster.nvlink(4)
    with pytest.raises(ConformanceError, match="images were made elsewhere"):
        check_engine(simulated(cluster, Physics(stages=True)), cluster, STAGED, SHAPES, stages=True, decode="group")


def test_an_image_beside_steps_on_one_gpu_is_found() -> None:
    """An engine that says that an image took longer than its GPU was left alone."""

    class Longer(SimulatedEngine):
        def advance(self, until: float) -> tuple[float, list[Milestone]]:
            """Write down that images lasted ten seconds longer."""
            before = len(self.staged)
            result = super().advance(until)
            new = self.staged[before:]
            self.staged[before:] = [s._replace(end=s.end + 10, freed=s.freed + 10) if s.gpu >= 0 else s for s in new]
            return result

    cluster = Cluster.nvlink(4)
    with pytest.raises(ConformanceError, match=r"GPU \d runs jobs"):
        check_engine(
            lambda requests: Longer(cluster, STAGED, requests, PHYSICS["decoding on GPUs"], np.random.default_rng(0)),
            *(cluster, STAGED, SHAPES),
            stages=True,
            decode="group",
        )


class Broken(SimulatedEngine):
    """Breaks one rule, in the way of a function of what it would have reported."""

    change: Callable[[list[Milestone]], list[Milestone]]

    def advance(self, until: float) -> tuple[float, list[Milestone]]:
        """Report something else."""
        now, progress = super().advance(until)
        return now, type(self).change(progress)


def _without(kind: str) -> Callable[[list[Milestone]], list[Milestone]]:
    return lambda progress: [item for item in progress if item.kind != kind]


FAULTS: dict[str, tuple[Callable[[list[Milestone]], list[Milestone]], str]] = {
    "loses images": (_without("delivered"), "never left|its image never came"),
    "delivers twice": (
        lambda progress: progress + [item for item in progress if item.kind == "delivered"],
        "delivered is reported after delivered",
    ),
    "loses a step": (
        lambda progress: [i._replace(steps=i.steps - 1) if i.kind == "finished" else i for i in progress],
        "finished is reported after",
    ),
    "knows the future": (lambda progress: [i._replace(at=i.at + 1.0) for i in progress], "already"),
    "delivers what is not finished": (
        lambda progress: [i for i in progress if i.kind != "finished"],
        "delivered is reported after (nothing|yielded)",
    ),
    "is ready twice": (
        lambda progress: [*progress, *(Milestone("ready", i.request, i.at) for i in progress[:1])],
        "ready",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_engine_that_breaks_a_rule_is_found(fault: str) -> None:
    """The message names the rule."""
    change, words = FAULTS[fault]
    cluster = Cluster.nvlink(4)
    made = type("Made", (Broken,), {"change": staticmethod(change)})
    with pytest.raises(ConformanceError, match=words):
        check_engine(
            lambda requests: made(cluster, TOY, requests, Physics(), np.random.default_rng(0)), cluster, TOY, SHAPES
        )


def test_segments_on_one_gpu_at_a_time() -> None:
    """An engine whose account has two jobs on one GPU at once is found."""

    class Doubled(SimulatedEngine):
        def advance(self, until: float) -> tuple[float, list[Milestone]]:
            """Write every segment down twice, the second time for a stranger."""
            before = len(self.segments)
            result = super().advance(until)
            self.segments += [segment._replace(jobs=(99,)) for segment in self.segments[before:]]
            return result

    cluster = Cluster.nvlink(4)
    with pytest.raises(ConformanceError, match=r"GPU \d runs jobs"):
        check_engine(
            lambda requests: Doubled(cluster, TOY, requests, Physics(), np.random.default_rng(0)), cluster, TOY, SHAPES
        )
