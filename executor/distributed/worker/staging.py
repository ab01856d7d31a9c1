"""What a worker does of a request before and after its steps: encode its text, make its image and write it.

A file is written beside the next commands, by a thread of its own; while a worker is at something, another one gives signs
of life.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

import torch
from PIL.Image import Image
from safetensors.torch import save

from executor.distributed import messages as m
from executor.distributed.images import encoded
from executor.distributed.storage import Storage
from executor.distributed.worker.pulse import Pulse
from executor.distributed.worker.tickets import Tickets
from executor.distributed.worker.writing import Writing
from executor.models.model import Model
from executor.models.ticket import Ticket
from executor.sequence import AttentionError, Communicator, Loopback


class Staging:
    """Texts and images of a worker.

    Parameters
    ----------
    model, tickets, storage
        Of the worker.
    say
        Tells the controller something; from any thread.
    over
        Lets the transformers attend over a group meanwhile.
    degree
        Of the largest group.
    """

    def __init__(
        self,
        model: Model,
        tickets: Tickets,
        storage: Storage,
        say: Callable[[Any], None],
        over: Callable[[Communicator], AbstractContextManager[None]],
        degree: int,
    ) -> None:
        self._model = model
        self._tickets = tickets
        self._storage = storage
        self._say = say
        self._over = over
        self._degree = degree
        self._rehearsed = degree == 1
        self._writing = Writing()
        self._pulse = Pulse(lambda: say(m.Working()))

    def close(self) -> None:
        """Write what is being written to its end."""
        self._pulse.close()
        self._writing.close()

    def settle(self) -> None:
        """Wait until the last file is written."""
        self._writing.settle()

    def admit(self, admit: m.Admit) -> None:
        """Encode a text, and make sure that the request can be served."""
        began = time.monotonic()
        request = admit.ask.request.id
        try:
            ticket = self._model.admit(admit.ask)
            self._rehearse(ticket)
            self._tickets.states.admit(request, ticket.fixed(), ticket.moving())
        except Exception as error:
            self._say(m.Refused(request, f"{type(error).__name__}: {error}"))
        else:
            at = time.monotonic()
            self._say(m.Admitted(request, at, at - began))
        finally:
            self._tickets.release(request)

    def decode(self, decode: m.Decode) -> None:
        """Make an image of a finished request, and let it be written."""
        began = time.monotonic()
        request = decode.ask.request.id
        try:
            ticket = self._tickets.after(request, decode.ask.request.steps)
            frames = self._model.decode(ticket)
            latents = ticket.latents.contiguous().cpu()
        except Exception as error:
            self._say(_undecoded(request, error))
            return
        finally:
            self._tickets.drop(request)
            self._tickets.release(request)
        at = time.monotonic()
        self._say(m.Rendered(request, at, at - began))
        self._writing.put(lambda: self._write(decode, frames, latents, began))

    def _rehearse(self, ticket: Ticket) -> None:
        """Make sure, once, that every attention of a step would be over its group.

        Raises
        ------
        AttentionError
            If one would not; the message names it.
        """
        if self._rehearsed:
            return
        try:
            with self._over(Loopback(self._degree)):
                self._model.rehearse(ticket)
        except AttentionError:
            raise
        except Exception:
            self._rehearsed = True  # what cannot be gone through without values shows in its first step
        else:
            self._rehearsed = True

    def _write(self, decode: m.Decode, frames: list[Image], latents: torch.Tensor, began: float) -> None:
        """Write what a request has become, and tell so. In the thread for it."""
        request = decode.ask.request.id
        try:
            files = [] if decode.latent is None else [(decode.latent, save({"latents": latents}))]
            if decode.image is not None:
                files.append((decode.image, encoded(frames, decode.ask)))
            for path, data in files if decode.keep else ():
                self._storage.save(path, data)
        except Exception as error:
            message: Any = _undecoded(request, error)
        else:
            at = time.monotonic()
            message = m.Decoded(request, at, at - began)
        with suppress(OSError):  # nobody listens any more; the main thread finds out by itself
            self._say(message)


def _undecoded(request: int, error: Exception) -> m.Undecoded:
    return m.Undecoded(request, f"{type(error).__name__}: {error}", isinstance(error, OSError))
