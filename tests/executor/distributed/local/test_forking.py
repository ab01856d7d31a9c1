"""How worker processes come to be."""

from __future__ import annotations

import gc
import multiprocessing
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from pathlib import Path
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


def _tell_what_is_there(connection: Connection) -> None:
    connection.send((gc.get_freeze_count(), {"diffusers", "transformers"} <= set(sys.modules)))


def test_what_is_imported_beforehand_is_left_alone() -> None:
    """Tests that a forked process has its imports done, and that its garbage collector passes them over."""
    context = forking.context_for("cpu")
    ours, theirs = context.Pipe()
    process = context.Process(target=_tell_what_is_there, args=(theirs,))
    process.start()
    frozen, imported = ours.recv()
    process.join()
    assert imported and frozen > 100_000


@pytest.mark.parametrize(
    ("name", "more"),
    [("experiments.run", ["experiments.run"]), ("pytest.__main__", []), (None, [])],
)
def test_the_module_of_the_command_is_imported_beforehand(
    name: str | None, more: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that a module that every forked process would import anew is imported once, before them."""
    asked: list[list[str]] = []
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None if name is None else ModuleSpec(name, None))
    context = multiprocessing.get_context("forkserver")
    monkeypatch.setattr(type(context), "set_forkserver_preload", lambda self, names: asked.append(names))
    forking.context_for("cpu")
    assert asked == [[*more, *forking.PRELOAD]]


def test_who_starts_workers_imports_nothing_that_they_compute_with() -> None:
    """Tests that a run begins without the seconds that diffusers takes to be imported; its workers import it."""
    modules = "executor.distributed.controller.engine, executor.measure.steps, executor.measure.collectives"
    code = f"import sys, {modules}; assert not {{'diffusers', 'transformers'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[4])
