"""What happens to requests before and after their steps, one at a time, on one worker: encoding, decoding.

Requests that wait to be encoded and finished ones that wait to be decoded take turns. A command whose worker
dies is given again; an image that cannot be written is tried again later, so that a full disk loses nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from executor.distributed import messages as m
from executor.distributed.images import image_path, latent_path
from executor.distributed.models.spec import Ask

_RETRY_AFTER = 0.5


class Stages:
    """The queue of the worker for stages.

    Parameters
    ----------
    send
        Gives the worker a command.
    images, latents
        Folders of images and of final latents; None writes none.
    """

    def __init__(self, send: Callable[[Any], None], images: Path | None, latents: Path | None = None) -> None:
        self._send = send
        self._images = images
        self._latents = latents
        self._admit: deque[Ask] = deque()
        self._decode: deque[Ask] = deque()
        self._later: list[tuple[float, Ask]] = []
        self._current: m.Admit | m.Decode | None = None
        self._last: m.Admit | m.Decode | None = None
        self._decode_seconds = 0.0
        self.delivered: dict[int, float] = {}
        self.errors: dict[int, str] = {}

    @property
    def admitting(self) -> bool:
        """Whether a request still waits for its text."""
        return bool(self._admit) or isinstance(self._current, m.Admit)

    @property
    def decoding(self) -> bool:
        """Whether an image is still to come."""
        return bool(self._decode or self._later) or isinstance(self._current, m.Decode)

    @property
    def backlog(self) -> float:
        """Seconds until an image that joins the queue now is there, judged by the last one."""
        waiting = len(self._decode) + len(self._later) + isinstance(self._current, m.Decode)
        return (waiting + 1) * self._decode_seconds

    def admit(self, ask: Ask) -> None:
        """Queue a request for encoding."""
        self._admit.append(ask)

    def decode(self, ask: Ask) -> None:
        """Queue a finished request for decoding."""
        self._decode.append(ask)

    def proceed(self, now: float, ready: bool) -> None:
        """Give the worker its next command, if it has none.

        Parameters
        ----------
        now
            `time.monotonic`.
        ready
            Whether the worker can take one.
        """
        due = [ask for at, ask in self._later if at <= now]
        if due:
            self._later = [(at, ask) for at, ask in self._later if at > now]
            self._decode.extend(due)
        if not ready or self._current is not None:
            return
        if self._admit and not (self._decode and isinstance(self._last, m.Admit)):
            self._current = m.Admit(self._admit.popleft())
        elif self._decode:
            ask = self._decode.popleft()
            image = None if self._images is None else image_path(self._images, ask.request.id)
            latent = None if self._latents is None else latent_path(self._latents, ask.request.id)
            self._current = m.Decode(ask, image, latent)
        else:
            return
        self._last = self._current
        self._send(self._current)

    def done(self, message: m.Admitted | m.Refused | m.Decoded | m.Undecoded, now: float) -> None:
        """Take in that the worker has finished its command."""
        current, self._current = self._current, None
        if isinstance(message, m.Decoded):
            self.delivered[message.request] = message.at
            self.errors.pop(message.request, None)
            self._decode_seconds = message.seconds
        elif isinstance(message, m.Undecoded) and current is not None:
            self.errors[message.request] = message.error
            self._later.append((now + _RETRY_AFTER, current.ask))

    def died(self) -> None:
        """Take in that the worker died: what it was at goes first."""
        current, self._current = self._current, None
        if isinstance(current, m.Admit):
            self._admit.appendleft(current.ask)
        elif isinstance(current, m.Decode):
            self._decode.appendleft(current.ask)
