"""Jobs beside the commands of a worker, and signs of life."""

from __future__ import annotations

import threading
import time

import pytest

from executor.distributed.worker import pulse, writing
from executor.distributed.worker.pulse import Pulse
from executor.distributed.worker.writing import Writing


def test_jobs_are_done_in_order_and_to_the_end() -> None:
    """Tests that closing waits for what is queued, and that jobs run in the order in which they came."""
    found: list[int] = []
    beside = Writing()
    for number in range(6):
        beside.put(lambda number=number: found.append(number))  # type: ignore[misc]
    beside.close()
    assert found == list(range(6))
    beside.close()


def test_what_is_queued_can_be_waited_for() -> None:
    """Tests that after settling everything queued is done, and more can be queued."""
    found: list[int] = []
    beside = Writing()
    for number in range(4):
        beside.put(lambda number=number: found.append(number))  # type: ignore[misc]
        if number % 2:
            beside.settle()
            assert found == list(range(number + 1))
    beside.close()


def test_who_is_too_far_ahead_waits() -> None:
    """Tests that no more files wait in memory than are allowed to."""
    go, put = threading.Event(), []
    beside = Writing()

    def ahead() -> None:
        for number in range(writing._AHEAD + 2):
            beside.put(go.wait)  # type: ignore[arg-type]
            put.append(number)

    thread = threading.Thread(target=ahead)
    thread.start()
    while len(put) < writing._AHEAD + 1:  # one is being written
        time.sleep(0.01)
    thread.join(0.1)
    assert len(put) == writing._AHEAD + 1
    go.set()
    thread.join()
    beside.close()


def test_only_work_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that a process that waits says nothing, and one that computes does."""
    clock = [0.0]
    beats: list[float] = []
    looked = threading.Semaphore(0)

    def process_time() -> float:
        looked.release()
        return clock[0]

    monkeypatch.setattr(pulse, "_EVERY", 0.001)
    monkeypatch.setattr(pulse.time, "process_time", process_time)
    heart = Pulse(lambda: beats.append(clock[0]))
    for _ in range(5):
        looked.acquire()
    assert not beats
    clock[0] = 1.0
    for _ in range(3):
        looked.acquire()
    assert beats == [1.0]
    heart.close()
