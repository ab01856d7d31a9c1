"""Workers that call back: who is let in, how their clocks are read, and what is done to the times that they say."""

from __future__ import annotations

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Iterator
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection
from queue import Queue

import pytest

from executor.distributed import messages as m
from executor.distributed.on_ray import clock
from executor.distributed.on_ray.reception import Caller, Door, Reception, call
from tests.patience import PATIENCE


@pytest.fixture
def reception() -> Iterator[Reception]:
    """Open a port, and see it closed."""
    made = Reception("127.0.0.1")
    door = made.expect(lambda caller: None)
    yield made
    made.close()
    with pytest.raises(ConnectionRefusedError):
        call(door)


def _be_called(door: Door, ahead: float) -> None:
    true = time.monotonic
    time.monotonic = lambda: true() + ahead
    connection = call(door)
    connection.send(("hello", connection.recv()))
    connection.close()


@pytest.mark.parametrize("ahead", [0.0, -3600.0, 12.5])
def test_a_worker_calls_back(reception: Reception, ahead: float) -> None:
    """Tests that a worker gets through to where it is expected, with its clock's difference and its death as an end."""
    callers: Queue[Caller] = Queue()
    process = multiprocessing.get_context("fork").Process(
        target=_be_called, args=(reception.expect(callers.put), ahead)
    )
    process.start()
    caller = callers.get(timeout=PATIENCE)
    assert caller.pid == process.pid
    assert caller.ahead == pytest.approx(ahead, abs=0.02)
    caller.connection.send("word")
    assert caller.connection.recv() == ("hello", "word")
    with pytest.raises(EOFError):
        caller.connection.recv()
    caller.connection.close()
    process.join()


def test_one_clock_is_no_difference() -> None:
    """Tests that a difference within half of the shortest round trip counts as none."""
    ours, theirs = multiprocessing.Pipe()
    thread = threading.Thread(target=clock.tell, args=(theirs,))
    thread.start()
    assert clock.ahead(ours) == 0.0
    thread.join()


def test_strangers_stay_outside(reception: Reception) -> None:
    """Tests that who does not know the key, was not expected or hangs up changes nothing for who comes next."""
    callers: Queue[Caller] = Queue()
    door = reception.expect(callers.put)
    with pytest.raises((AuthenticationError, EOFError, OSError)):
        call(door._replace(key=b"guess"))
    with pytest.raises((EOFError, OSError)):
        call(door._replace(number=99))
    socket.create_connection((door.host, door.port)).close()
    assert callers.empty()
    connection = call(door)
    caller = callers.get(timeout=PATIENCE)
    assert caller.pid == os.getpid()
    connection.close()
    caller.connection.close()


def test_small_messages_are_sent_at_once(reception: Reception) -> None:
    """Tests that a connection waits for nothing before it sends, and asks whether the other end is still there."""
    callers: Queue[Caller] = Queue()
    connection = call(reception.expect(callers.put))
    caller = callers.get(timeout=PATIENCE)
    for end in (connection, caller.connection):
        _assert_prepared(end)
        end.close()


def _assert_prepared(connection: Connection) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as seen:
        assert seen.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert seen.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def test_times_are_translated() -> None:
    """Tests that times of steps and images move to the controller's clock, never past what it shows, and durations stay."""
    stepped = m.Stepped(1, 2, 1010.0, 1011.0, True)
    assert m.shifted(stepped, 1000.0, 20.0) == m.Stepped(1, 2, 10.0, 11.0, True)
    assert m.shifted(stepped, 1000.0, 10.5) == m.Stepped(1, 2, 10.0, 10.5, True)
    assert m.shifted(m.Decoded(3, 5.0, 0.25), -100.0, 200.0) == m.Decoded(3, 105.0, 0.25)
    assert m.shifted(m.Admitted(3, 1005.0, 0.25), 1000.0, 9.0) == m.Admitted(3, 5.0, 0.25)
