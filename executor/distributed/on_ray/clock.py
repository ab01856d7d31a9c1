"""How far another machine's clock is ahead of ours, as NTP estimates it."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection

_ROUNDS = 12


def ahead(connection: Connection) -> float:
    """Return the seconds by which the clock of who calls `tell` at the other end is ahead.

    The round trip that took least time says most: the answer was given in its middle, give or take half of it. A
    difference within that is none: processes of one machine share their clock.
    """
    shortest, best = float("inf"), 0.0
    for _ in range(_ROUNDS):
        asked = time.monotonic()
        connection.send(None)
        theirs: float = connection.recv()
        answered = time.monotonic()
        if answered - asked < shortest:
            shortest, best = answered - asked, theirs - (asked + answered) / 2
    return best if abs(best) > shortest / 2 else 0.0


def tell(connection: Connection) -> None:
    """Answer `ahead` at the other end."""
    for _ in range(_ROUNDS):
        connection.recv()
        connection.send(time.monotonic())
