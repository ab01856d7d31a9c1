"""A limit on the time that code of others may take: what loops for ever is ended, and named."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType


class TookTooLong(BaseException):
    """Code did not end in time; no ``except Exception`` of its own keeps it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """End the body after so many seconds on the clock, wherever it is in Python code.

    Outside of the main thread, and where the system has no such timer, there is no limit.

    Raises
    ------
    TookTooLong
        If the body takes longer.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"did not end within {seconds:g} s; does it loop for ever?")

    began = monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(1e-3, left - (monotonic() - began)), interval)
