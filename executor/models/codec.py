"""Objects with tensors in them as bytes and back, exactly, whatever device they come from."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

_NUMBER = struct.Struct("<Q")

Host = Callable[[Tensor], Tensor]
"""Returns a tensor in host memory that has the values of another, now or when they have arrived."""


class Packed:
    """An object as bytes, but for the values of its tensors, which may still be on their way to host memory.

    Parameters
    ----------
    head
        All else.
    raws
        Where the values are, or will be.
    """

    def __init__(self, head: bytes, raws: Sequence[memoryview]) -> None:
        self._head = head
        self._raws = raws

    def join(self) -> bytes:
        """Return the whole; all values must have arrived."""
        lengths = (len(self._raws), len(self._head), *(raw.nbytes for raw in self._raws))
        return b"".join([*map(_NUMBER.pack, lengths), self._head, *self._raws])


class _Pickler(pickle.Pickler):
    """Writes a tensor as dtype, shape, and whether it lay on a device; its values are kept apart."""

    def __init__(self, stream: io.BytesIO, host: Host) -> None:
        super().__init__(stream, protocol=5, buffer_callback=self._inside)
        self.raws: list[memoryview] = []
        self._host = host

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not Tensor:
            return NotImplemented
        flat = self._host(value.detach()).view(-1)
        if not flat.numel():
            return _restore, (b"", value.dtype, tuple(value.shape), _on_device(value))
        values: Any = flat.view(torch.uint8).numpy()
        buffer = pickle.PickleBuffer(values)
        self.raws.append(buffer.raw())
        return _restore, (buffer, value.dtype, tuple(value.shape), _on_device(value))

    def _inside(self, buffer: pickle.PickleBuffer) -> bool:
        """Whether what a buffer holds is written with all else: what is not of a tensor may change at any time."""
        return not (self.raws and buffer.raw().obj is self.raws[-1].obj)


class _Unpickler(pickle.Unpickler):
    """Reads tensors; those that lay on a device go to another one."""

    def __init__(self, head: memoryview, raws: Sequence[memoryview], device: torch.device | None) -> None:
        super().__init__(io.BytesIO(head), buffers=raws)
        self._device = device

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return partial(_restore, device=self._device) if found is _restore else found


def in_host_memory(value: Tensor) -> Tensor:
    """Return a tensor in host memory, at once; one that is there already is not copied."""
    return value.cpu().contiguous()


def _on_device(value: Tensor) -> bool:
    return str(value.device.type) != "cpu"


def _restore(
    raw: Any, dtype: torch.dtype, shape: tuple[int, ...], moves: bool, device: torch.device | None = None
) -> Tensor:
    if not len(raw):
        made = torch.empty(shape, dtype=dtype)
    else:
        made = torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(dtype).view(shape)
    return made.to(device) if moves and device is not None else made


def pack_with(value: Any, host: Host) -> Packed:
    """Return an object as bytes; its tensors may lie on any device, and ``host`` says how they leave it."""
    stream = io.BytesIO()
    pickler = _Pickler(stream, host)
    pickler.dump(value)
    return Packed(stream.getvalue(), pickler.raws)


def pack(value: Any) -> bytes:
    """Return an object as bytes; its tensors may lie on any device."""
    return pack_with(value, in_host_memory).join()


def unpack(data: bytes | memoryview, device: torch.device | None = None) -> Any:
    """Return what `pack` was given.

    Tensors that lay on a device then come to ``device``, wherever in the object they are; those that were in host memory
    stay there. Without a device all are in host memory.
    """
    view = memoryview(data)
    (count,) = _NUMBER.unpack_from(view)
    lengths = struct.unpack_from(f"<{count + 1}Q", view, _NUMBER.size)
    pieces, first = [], (count + 2) * _NUMBER.size
    for length in lengths:
        pieces.append(view[first : first + length])
        first += length
    return _Unpickler(pieces[0], pieces[1:], device).load()


def to_device(value: Any, device: torch.device) -> Any:
    """Move the tensors of plain containers."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_device(item, device) for item in value)
    return value
