"""Objects with tensors in them as bytes and back, exactly, whatever device they come from."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch
from torch import Tensor


class _Pickler(pickle.Pickler):
    """Writes a tensor as its raw bytes, dtype and shape."""

    def reducer_override(self, value: Any) -> Any:
        if type(value) is not Tensor:
            return NotImplemented
        flat = value.detach().cpu().contiguous().view(-1)
        raw: Any = flat.view(torch.uint8).numpy() if flat.numel() else b""
        return _restore, (pickle.PickleBuffer(raw), value.dtype, tuple(value.shape))


def _restore(raw: Any, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    if not len(raw):
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8).view(dtype).view(shape)


def pack(value: Any) -> bytes:
    """Return an object as bytes; its tensors may lie on any device."""
    stream = io.BytesIO()
    _Pickler(stream, protocol=5).dump(value)
    return stream.getvalue()


def unpack(data: bytes | memoryview, device: torch.device | None = None) -> Any:
    """Return what `pack` was given, with tensors in containers and attributes on ``device``."""
    value = pickle.loads(data)
    return value if device is None or device.type == "cpu" else to_device(value, device)


def to_device(value: Any, device: torch.device) -> Any:
    """Move the tensors of plain containers."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: to_device(item, device) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(to_device(item, device) for item in value)
    return value
