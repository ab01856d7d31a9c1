"""What happens to requests before and after their steps, one at a time, on one worker: encoding, decoding.

Texts go before images, the most urgent first (:mod:`executor.stage_queue`); images are written beside them. A
command whose worker dies, or stops working, is given again; an image that cannot be written is tried again later, so that
a full disk loses nothing. A request that fails again and again is given up, and others go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from executor.distributed import messages as m
from executor.distributed.images import image_path, latent_path
from executor.distributed.models.spec import Ask
from executor.stage_queue import StageQueue

_RETRY_AFTER = 0.5

_DEATHS = 3
"""Deaths of the worker count a third of a failure each: it may not have been the request's fault."""

Command = m.Admit | m.Decode
Answer = m.Admitted | m.Refused | m.Rendered | m.Decoded | m.Undecoded


class Stages:
    """The queue of the worker for stages.

    Parameters
    ----------
    send
        Gives the worker a command.
    fail
        Called with a request that is given up, and why.
    images, latents
        Folders of images and of final latents; None writes none.
    attempts
        How often a request may fail.
    """

    def __init__(
        self,
        send: Callable[[Any], None],
        fail: Callable[[Ask, str], None],
        images: Path | None,
        latents: Path | None = None,
        attempts: int = 3,
    ) -> None:
        self._send = send
        self._fail = fail
        self._images = images
        self._latents = latents
        self._attempts = attempts
        self._queue: StageQueue[Ask] = StageQueue()
        self._later: list[tuple[float, Ask]] = []
        self._current: Command | None = None
        self._writing: dict[int, Ask] = {}
        self._failures: Counter[int] = Counter()
        self._heard = 0.0
        self._failing: float | None = None
        self.errors: dict[int, str] = {}

    @property
    def admitting(self) -> bool:
        """Whether a request still waits for its text."""
        return self._queue.waits("encode") or isinstance(self._current, m.Admit)

    @property
    def decoding(self) -> bool:
        """Whether an image is still to come."""
        waiting = self._queue.waits("decode") or bool(self._later or self._writing)
        return waiting or isinstance(self._current, m.Decode)

    def admit(self, ask: Ask) -> None:
        """Queue a request for encoding."""
        self._queue.put("encode", ask, ask.request.deadline)

    def decode(self, ask: Ask) -> None:
        """Queue a finished request for decoding."""
        self._queue.put("decode", ask, ask.request.deadline)

    def proceed(self, now: float, at: float, ready: bool) -> None:
        """Give the worker its next command, if it has none.

        Parameters
        ----------
        now
            `time.monotonic`.
        at
            The same moment on the clock of the run.
        ready
            Whether the worker can take one.
        """
        due = [ask for at, ask in self._later if at <= now]
        if due:
            self._later = [(at, ask) for at, ask in self._later if at > now]
            for ask in due:
                self.decode(ask)
        if not ready or self._current is not None or (chosen := self._queue.take(at)) is None:
            return
        stage, ask = chosen
        if stage == "encode":
            self._current = m.Admit(ask)
        else:
            image = None if self._images is None else image_path(self._images, ask.request.id)
            latent = None if self._latents is None else latent_path(self._latents, ask.request.id)
            self._current = m.Decode(ask, image, latent)
        self._heard = now
        self._send(self._current)

    def heard(self, now: float) -> None:
        """Take in a sign of life."""
        self._heard = now

    def overdue(self, now: float, deadline: float) -> bool:
        """Whether the worker has something to do and has given no sign of life for ``deadline`` seconds."""
        return (self._current is not None or bool(self._writing)) and now > self._heard + deadline

    def failing(self, now: float) -> float:
        """Seconds for which images have failed to come to rest without one that did."""
        return 0.0 if self._failing is None else now - self._failing

    def done(self, message: Answer, now: float) -> None:
        """Take in how far the worker is with its command."""
        self._heard = now
        if isinstance(message, m.Decoded | m.Undecoded):
            ask = self._writing.pop(message.request, None)
        if isinstance(message, m.Decoded):
            self.errors.pop(message.request, None)
            self._failing = None
            return
        current = self._current
        if isinstance(message, m.Undecoded):
            if ask is None and isinstance(current, m.Decode):
                ask, self._current = current.ask, None
            if ask is not None:
                self._undecoded(ask, message, now)
            return
        self._current = None
        if isinstance(message, m.Rendered) and current is not None:
            self._writing[message.request] = current.ask

    def died(self) -> None:
        """Take in that the worker died: what it was at waits again."""
        current, self._current = self._current, None
        for ask in self._writing.values():
            self.decode(ask)
        self._writing.clear()
        if current is None:
            return
        ask = current.ask
        self._failures[ask.request.id] += 1
        if self._failures[ask.request.id] >= _DEATHS * self._attempts:
            what = "encoding its text" if isinstance(current, m.Admit) else "decoding its image"
            self._fail(ask, f"the worker for stages died or hung {self._failures[ask.request.id]} times while {what}")
        elif isinstance(current, m.Admit):
            self.admit(ask)
        else:
            self.decode(ask)

    def _undecoded(self, ask: Ask, message: m.Undecoded, now: float) -> None:
        """Try again later what time may mend, and a few times what it probably does not."""
        if not message.passing:
            self._failures[ask.request.id] += _DEATHS
            if self._failures[ask.request.id] >= _DEATHS * self._attempts:
                self.errors.pop(ask.request.id, None)
                self._fail(ask, f"decoding its image failed {self._attempts} times: {message.error}")
                return
        self.errors[ask.request.id] = message.error
        self._failing = now if self._failing is None else self._failing
        self._later.append((now + _RETRY_AFTER, ask))
