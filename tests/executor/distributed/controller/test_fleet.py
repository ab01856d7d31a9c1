"""Workers that start, die, and are slow to come back, without any process."""

from __future__ import annotations

from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from executor.distributed import messages as m
from executor.distributed.config import EngineError
from executor.distributed.controller.fleet import Fleet
from executor.distributed.local.latents import Shared
from executor.distributed.local.transport import received
from executor.distributed.worker.setting import WorkerSetting
from tests.patience import PATIENCE

UNUSED: Any = None
SETTINGS = [WorkerSetting(rank, "denoise", UNUSED, UNUSED, UNUSED) for rank in range(2)]


class Puppet:
    """A worker that says what it is told to; a `executor.distributed.local.transport.Link`."""

    def __init__(self) -> None:
        self.connection, self.says = Pipe()

    def receive(self) -> list[Any]:
        """Return what it said."""
        return received(self.connection)

    def send(self, message: Any) -> None:
        """Hear nothing."""

    def kill(self) -> None:
        """End."""
        self.connection.close()

    def join(self, seconds: float) -> bool:
        """End at once."""
        return True


class Puppets:
    """Starts puppets, of which the first few say that they are ready; a `executor.distributed.local.transport.Transport`."""

    host = "127.0.0.1"
    storage = Shared(Path("nowhere"))

    def __init__(self, ready: int) -> None:
        self.made: list[Puppet] = []
        self.turns: list[int] = []
        self._ready = ready

    def start(self, setting: WorkerSetting) -> Puppet:
        """Start one."""
        self.turns.append(setting.turn)
        self.made.append(Puppet())
        if len(self.made) <= self._ready:
            self.made[-1].says.send(m.Ready())
        return self.made[-1]

    def close(self) -> None:
        """Have nothing to give up."""


def test_last_words_come_before_the_death() -> None:
    """Tests that what a worker said before it died is heard, and then its death."""
    puppets = Puppets(2)
    fleet = Fleet(puppets, SETTINGS)
    fleet.start(PATIENCE)
    puppets.made[1].says.send(m.Admitted(7, 1.0, 0.5))
    puppets.made[1].says.close()
    assert fleet.wait(PATIENCE) == [(1, m.Admitted(7, 1.0, 0.5))]
    assert fleet.wait(PATIENCE) == [(1, None)]
    assert fleet.ready == [True, False]
    fleet.close()


def test_replacements_know_whose_turn_it_is() -> None:
    """Tests that a worker that takes a dead one's place starts in the turn of the engine that has the crew."""
    puppets = Puppets(3)
    fleet = Fleet(puppets, SETTINGS)
    fleet.start(PATIENCE)
    fleet.turn(1)
    fleet.restart(1)
    assert puppets.turns == [0, 0, 1]
    fleet.close()


@pytest.mark.parametrize("ready", [1, 2])
def test_slow_starts_end_the_run(ready: int) -> None:
    """Tests that a worker that is not ready in time is named, at the start as well as in the place of a dead one."""
    fleet = Fleet(Puppets(ready), SETTINGS)
    with pytest.raises(EngineError, match=r"workers \[1\] are not ready after engine.start_timeout=0.6 s"):
        fleet.start(0.6)
        fleet.restart(1)
        for _ in range(20):
            fleet.wait(0.1)
    fleet.close()
