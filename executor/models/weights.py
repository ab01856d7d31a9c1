"""How much memory the weights of a folder take, judged by the heads of their files. No torch here."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Of a number, by its name in a file: these are made numbers of the type that is asked for."""

_NAMES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_HEAD = struct.Struct("<Q")
_LONGEST = 100 << 20
"""Bytes of the longest head that is read."""


class Weights(NamedTuple):
    """Weights of some parts.

    Parameters
    ----------
    mapped
        Bytes that are used as they lie in their files: in memory once, for all processes of a machine.
    made
        Bytes that each process makes for itself, since its numbers are of another type.
    """

    mapped: int
    made: int


def weights_of(folder: Path, parts: Sequence[str], dtype: str) -> Weights:
    """Return what the weights of parts take in host memory when they are loaded.

    Parameters
    ----------
    folder
        As diffusers saves it.
    parts
        Names of folders in it; one without weights, or with broken ones, takes nothing.
    dtype
        That floating-point weights are loaded as.
    """
    mapped = made = 0
    for part in parts:
        for path in _files(folder / part):
            try:
                for kind, count, length in _tensors(path):
                    if kind in _BYTES and kind != _NAMES[dtype]:
                        made += count * _BYTES[_NAMES[dtype]]
                    else:
                        mapped += length
            except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
                continue
    return Weights(mapped, made)


def _files(part: Path) -> list[Path]:
    """Return the files that are loaded: the shards of an index, else the one file; variants of other types are not."""
    for name in ("diffusion_pytorch_model", "model"):
        index = part / f"{name}.safetensors.index.json"
        if index.is_file():
            try:
                return [part / shard for shard in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                return []
        if (part / f"{name}.safetensors").is_file():
            return [part / f"{name}.safetensors"]
    return []


def names_in(path: Path) -> Iterator[str]:
    """Yield the names of a file's tensors.

    Raises
    ------
    OSError, ValueError, AttributeError, struct.error
        If it is no file of safetensors.
    """
    return (name for name, _ in _head(path))


def _tensors(path: Path) -> Iterator[tuple[str, int, int]]:
    """Yield type, numbers and bytes of every tensor of a file."""
    for _, about in _head(path):
        first, last = about["data_offsets"]
        yield about["dtype"], math.prod(about["shape"]), last - first


def _head(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield name and description of every tensor of a file."""
    with path.open("rb") as file:
        (length,) = _HEAD.unpack(file.read(_HEAD.size))
        head = json.loads(file.read(min(length, _LONGEST)))
    return ((name, about) for name, about in head.items() if name != "__metadata__")
