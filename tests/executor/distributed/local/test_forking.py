"""How worker processes come to be."""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.connection import Connection
from typing import Any

import pytest

from executor.distributed.local import forking


@pytest.mark.parametrize(
    ("device", "spoiled", "method"),
    [("cpu", True, "forkserver"), ("cuda:0", False, "forkserver"), ("cuda:0", True, "spawn")],
)
def test_forked_only_where_cuda_can_be_used(
    device: str, spoiled: bool, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that workers with a GPU are started anew where a fork could not use it, and forked everywhere else."""
    monkeypatch.delenv(forking.ASK_THE_DRIVER, raising=False)
    assert forking.context_for(device, lambda _: spoiled).get_start_method() == method
    assert os.environ.get(forking.ASK_THE_DRIVER) == (None if device == "cpu" else "1")


def _die(connection: Connection) -> None:
    os._exit(1)


def _say(connection: Connection) -> None:
    connection.send(True)


@pytest.mark.parametrize("target", [_die, _say])
def test_spoiled_is_asked_of_a_fork(target: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a forked process is what decides, and that one that dies counts as one that could not."""
    monkeypatch.setattr(forking, "_tell", target)
    assert forking.cuda_is_spoiled(multiprocessing.get_context("forkserver"))


def test_a_fork_here_is_not_spoiled() -> None:
    """Tests that without a GPU nothing is spoiled."""
    assert not forking.cuda_is_spoiled(multiprocessing.get_context("forkserver"))
