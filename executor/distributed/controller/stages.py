"""What happens to requests before and after their steps, one at a time on each worker for it: encoding, decoding.

Where GPUs of the cluster decode, an image is given to one of them, which does it next; the workers for stages do what that
GPU then fails to do, since its state is where all can read it.

What comes first says :mod:`executor.stage_queue`; images are written beside other commands. A command whose worker dies,
or stops working, is given again; an image that cannot be written is tried again later, so that a full disk loses nothing.
A request that fails again and again is given up, and others go on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from executor.distributed import messages as m
from executor.distributed.images import image_path, latent_path
from executor.models.spec import Ask
from executor.stage_queue import StageQueue, need
from planner.costs import Costs
from profiles.entries import Stage

_RETRY_AFTER = 0.5

_DEATHS = 3
"""Deaths of the worker count a third of a failure each: it may not have been the request's fault."""

StageCommand = m.Admit | m.Decode
StageAnswer = m.Admitted | m.Refused | m.Rendered | m.Decoded | m.Undecoded


class _Hand:
    """What one worker is at.

    Parameters
    ----------
    current
        Its command, until it can take the next one.
    writing
        Requests whose frames it has made and is writing.
    heard
        When it gave its last sign of life.
    given
        Of a worker that does steps: images that only it is to make. It takes no others, and no texts.
    """

    def __init__(self, given: deque[Ask] | None = None) -> None:
        self.given = given
        self.current: StageCommand | None = None
        self.writing: dict[int, Ask] = {}
        self.heard = 0.0


class Stages:
    """The queue of the workers for stages.

    Parameters
    ----------
    workers
        Their ranks.
    costs
        What steps and stages are expected to take.
    send
        Gives a worker a command.
    fail
        Called with a request that is given up, and why.
    gpus
        Ranks of workers that do steps, where they decode.
    images, latents
        Folders of images and of final latents; None writes none.
    attempts
        How often a request may fail.
    keep
        Whether files are kept.
    """

    def __init__(
        self,
        workers: Iterable[int],
        costs: Costs,
        send: Callable[[int, Any], None],
        fail: Callable[[Ask, str], None],
        images: Path | None,
        latents: Path | None = None,
        attempts: int = 3,
        gpus: Iterable[int] = (),
        keep: bool = True,
    ) -> None:
        self._costs = costs
        self._send = send
        self._fail = fail
        self._images = images
        self._latents = latents
        self._attempts = attempts
        self._keep = keep
        self._queue: StageQueue[Ask] = StageQueue()
        self._later: list[tuple[float, Ask]] = []
        self._ranks = list(workers)
        self._hands = {rank: _Hand() for rank in self._ranks} | {rank: _Hand(deque()) for rank in gpus}
        self._failures: Counter[int] = Counter()
        self._failing: float | None = None
        self.errors: dict[int, str] = {}

    def number(self, rank: int) -> int:
        """Return which of the workers for stages a rank is."""
        return self._ranks.index(rank)

    @property
    def admitting(self) -> bool:
        """Whether a request still waits for its text."""
        return self._queue.waits("encode") or any(isinstance(hand.current, m.Admit) for hand in self._hands.values())

    @property
    def decoding(self) -> bool:
        """Whether an image is still to come."""
        if self._queue.waits("decode") or self._later:
            return True
        return any(hand.writing or hand.given or isinstance(hand.current, m.Decode) for hand in self._hands.values())

    def admit(self, ask: Ask) -> None:
        """Queue a request for encoding."""
        self._queue.put("encode", ask.request.id, ask, need("encode", ask.request, self._costs))

    def decode(self, ask: Ask) -> None:
        """Queue a finished request for decoding."""
        self._queue.put("decode", ask.request.id, ask, need("decode", ask.request, self._costs))

    def decode_on(self, rank: int, ask: Ask) -> None:
        """Let a worker that has done the last step of a request make its image, after those that it was given before."""
        given = self._hands[rank].given
        assert given is not None
        given.append(ask)

    def forget(self, request: int) -> None:
        """Take a text out that nobody wants any more, if it still waits."""
        self._queue.forget(request)

    def proceed(self, now: float, at: float, ready: Sequence[bool]) -> None:
        """Give each worker that has none its next command.

        Parameters
        ----------
        now
            `time.monotonic`.
        at
            The same moment on the clock of the run.
        ready
            By rank: whether a worker can take one.
        """
        due = [ask for at, ask in self._later if at <= now]
        if due:
            self._later = [(at, ask) for at, ask in self._later if at > now]
            for ask in due:
                self.decode(ask)
        for rank, hand in self._hands.items():
            if hand.current is not None or not ready[rank]:
                continue
            chosen = self._next(hand, at)
            if chosen is None:
                continue
            hand.current, hand.heard = self._command(*chosen), now
            self._send(rank, hand.current)

    def _next(self, hand: _Hand, at: float) -> tuple[Stage, Ask] | None:
        if hand.given is None:
            return self._queue.take(at)
        return ("decode", hand.given.popleft()) if hand.given else None

    def _command(self, stage: Stage, ask: Ask) -> StageCommand:
        if stage == "encode":
            return m.Admit(ask)
        image = None if self._images is None else image_path(self._images, ask.request)
        latent = None if self._latents is None else latent_path(self._latents, ask.request.id)
        return m.Decode(ask, image, latent, self._keep)

    def heard(self, rank: int, now: float) -> None:
        """Take in a sign of life of a worker."""
        if rank in self._hands:
            self._hands[rank].heard = now

    def overdue(self, now: float, deadline: float) -> list[int]:
        """Ranks of workers that have something to do and have given no sign of life for ``deadline`` seconds."""
        return [
            rank
            for rank, hand in self._hands.items()
            if (hand.current is not None or hand.writing) and now > hand.heard + deadline
        ]

    def failing(self, now: float) -> float:
        """Seconds for which images have failed to come to rest without one that did."""
        return 0.0 if self._failing is None else now - self._failing

    def done(self, rank: int, message: StageAnswer, now: float) -> None:
        """Take in how far a worker is with its command."""
        hand = self._hands[rank]
        hand.heard = now
        if isinstance(message, m.Decoded | m.Undecoded):
            ask = hand.writing.pop(message.request, None)
        if isinstance(message, m.Decoded):
            self.errors.pop(message.request, None)
            self._failing = None
            return
        current = hand.current
        if isinstance(message, m.Undecoded):
            if ask is None and isinstance(current, m.Decode):
                ask, hand.current = current.ask, None
            if ask is not None:
                self._undecoded(ask, message, now)
            return
        hand.current = None
        if isinstance(message, m.Rendered) and current is not None:
            hand.writing[message.request] = current.ask

    def died(self, rank: int) -> None:
        """Take in that a worker died: what it was at waits again, for a worker for stages."""
        if rank not in self._hands:
            return
        hand = self._hands[rank]
        self._hands[rank] = _Hand(None if hand.given is None else deque())
        for ask in (*hand.writing.values(), *(hand.given or ())):
            self.decode(ask)
        if hand.current is None:
            return
        ask = hand.current.ask
        self._failures[ask.request.id] += 1
        if self._failures[ask.request.id] >= _DEATHS * self._attempts:
            what = "encoding its text" if isinstance(hand.current, m.Admit) else "decoding its image"
            who = "the worker for stages" if hand.given is None else f"worker {rank}"
            self._fail(ask, f"{who} died or hung {self._failures[ask.request.id]} times while {what}")
        elif isinstance(hand.current, m.Admit):
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
