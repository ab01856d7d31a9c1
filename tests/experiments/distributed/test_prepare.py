"""What is refused before anything starts, and what a configuration becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from executor.distributed.config import CPU_WORKERS
from executor.models.spec import ModelError
from experiments.cli import compose
from experiments.config.build import build
from experiments.config.requests import rate_of, shapes_of
from experiments.distributed.engine import clear_folders, engine_config
from experiments.distributed.prepare import check
from experiments.workload import named_mix
from experiments.workload.deadlines import paper_tightness
from planner.cluster import Cluster
from profiles import Profile, Shape, StageEntry, StepEntry, save_profile

REAL = ["engine=distributed", "engine.device=cpu", "engine.width=tiny"]


def test_brings_its_own_workload_profile_and_cluster() -> None:
    """Tests that the engine alone chooses requests that suit a small model, two workers, and a measured profile."""
    setup = check(compose(REAL))
    assert setup.service.cluster.gpus == CPU_WORKERS and setup.service.cluster.degrees == (1, 2)
    assert {request.shape.label for request in setup.workload.requests} == {"128x128", "256x256", "384x384"}
    assert len(setup.workload.requests) == 30
    assert setup.service.stages and setup.truth.name == "measured"


def test_other_choices_hold() -> None:
    """Tests that a cluster, a workload and a number of workers that are asked for are what one gets."""
    config = compose([*REAL, "cluster=switch", "cluster.gpus=3", "workload=homogeneous", "workload.requests=4"])
    setup = check(config)
    assert setup.service.cluster.gpus == 3
    assert {request.shape.label for request in setup.workload.requests} == {"1024x1024"}
    assert check(compose([*REAL, "engine.workers=4"])).service.cluster.degrees == (1, 2, 4)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["engine.model=dit"], ["engine.model", "dit", "flux, sd3, qwen, wan"]),
        (["engine.width=huge"], ["engine.width", "huge", "tiny", "small", "full"]),
        (["engine.width=full"], ["engine.width", "full", "GPUs", "small"]),
        (["engine.device=tpu"], ["engine.device", "tpu", "cuda"]),
        (["engine.workers=0"], ["engine.workers", "0", "at least 1"]),
        (["engine.workers=3", "cluster=switch", "cluster.gpus=2"], ["engine.workers", "3", "2 GPUs"]),
        (["engine.late=never"], ["engine.late", "never", "drop"]),
        (["profile.repeats=1"], ["profile.repeats", "1", "at least 2"]),
        (["profile.batches=[2]"], ["profile.batches", "2"]),
        (["workload.mix=profile"], ["workload.mix", "profile=measured"]),
        (["workload.load=-1"], ["workload.load", "-1"]),
        (["workload=custom"], ["workload.classes", "empty"]),
        (["solver=fixed", "solver.degree=4"], ["solver.degree", "4", "1, 2"]),
        (["profile=flux1-dev_h100", "profile.shapes=exact"], ["128x128", "flux1-dev_h100"]),
    ],
)
def test_refused_before_anything_starts(overrides: list[str], words: list[str]) -> None:
    """Tests that a wrong value is refused with its field, its value and what would be right."""
    with pytest.raises(ValueError) as refusal:
        check(compose([*REAL, *overrides]))
    for word in words:
        assert word in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"), [("threads", 0), ("deadline", 0.0), ("dtype", "int8"), ("weights", "none")]
)
def test_engine_fields_are_checked(field: str, value: object, tmp_path: Path) -> None:
    """Tests that the engine's own fields are refused by the name that the command line gives them."""
    config = compose([*REAL, f"engine.{field}={value}"])
    with pytest.raises(ValueError, match=f"engine.{field}"):
        engine_config(config, tmp_path)


def test_a_folder_that_is_no_pipeline(tmp_path: Path) -> None:
    """Tests that a folder without model_index.json is refused by name."""
    with pytest.raises(ModelError, match=r"engine.model is .*model_index.json"):
        engine_config(compose([*REAL, f"engine.model={tmp_path}"]), None)


def test_settings_of_the_engine(tmp_path: Path) -> None:
    """Tests that a built model comes from the cache, folders lie in the output directory, and prompts are as given."""
    config = compose([*REAL, "engine.latents=true", "engine.prompts=[a cat]", "seed=7", "engine.images=false"])
    made = engine_config(config, tmp_path)
    again = engine_config(config, tmp_path)
    assert made == again and made.model.folder.name.startswith("flux-tiny")
    assert made.images is None and made.latents == tmp_path / "latents"
    assert made.prompts == ("a cat",) and made.model.seed == 7


def test_earlier_images_go_and_other_files_stay(tmp_path: Path) -> None:
    """Tests that images of an earlier run do not mix with those of this one, and nothing else is touched."""
    (tmp_path / "images").mkdir()
    for name in ("000001.png", "000002.partial", "holiday.png", "000003.txt"):
        (tmp_path / "images" / name).write_text("")
    clear_folders(tmp_path)
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["000003.txt", "holiday.png"]


def test_only_real_runs_are_measured() -> None:
    """Tests that simulation refuses a profile or a cluster that only real workers have, and says what to give."""
    with pytest.raises(ValueError, match="profile=file"):
        build(compose(["profile=measured"]))
    with pytest.raises(ValueError, match="cluster=workers"):
        build(compose(["cluster=workers"]))


def test_load_sets_the_rate(tmp_path: Path) -> None:
    """Tests that the rate follows from the profile: steps and stages on all workers, and stages one at a time."""
    shapes = [Shape(size, size) for size in (128, 256, 384)]
    steps = [StepEntry(s, 1, 1, "local", 0.1, 0.0, "measured", "test", "2026-01-01") for s in shapes]

    def profile(decode: float) -> Profile:
        stages = [StageEntry(s, "decode", decode, "measured", "test", "2026-01-01") for s in shapes]
        return Profile("test", "test", "test", ("cpu",), 1, tuple(steps), tuple(stages))

    mix, cluster = named_mix("small"), Cluster.flat(2, "cpu")
    assert rate_of(mix, 0.5, profile(0.4), cluster) == pytest.approx(60 * 0.5 * 2 / (12 * 0.1 + 0.4))
    assert rate_of(mix, 0.5, profile(3.0), cluster) == pytest.approx(60 * 0.5 / 3.0)
    save_profile(profile(0.4), tmp_path / "test.json")
    setup = check(compose([*REAL, "profile=file", f"profile.name={tmp_path / 'test.json'}"]))
    first = setup.workload.requests[0]
    tightness = paper_tightness(first.shape)
    assert first.deadline - first.arrival == pytest.approx(1.2 * (tightness * 12 * 0.1 + 0.4))


def test_shapes_of_every_kind_of_workload(tmp_path: Path) -> None:
    """Tests that shapes are known before the profile is, for named and own mixes, drifting ones, and traces."""
    from experiments.workload import write_trace

    assert shapes_of(compose(["workload=drift"])["workload"])[0] == Shape(256, 256)
    own = compose(["workload=custom", "workload.classes=[{shape: 64, steps: 2, share: 1}]"])
    assert shapes_of(own["workload"]) == [Shape(64, 64)]
    workload = build(compose(["workload=homogeneous", "workload.requests=3"])).workload
    write_trace(workload, tmp_path / "trace.csv")
    trace = compose(["workload=trace", f"workload.file={tmp_path / 'trace.csv'}"])
    assert shapes_of(trace["workload"]) == [Shape(1024, 1024)]
