"""What a worker is for decides what it compiles, and what speaks and writes beside its commands."""

from __future__ import annotations

from multiprocessing import Pipe
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from executor.distributed.controller.arrangements import host_store
from executor.distributed.worker import process as workers
from executor.distributed.worker.process import Worker
from executor.distributed.worker.setting import WorkerSetting
from executor.models.spec import Role


class OneNetwork:
    """A model with one network, which does nothing."""

    def __init__(self, *setting: object) -> None:
        self.transformers = [nn.Identity()]
        self.texts: list[str] = []

    def read(self, text: str) -> None:
        """Encode a text for nobody."""
        self.texts.append(text)


@pytest.mark.parametrize(
    ("role", "compiles", "decodes"),
    [("denoise", True, False), ("denoise and decode", True, True), ("stages", False, True)],
)
def test_what_a_role_brings(role: Role, compiles: bool, decodes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that whoever does steps compiles, whoever decodes writes files beside, and whoever encodes has tried to."""
    compilers: list[str | None] = []
    monkeypatch.setattr(workers, "Model", OneNetwork)
    monkeypatch.setattr(workers, "SequenceParallel", lambda network, compiler: compilers.append(compiler))
    store, rendezvous = host_store(60.0)
    model: Any = SimpleNamespace(compiler="inductor")
    storage: Any = SimpleNamespace(states=lambda turn: None)
    ours, theirs = Pipe()
    worker = Worker(WorkerSetting(0, role, model, rendezvous, storage), theirs)
    try:
        assert compilers == ["inductor" if compiles else None]
        found: Any = worker._model
        assert bool(found.texts) == (role == "stages")
        assert (worker._staging is not None) == decodes
    finally:
        worker.close()
        ours.close()
    del store
