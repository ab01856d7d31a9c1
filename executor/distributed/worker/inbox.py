"""Commands of a worker as they come: what cannot wait for the one in hand is done beside it.

A member of a group whose peer has died may wait for ever: a GPU's kernel spins until somebody aborts its communicator,
and the thread that waits for the GPU cannot. So another one listens.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from typing import Any

from executor.distributed import messages as m


class Inbox:
    """Takes commands in, in a thread of its own, until one says stop or the controller is gone.

    Parameters
    ----------
    connection
        To the controller.
    abort
        Breaks off groups by their names, or all; called in the thread, while commands are carried out.
    """

    def __init__(self, connection: Connection, abort: Callable[[list[str] | None], None]) -> None:
        self._connection = connection
        self._abort = abort
        self._commands: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()

    def get(self) -> Any:
        """Return the next command, once there is one.

        Raises
        ------
        EOFError
            If the controller is gone.
        """
        command = self._commands.get()
        if command is None:
            self._commands.put(None)
            raise EOFError
        return command

    def come(self) -> list[Any]:
        """Return the commands that have come since the last call of this or of `get`.

        Raises
        ------
        EOFError
            If the controller is gone.
        """
        commands: list[Any] = []
        with suppress(Empty):
            while True:
                commands.append(self._commands.get_nowait())
        if None in commands:
            self._commands.put(None)
            raise EOFError
        return commands

    def _listen(self) -> None:
        command: Any = None
        while not isinstance(command, m.Stop):
            try:
                command = self._connection.recv()
            except (EOFError, OSError):
                self._commands.put(None)
                self._abort(None)
                return
            if isinstance(command, m.Abort):
                self._abort([command.name])
                command = m.Leave(command.name)
            self._commands.put(command)
