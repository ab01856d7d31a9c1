"""Objects with tensors in them as bytes and back, exactly, whatever device they come from."""

from __future__ import annotations

import io
import pickle
from functools import partial
from typing import Any

import torch
from torch import Tensor


class _Pickler(pickle.Pickler):
    """Writes a tensor as its raw bytes, dtype, shape, and whether it lay on a device."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not Tensor:
            return NotImplemented
        flat = value.detach().cpu().contiguous().view(-1)
        raw: Any = flat.view(torch.uint8).numpy() if flat.numel() else b""
        return _restore, (pickle.PickleBuffer(raw), value.dtype, tuple(value.shape), _on_device(value))


class _Unpickler(pickle.Unpickler):
    """Reads tensors; those that lay on a device go to another one."""

    def __init__(self, data: bytes | memoryview, device: torch.device | None) -> None:
        super().__init__(io.BytesIO(data))
        self._device = device

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return partial(_restore, device=self._device) if found is _restore else found


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


def pack(value: Any) -> bytes:
    """Return an object as bytes; its tensors may lie on any device."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=5).dump(value)
    return stream.getvalue()


def unpack(data: bytes | memoryview, device: torch.device | None = None) -> Any:
    """Return what `pack` was given.

    Tensors that lay on a device then come to ``device``, wherever in the object they are; those that were in host memory
    stay there. Without a device all are in host memory.
    """
    return _Unpickler(data, device).load()


def to_device(value: Any, device: torch.device) -> Any:
    """Move the tensors of plain containers."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_device(item, device) for item in value)
    return value
