"""Collectives and groups, timed on processes of their own."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch

from executor.distributed.config import EngineConfig, EngineError
from executor.distributed.worker.setting import WorkerSetting
from executor.measure import collectives
from executor.measure import probe as probing
from executor.measure.collectives import measure_collectives
from executor.measure.grid import Grid
from executor.measure.probe import bytes_held
from executor.models.spec import ModelSpec
from executor.sequence.counting import CountingLoopback
from planner.cluster import Cluster
from profiles.communication import OPERATIONS, Operation
from profiles.shape import Shape

GRID = Grid((Shape(64, 64),), repeats=3, warmup=1, date="2026-02-03")
SIZES = (1024, 65536)


@pytest.fixture
def config(tmp_path: Path) -> EngineConfig:
    """Settings with a model that nobody loads."""
    (tmp_path / "model_index.json").write_text('{"_class_name": "FluxPipeline"}')
    return EngineConfig(ModelSpec(tmp_path), deadline=20.0)


def test_every_group_and_size(config: EngineConfig) -> None:
    """Tests that each degree on each link class has all operations and sizes, and the making of its groups."""
    cluster = Cluster.pairs(4)
    groups: list[None] = []
    talk = measure_collectives(config, cluster, GRID, lambda: groups.append(None), SIZES)
    expected = {(2, "nvlink"), (4, "pcie")}
    assert {(e.degree, e.link, e.operation, e.sent) for e in talk.collectives} == {
        (degree, link, operation, sent) for degree, link in expected for operation in OPERATIONS for sent in SIZES
    }
    assert {(e.degree, e.link) for e in talk.groups} == expected and len(groups) == 2
    assert all(0 < entry.seconds < 5 for entry in (*talk.collectives, *talk.groups))
    assert {entry.source for entry in talk.collectives} == {"3 times on GPUs 0,1", "3 times on GPUs 0,1,2,3"}


def test_one_worker_talks_to_nobody(config: EngineConfig) -> None:
    """Tests that without a group nothing is started or measured."""
    assert not measure_collectives(config, Cluster.flat(1), GRID)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("degree", [2, 3, 8])
def test_bytes_sent(operation: Operation, degree: int) -> None:
    """Tests that a member's buffers are those with which it sends as much as the entry says, as emulation counts."""
    sent = 24 * (degree - 1)
    held, got = bytes_held(operation, degree, sent)
    loop = CountingLoopback(degree)
    input_, output = torch.zeros(held, dtype=torch.uint8), torch.zeros(got, dtype=torch.uint8)
    if operation == "all_gather":
        loop.all_gather(output.view(degree, held), input_)
    else:
        loop.all_to_all(output, input_, [held // degree] * degree, [held // degree] * degree)
    assert loop.sent == sent


def probe_that_fails(setting: WorkerSetting, connection: Connection) -> None:
    """Be a probe that can do no collective."""

    def failing(*arguments: object) -> object:
        raise RuntimeError("no route to host")

    probing._collect = failing  # type: ignore[assignment]
    probing.probe(setting, connection)


def probe_that_dies(setting: WorkerSetting, connection: Connection) -> None:
    """Be a probe that, as number 1, dies in its first collective."""
    collect = probing._collect

    def dying(*arguments: Any) -> Any:
        if setting.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return collect(*arguments)

    probing._collect = dying
    probing.probe(setting, connection)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (probe_that_fails, r"GPU \d could not do Collect\(.*: no route to host"),
        (probe_that_dies, r"GPU \d could not do Collect\("),
    ],
)
def test_what_fails_is_named(target: object, words: str, config: EngineConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a collective that cannot be done ends the measuring with GPU, command and reason, and all processes end."""
    monkeypatch.setattr(collectives, "probe", target)
    with pytest.raises(EngineError, match=words):
        measure_collectives(config, Cluster.flat(2, "cpu"), GRID, sizes=SIZES)
