"""Commands that come while others are carried out."""

from __future__ import annotations

import threading
from multiprocessing import Pipe

import pytest

from executor.distributed import messages as m
from executor.distributed.worker.inbox import Inbox
from tests.patience import PATIENCE


class Left:
    """Groups that were left."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.any = threading.Event()

    def abort(self, names: list[str] | None) -> None:
        """Write names down."""
        self.names += names or ["all"]
        self.any.set()


def test_commands_come_in_order() -> None:
    """Tests that commands come in the order in which they were sent, by either way to ask for them."""
    ours, theirs = Pipe()
    inbox = Inbox(theirs, Left().abort)
    for number in range(4):
        ours.send(m.Forget(number))
    assert [inbox.get(), inbox.get()] == [m.Forget(0), m.Forget(1)]
    come: list[object] = []
    while len(come) < 2:
        come += inbox.come()
    assert come == [m.Forget(2), m.Forget(3)]
    assert inbox.come() == []
    ours.send(m.Stop())
    assert inbox.get() == m.Stop()
    ours.close(), theirs.close()


def test_a_broken_group_is_left_while_commands_wait() -> None:
    """Tests that a group is broken off though nobody asks for commands, and others are left only in their turn."""
    ours, theirs = Pipe()
    left = Left()
    inbox = Inbox(theirs, left.abort)
    ours.send(m.Leave("later"))
    ours.send(m.Abort("broken"))
    assert left.any.wait(PATIENCE) and left.names == ["broken"]
    assert [inbox.get(), inbox.get()] == [m.Leave("later"), m.Leave("broken")]
    ours.send(m.Stop())
    assert inbox.get() == m.Stop()
    ours.close(), theirs.close()


def test_the_controller_is_gone() -> None:
    """Tests that all groups are left, and that both ways to ask for commands say so, as often as they are asked."""
    ours, theirs = Pipe()
    left = Left()
    inbox = Inbox(theirs, left.abort)
    ours.close()
    assert left.any.wait(PATIENCE) and left.names == ["all"]
    for _ in range(2):
        with pytest.raises(EOFError):
            inbox.get()
        with pytest.raises(EOFError):
            inbox.come()
    theirs.close()
