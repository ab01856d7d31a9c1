"""An interrupt that waits for a moment at which nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_wait(wake: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Hold back what would interrupt the program here and there; a second one is not held back.

    Signals that raise KeyboardInterrupt are, and no others: what somebody else handles is theirs. Away from the main thread
    nothing can be held back, and nothing arrives.

    Parameters
    ----------
    wake
        Called at an interrupt, so that whoever waits comes to a moment at which it can be raised.

    Yields
    ------
    Callable
        Raises KeyboardInterrupt if there was an interrupt; to be called where nothing is half done.

    Raises
    ------
    KeyboardInterrupt
        At the end, if there was an interrupt after the last such moment.
    """
    heard = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            signal.default_int_handler(number, frame)
        heard = True
        wake()

    def rest() -> None:
        if heard:
            raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    kinds = (signal.SIGINT, signal.SIGTERM) if main else ()
    held = [number for number in kinds if signal.getsignal(number) is signal.default_int_handler]
    for number in held:
        signal.signal(number, hear)
    try:
        yield rest
    finally:
        for number in held:
            signal.signal(number, signal.default_int_handler)
    rest()
