"""How many groups there is room for, by what workers say of their GPUs: said by stand-ins, and by real processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing.connection import Connection

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from executor.distributed import messages as m
from executor.distributed.budget import (
    COMMUNICATOR,
    GROUPS,
    LEAST_COMMUNICATOR,
    DeviceMemory,
    Expected,
    activations,
)
from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.controller.crew import Crew
from executor.distributed.controller.engine import DistributedEngine
from executor.distributed.controller.room import Allowance, MemoryRoom
from executor.distributed.local.transport import LocalTransport
from executor.distributed.placing import places_of
from executor.distributed.worker import process as workers
from executor.distributed.worker.setting import WorkerSetting
from executor.models.random_models.build import build
from executor.testing import RandomPlans
from planner.cluster import Cluster
from profiles.shape import Shape
from tests.executor.distributed.serving import cluster_of, profile_of, requests_of, run, spec_of

TOTAL = 80 << 30
EXPECTED = Expected(Shape(128, 128))
STEP, IMAGE = (activations(role, EXPECTED, "float32") for role in ("denoise", "stages"))  # type: ignore[arg-type]
HELD = 7 << 30


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> EngineConfig:
    """Build a tiny FLUX."""
    return EngineConfig(spec_of(build("flux", tmp_path_factory.mktemp("room") / "flux")), deadline=20.0)


def _room(
    config: EngineConfig, free: Sequence[int], cluster: Cluster | None = None, each: int | None = None
) -> MemoryRoom:
    """Return the room of workers that have this much free once they are loaded, the last of them one for stages."""
    cluster = cluster or cluster_of(len(free) - 1)
    room = MemoryRoom(config, cluster, places_of(cluster.gpus, 1, cluster.gpus), replace(EXPECTED, communicator=each))
    for rank, left in enumerate(free):
        room.heard(rank, DeviceMemory(left, TOTAL, HELD, HELD))
    return room


def test_without_gpus(config: EngineConfig) -> None:
    """Tests that workers that have no GPU are in as many groups as before, or as was asked for, and that nothing is said."""
    room = MemoryRoom(config, cluster_of(2), [0, 1, 0], EXPECTED)
    room.heard(0, None)
    assert room.limit() == Allowance(GROUPS, "")
    assert MemoryRoom(replace(config, groups=5), cluster_of(2), [0, 1, 0], EXPECTED).limit() == Allowance(5, "")


def test_the_fullest_gpu_decides(config: EngineConfig) -> None:
    """Tests that groups are as many as fit on the GPU with the least room, where a worker for stages counts, too."""
    much = STEP + 30 * COMMUNICATOR
    other = STEP + 9 * COMMUNICATOR
    assert _room(config, [much, other, much, much, much]).limit().groups == 9
    assert _room(config, [much, other - 1, much, much, much]).limit().groups == 8
    alone = _room(config, [other, much, much, much, other]).limit()
    assert alone.groups == (9 * COMMUNICATOR - IMAGE) // COMMUNICATOR
    assert "cuda:0, of worker 0 and worker 4 for stages, has" in alone.why
    late = _room(config, [much, much, much, much, IMAGE + other]).limit()
    assert late.groups == 9, "the last to load is the one that sees all that is taken"


def test_what_is_said(config: EngineConfig) -> None:
    """Tests that the line says how many groups, which GPU decides, and what of it is assumed."""
    much = 70 << 30
    assert _room(config, [much, STEP + 2 * COMMUNICATOR, much, much]).limit().why == (
        "Groups: up to 2 for each worker, as many as fit: cuda:1, of worker 1, has 1.6 GiB of 80.0 GiB free; activations "
        "take 300 MiB more (estimated), a group 668 MiB (assumed)"
    )
    assert "up to 3 for each worker, all that there are: cuda:0" in _room(config, [much] * 4).limit().why
    asked = _room(replace(config, groups=2), [much] * 4, each=COMMUNICATOR).limit()
    assert "up to 2 for each worker, as engine.groups asks" in asked.why and "668 MiB (measured)" in asked.why


def test_measured_activations_take_the_place_of_the_estimate(config: EngineConfig) -> None:
    """Tests that what workers have taken at most counts for all of their role, and what they still keep counts once."""
    room = _room(config, [9 * COMMUNICATOR + STEP] * 2 + [70 << 30] * 3)
    room.heard(4, DeviceMemory(9 * COMMUNICATOR, TOTAL, HELD, HELD + 1))
    peak = 3 * COMMUNICATOR
    room.heard(0, DeviceMemory(9 * COMMUNICATOR - peak, TOTAL, HELD + peak, HELD + peak))
    room.heard(1, DeviceMemory(9 * COMMUNICATOR - COMMUNICATOR, TOTAL, HELD + COMMUNICATOR, HELD + COMMUNICATOR))
    found = room.limit()
    assert found.groups == 5, (
        "8 are free on GPU 1, of which a step as on GPU 0 takes 2 more, and on GPU 0 1 byte is to come"
    )
    assert "(measured)" in found.why


def test_made_groups_are_not_counted_twice(config: EngineConfig) -> None:
    """Tests that the communicators that are there by a report are part of what fits, as they were when it was said."""
    room = _room(config, [70 << 30, STEP + 4 * COMMUNICATOR, 70 << 30])
    assert room.limit().groups == 4
    room.heard(1, DeviceMemory(STEP + COMMUNICATOR, TOTAL, HELD, HELD), made=3)
    assert room.limit().groups == 4


def test_a_number_that_cannot_fit_is_refused(config: EngineConfig) -> None:
    """Tests that more groups than fit for sure are refused with what would, but not for what is only estimated."""
    free = [70 << 30, 6 * LEAST_COMMUNICATOR, 70 << 30, 70 << 30, 70 << 30]
    kept = _room(replace(config, groups=6), free).limit()
    assert (
        kept.groups == 6
        and "up to 6 for each worker, as engine.groups asks, though only 0 are sure to fit: cuda:1" in kept.why
    )
    words = r"^engine\.groups is 7, but cuda:1 has 229 MiB of 80\.0 GiB left .* at least 38 MiB; use up to 6, or leave"
    with pytest.raises(EngineError, match=words):
        _room(replace(config, groups=7), free).limit()
    with pytest.raises(EngineError, match=r"each group takes 76 MiB; use up to 3, or leave it out$"):
        _room(replace(config, groups=6), free, each=2 * LEAST_COMMUNICATOR).limit()
    assert _room(replace(config, groups=99), [70 << 30, 4 * COMMUNICATOR] * 2 + [70 << 30], Cluster.nvlink(4)).limit()


def test_no_room_for_any_group(config: EngineConfig) -> None:
    """Tests that a GPU without room for one group is refused where groups are formed, and not where there are none."""
    with pytest.raises(
        EngineError, match=r"^no group fits: cuda:0 has 1 MiB of 80\.0 GiB left .*cluster\.degrees=\[1\]$"
    ):
        _room(config, [1 << 20] * 3).limit()
    assert _room(config, [1 << 20] * 2).limit().groups == 1


@given(st.lists(st.integers(1 << 30, TOTAL), min_size=4, max_size=4), st.integers(1 << 28, 1 << 30), st.data())
def test_what_is_derived_fits_and_grows(free: list[int], each: int, data: st.DataObject) -> None:
    """Tests that derived groups fit beside activations on every GPU, and that more free memory gives no fewer."""
    config = _CONFIG
    groups = _room(config, free, each=each).limit().groups
    shared = min(free[0], free[3])
    for left in (shared - STEP - IMAGE, free[1] - STEP, free[2] - STEP):
        assert groups == 1 or groups * each <= left
    more = [left + data.draw(st.integers(0, TOTAL - left)) for left in free]
    assert _room(config, more, each=each).limit().groups >= groups


class _Anything:
    """A model of which only type and tiling are asked."""

    dtype, vae_tiling, compile = "float32", False, False


_CONFIG = EngineConfig(_Anything())  # type: ignore[arg-type]


def work_on_a_small_gpu(setting: WorkerSetting, connection: Connection) -> None:
    """Be a worker that says of its processor what a GPU would say: little room, then a group and steps beside."""
    said: list[DeviceMemory] = []

    def report(device: torch.device) -> DeviceMemory:
        free = STEP + IMAGE + COMMUNICATOR if setting.rank == 0 else 70 << 30
        first = DeviceMemory(free, TOTAL, HELD, HELD)
        taken = 50_000_000
        said.append(DeviceMemory(free - taken - COMMUNICATOR, TOTAL, HELD + taken, HELD + taken) if said else first)
        return said[-1]

    workers.report = report  # type: ignore[assignment]
    workers.work(setting, connection)


def _groups_of_each(crew: Crew, *groups: tuple[int, ...]) -> Counter[int]:
    """Let groups be made if they are not there, and return how many each worker is in."""
    for members in groups:
        named, given_up = crew.names.use(members)
        for other in given_up:
            crew.fleet.tell(other.members, m.Leave(other.name))
        crew.fleet.tell(members, m.Join(named))
    return crew.names.counts()


def test_workers_say_and_the_crew_derives(config: EngineConfig) -> None:
    """Tests that real processes' reports set the limit before any group is made, and again when steps have been measured."""
    cluster, lines = cluster_of(3), list[str]()
    profile = profile_of(cluster)
    transport = LocalTransport(config.model.folder, work_on_a_small_gpu)
    with Crew(config, cluster, transport, EXPECTED, lines.append) as crew:
        assert crew.names.counts() == {0: 1, 1: 1}, "of the usual groups only the first has been made"
        engine = DistributedEngine(crew, profile)
        assert run(engine, cluster, profile, requests_of(6, seed=1), RandomPlans(1)).complete
        assert max(crew.names.counts().values(), default=0) <= 1
        assert _groups_of_each(crew, (0, 2), (0, 1)) == {0: 1, 1: 1}
        engine = DistributedEngine(crew, profile)
        assert run(engine, cluster, profile, requests_of(6, seed=2), RandomPlans(2)).complete
        assert max(crew.names.counts().values(), default=0) <= 2
        assert _groups_of_each(crew, (0, 2), (0, 1), (0, 1, 2))[0] == 2
    lines = [line for line in lines if line.startswith("Groups")]
    assert [line.split(",")[0] for line in lines] == [f"Groups: up to {count} for each worker" for count in (1, 2)]
    assert ["estimated" in line for line in lines] == [True, False]
    assert lines[1].endswith("activations take 0 MiB more (measured), a group 668 MiB (assumed)")


def test_a_crew_refuses_what_cannot_fit(config: EngineConfig) -> None:
    """Tests that real processes that have too little room end the start with one line, and are gone."""
    transport = LocalTransport(config.model.folder, work_on_a_small_gpu)
    asked = replace(config, groups=6)
    with pytest.raises(EngineError, match=r"^engine\.groups is 6, but cuda:0 has .* use up to \d, or leave it out"):
        Crew(asked, cluster_of(4), transport, replace(EXPECTED, communicator=COMMUNICATOR))
